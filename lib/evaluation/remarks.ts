import { counted, pick } from "../words.js";
import type { DetectionTable, GroundTruthTable, UnknownCategories } from "./tables.js";

/** Categories named in a remark. */
const NAMED = 5;

/**
 * What holds figures down without being an error: results that the reference leaves out without a word, and objects that it
 * never counts as found.
 */
export function remarksOn(
  groundTruth: GroundTruthTable,
  { unknown, boxes }: Partial<Pick<DetectionTable, "unknown" | "boxes">> = {},
): string[] {
  const remarks: string[] = [];
  const inverted = boxes === undefined ? 0 : countInverted(boxes);
  if (inverted > 0) {
    remarks.push(
      `${counted(inverted, "result")} ${pick(inverted, "has a box", "have boxes")} of negative width or height, which ` +
        `${pick(inverted, "matches", "match")} nothing, as in COCO's reference; bbox is x, y, width, height`,
    );
  }
  const flat = groundTruth.masks === undefined ? countFlat(groundTruth) : 0;
  if (flat > 0) {
    remarks.push(
      `${counted(flat, "object")} of the ground truth ${pick(flat, "has a box", "have boxes")} without width or height, or of ` +
        `negative ones, so that nothing matches ${pick(flat, "it", "them")}; bbox is x, y, width, height`,
    );
  }
  if (unknown !== undefined && unknown.counts.size > 0) remarks.push(aboutUnknown(unknown, groundTruth));
  if (groundTruth.ids.includes(0)) {
    remarks.push(
      'an annotation has the id 0, which COCO\'s reference takes for "no match": its object counts as missed whatever ' +
        "is found, here as there; number annotations from 1",
    );
  }
  return remarks;
}

/** @param boxes [n, 4] x y width height */
function countInverted(boxes: Float64Array): number {
  let count = 0;
  for (let i = 0; i < boxes.length; i += 4) if (boxes[i + 2]! < 0 || boxes[i + 3]! < 0) count++;
  return count;
}

function countFlat({ boxes, crowd }: GroundTruthTable): number {
  let count = 0;
  for (let i = 0; i < crowd.length; i++) {
    if (crowd[i] === 0 && !(boxes[4 * i + 2]! > 0 && boxes[4 * i + 3]! > 0)) count++;
  }
  return count;
}

function aboutUnknown({ of, counts }: UnknownCategories, { categoryIds, categoryNames }: GroundTruthTable): string {
  const mostFirst = [...counts].sort((a, b) => b[1] - a[1]);
  const total = mostFirst.reduce((sum, [, count]) => sum + count, 0);
  const unknown = mostFirst.map(([id, count]) => `${id} (${counted(count, "result")})`);
  const known = Array.from(categoryIds, (id, k) => `${id} (${categoryNames[k]})`);
  return (
    `${total} of ${counted(of, "result")} ${pick(total, "counts", "count")} for nothing, of categories that the ground ` +
    `truth lacks: ${some(unknown)}; judged are the categories ${some(known)}`
  );
}

function some(texts: readonly string[]): string {
  const rest = texts.length > NAMED ? `, … (${texts.length - NAMED} more)` : "";
  return texts.length === 0 ? "none" : texts.slice(0, NAMED).join(", ") + rest;
}

/** The pieces of a file of results together. */
export function joinUnknown(parts: readonly UnknownCategories[]): UnknownCategories {
  const counts = new Map<number, number>();
  for (const part of parts) {
    for (const [id, count] of part.counts) counts.set(id, (counts.get(id) ?? 0) + count);
  }
  return { of: parts.reduce((sum, { of }) => sum + of, 0), counts };
}
