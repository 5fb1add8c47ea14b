import { UserError } from "../errors.js";
import { RunBuffer } from "./runBuffer.js";
import { RunBuilder, runEnds } from "./runs.js";
import { maskTable, sharedWithTable } from "./table.js";
import type { Rle } from "./types.js";

/** Intersection over union; divided by the detection's own area if the ground truth is a crowd. */
export function overlapRatio(shared: number, detectionArea: number, objectArea: number, crowd: boolean): number {
  return shared === 0 ? 0 : shared / (crowd ? detectionArea : detectionArea + objectArea - shared);
}

/** @throws UserError when the masks of a detection and an object differ in size */
export function checkSameSize(height: number, width: number, objectHeight: number, objectWidth: number): void {
  if (height === objectHeight && width === objectWidth) return;
  throw new UserError(
    `a mask of ${height} × ${width} cannot be compared with one of ${objectHeight} × ${objectWidth}; ` +
      "predict masks of the annotated image's size",
  );
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
  const table = maskTable(groundTruth);
  const G = groundTruth.length;
  const ious = new Float64Array(detections.length * G); // [d, g]
  const mask = new RunBuffer();
  detections.forEach((detection, d) => {
    mask.take(detection);
    groundTruth.forEach(({ height, width }, g) => {
      checkSameSize(detection.height, detection.width, height, width);
      ious[d * G + g] = overlapRatio(sharedWithTable(mask, table, g), mask.area, table.areas[g]!, crowd[g] === 1);
    });
  });
  return ious;
}

/**
 * The union or the intersection of masks of one size.
 *
 * @throws UserError when there are none or the sizes differ
 */
export function mergeRles(rles: readonly Rle[], how: "union" | "intersection"): Rle {
  if (rles.length === 0) throw new UserError("merging masks needs at least one mask");
  // In pairs, so that with thousands of masks each is read a few times, not thousands of times.
  let left = rles;
  while (left.length > 1) {
    const before = left;
    left = Array.from({ length: Math.ceil(before.length / 2) }, (_, i) => {
      const [a, b] = [before[2 * i]!, before[2 * i + 1]];
      return b === undefined ? a : mergeTwo(a, b, how === "union" ? 1 : 2);
    });
  }
  return left[0]!;
}

/** Pixels that are in at least `needed` of the two masks. */
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
