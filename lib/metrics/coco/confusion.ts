import { type AssignedImage, type AssignmentInput, IGNORED } from "./assignment.js";

/** Which classes a detector confuses, with background as the last class. */
export interface DetectionConfusion {
  /** K, without background. */
  readonly classes: number;
  /** [K + 1, K + 1] objects and detections by true class (rows) and detected class (columns). */
  readonly counts: Float64Array;
  /** Detections that lie on crowds of their class: in no cell. */
  readonly ignored: number;
}

export interface DetectionConfusionOptions extends AssignmentInput {
  /** Detections below it are left out. */
  readonly scoreThreshold: number;
}

/**
 * Counts each object and each detection once. First, as in the figures, each detection takes an object of its own class
 * (see `assignImages`): these are the diagonal. Then each remaining detection, best score first, takes the remaining
 * object of any class that it overlaps most, if the overlap reaches the threshold: a confusion. Detections still
 * without an object, duplicates among them, are in the background's row; objects still without a detection are missed
 * and are in its column. Hence a row's sum is the number of objects of a class, a column's sum that of its detections,
 * and the diagonal agrees with precision and recall.
 *
 * @param images assigned at the same IoU threshold
 */
export function detectionConfusion(
  images: readonly AssignedImage[],
  { groundTruth, detections, iouThreshold = 0.5, scoreThreshold }: DetectionConfusionOptions,
): DetectionConfusion {
  const K = groundTruth.categoryIds.length;
  const counts = new Float64Array((K + 1) * (K + 1)); // [truth, detected]
  let ignored = 0;
  for (const { detections: rows, objects, ious, matches, found } of images) {
    const D = rows.findLastIndex((row) => detections.scores[row]! >= scoreThreshold) + 1;
    const G = objects.length;
    const taken = found.map((d, g) => (groundTruth.crowd[objects[g]!] === 1 || (d >= 0 && d < D) ? 1 : 0));
    const truth = (g: number): number => groundTruth.category[objects[g]!]!;
    for (let d = 0; d < D; d++) {
      const detected = detections.category[rows[d]!]!;
      let object = matches[d]!;
      if (object < 0) {
        for (let g = 0; g < G; g++) {
          const iou = ious[d * G + g]!;
          if (taken[g] === 0 && iou >= iouThreshold && (object < 0 || iou > ious[d * G + object]!)) object = g;
        }
        if (object >= 0) taken[object] = 1;
        else if (matches[d] === IGNORED) {
          ignored++;
          continue;
        }
      }
      counts[(object >= 0 ? truth(object) : K) * (K + 1) + detected]!++;
    }
    for (let g = 0; g < G; g++) if (taken[g] === 0) counts[truth(g) * (K + 1) + K]!++;
  }
  return { classes: K, counts, ignored };
}
