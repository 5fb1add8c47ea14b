import { attentionOf, type EfficientFormerSize } from "../backbones/efficientformerSizes.js";
import type { Architecture } from "./architecture.js";
import { type SearchSpace, widthsOf } from "./space.js";

/** A part of a network with a cost of its own. Stages are counted from 1. */
export type Part =
  | { readonly kind: "stem" | "head"; readonly width: number }
  | { readonly kind: "MB4D" | "MB3D"; readonly stage: number; readonly width: number }
  /** Between maps and tokens, in either direction. */
  | { readonly kind: "switch"; readonly stage: number; readonly width: number }
  /** To a stage from the one before it, whose width is `from`. */
  | { readonly kind: "embedding"; readonly stage: number; readonly from: number; readonly width: number };

export type PartKind = Part["kind"];

export const PART_KINDS = [
  "stem",
  "MB4D",
  "MB3D",
  "switch",
  "embedding",
  "head",
] as const satisfies readonly PartKind[];

/** A unique name: `stem 48`, `MB4D 1 48`, `embedding 2 48-96`. */
export function partName(part: Part): string {
  switch (part.kind) {
    case "stem":
    case "head":
      return `${part.kind} ${part.width}`;
    case "embedding":
      return `embedding ${part.stage} ${part.from}-${part.width}`;
    default:
      return `${part.kind} ${part.stage} ${part.width}`;
  }
}

/** The parts of a network, repeated as often as they occur. */
export function partsOf({ widths, paths }: Architecture): Part[] {
  const parts: Part[] = [{ kind: "stem", width: widths[0] }];
  for (const [i, choices] of paths.entries()) {
    const stage = i + 1;
    const width = widths[i]!;
    if (i > 0) parts.push({ kind: "embedding", stage, from: widths[i - 1]!, width });
    const blocks = choices.filter((choice) => choice !== "identity");
    const first = blocks.indexOf("MB3D");
    const isLast = i === paths.length - 1;
    if (first >= 0 || isLast) parts.push({ kind: "switch", stage, width }); // a head always takes tokens
    for (const kind of blocks) parts.push({ kind, stage, width });
    if (first >= 0 && !isLast) parts.push({ kind: "switch", stage, width }); // embeddings take maps
  }
  parts.push({ kind: "head", width: widths[3] });
  return parts;
}

/** Every part that a network of the space may have, each once, the wider ones first. */
export const partsOfSpace = (space: SearchSpace): Part[] =>
  partsOfWidths(space.start, (stage) => widthsOf(space, stage).reverse());

/** The same for networks of full width only. */
export const partsOfFullWidth = (start: EfficientFormerSize): Part[] =>
  partsOfWidths(start, (stage) => [start.widths[stage]!]);

/** @param widths of a stage, counted from 0 */
function partsOfWidths(start: EfficientFormerSize, widths: (stage: number) => readonly number[]): Part[] {
  const parts: Part[] = [];
  for (const width of widths(0)) parts.push({ kind: "stem", width });
  for (const [i, attention] of attentionOf(start).entries()) {
    const stage = i + 1;
    for (const width of widths(i)) {
      if (i > 0) for (const from of widths(i - 1)) parts.push({ kind: "embedding", stage, from, width });
      parts.push({ kind: "MB4D", stage, width });
      const attends = attention > 0;
      if (attends || i === 3) parts.push({ kind: "switch", stage, width });
      if (attends) parts.push({ kind: "MB3D", stage, width });
    }
  }
  for (const width of widths(3)) parts.push({ kind: "head", width });
  return parts;
}
