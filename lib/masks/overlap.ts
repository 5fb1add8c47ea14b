import { UserError } from "../errors.js";
import { type Rle, rleArea, rleBoxXyxy } from "./rle.js";
import { firstRunAfter, RunBuilder, runEnds } from "./runs.js";

/** A mask with what overlaps are computed from, made once for many comparisons. */
export interface IndexedRle extends Rle {
  /** Where each run ends. */
  readonly ends: Uint32Array;
  readonly area: number;
  /** Tight x0 y0 x1 y1. */
  readonly box: readonly [number, number, number, number];
}

export function indexRle(rle: Rle): IndexedRle {
  return { ...rle, ends: runEnds(rle), area: rleArea(rle), box: rleBoxXyxy(rle) };
}

/** The number of pixels two masks of one size share. */
export function intersectionArea(a: IndexedRle, b: IndexedRle): number {
  if (a.box[0] >= b.box[2] || b.box[0] >= a.box[2] || a.box[1] >= b.box[3] || b.box[1] >= a.box[3]) return 0;
  const endsA = a.ends;
  const endsB = b.ends;
  let i = firstRunAfter(endsA, endsB[0]!);
  let j = firstRunAfter(endsB, endsA[0]!);
  let area = 0;
  while (i < endsA.length && j < endsB.length) {
    const endA = endsA[i]!;
    const endB = endsB[j]!;
    const shared = Math.min(endA, endB) - Math.max(endsA[i - 1]!, endsB[j - 1]!);
    if (shared > 0) area += shared;
    if (endA < endB) i += 2;
    else j += 2;
  }
  return area;
}

/** Intersection over union; over the detection's own area where the ground truth is a crowd. */
export function indexedIou(detection: IndexedRle, groundTruth: IndexedRle, crowd: boolean): number {
  if (detection.height !== groundTruth.height || detection.width !== groundTruth.width) {
    throw new UserError(
      `a mask of ${detection.height} × ${detection.width} cannot be compared with one of ` +
        `${groundTruth.height} × ${groundTruth.width}; predict masks of the annotated picture's size`,
    );
  }
  const intersection = intersectionArea(detection, groundTruth);
  if (intersection === 0) return 0;
  return intersection / (crowd ? detection.area : detection.area + groundTruth.area - intersection);
}

/**
 * IoU of every detection with every ground truth (pycocotools' `iou` of masks).
 *
 * @param crowd [g] 1 where a ground truth is a crowd: there the union is the detection's own area
 * @returns [d, g]
 * @throws UserError where the masks differ in size
 */
export function rleIou(
  detections: readonly Rle[],
  groundTruth: readonly Rle[],
  crowd: ArrayLike<number>,
): Float64Array {
  const indexed = groundTruth.map(indexRle);
  const ious = new Float64Array(detections.length * indexed.length); // [d, g]
  detections.forEach((detection, d) => {
    const a = indexRle(detection);
    for (let g = 0; g < indexed.length; g++) ious[d * indexed.length + g] = indexedIou(a, indexed[g]!, crowd[g] === 1);
  });
  return ious;
}

/**
 * The union or the intersection of masks of one size.
 *
 * @throws UserError where there is none or the sizes differ
 */
export function mergeRles(rles: readonly Rle[], how: "union" | "intersection"): Rle {
  const [first, ...others] = rles;
  if (first === undefined) throw new UserError("merging masks needs at least one mask");
  return others.reduce((merged, rle) => mergeTwo(merged, rle, how === "union" ? 1 : 2), first);
}

/** Pixels that lie in at least `needed` of the two masks. */
function mergeTwo(a: Rle, b: Rle, needed: 1 | 2): Rle {
  if (a.height !== b.height || a.width !== b.width) {
    throw new UserError(`masks of ${a.height} × ${a.width} and ${b.height} × ${b.width} cannot be merged`);
  }
  const endsA = runEnds(a);
  const endsB = runEnds(b);
  const runs = new RunBuilder();
  for (let i = 0, j = 0, start = 0; i < endsA.length && j < endsB.length; ) {
    const end = Math.min(endsA[i]!, endsB[j]!);
    if ((i & 1) + (j & 1) >= needed) runs.add(start, end);
    start = end;
    const stepA = endsA[i] === end;
    if (endsB[j] === end) j++;
    if (stepA) i++;
  }
  return runs.finish(a.height, a.width);
}
