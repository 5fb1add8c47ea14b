import { type DetectionTable, fallingOrder, type GroundTruthTable, groupRows, stableOrder } from "./tables.js";
import type { ClassRows } from "./verdicts.js";

/**
 * Each category's table rows in order of pictures, detections of a picture by falling score. Without categories all rows
 * as one class; equal scores of a picture are then ranked by category first, as in the reference.
 */
export function rowsByClass(
  groundTruth: GroundTruthTable,
  detections: DetectionTable,
  useCategories: boolean,
): ClassRows[] {
  const { imageIds, categoryIds } = groundTruth;
  const I = imageIds.length;
  const K = categoryIds.length;
  if (!useCategories) {
    const ranked = fallingOrder(detections.scores, stableOrder(detections.category, K));
    const objects = stableOrder(groundTruth.image, I, stableOrder(groundTruth.category, K));
    return [{ categoryId: -1, objects, detections: stableOrder(detections.image, I, ranked) }];
  }
  const objects = groupRows(groundTruth.category, K, stableOrder(groundTruth.image, I));
  const ranked = stableOrder(detections.image, I, fallingOrder(detections.scores));
  const found = groupRows(detections.category, K, ranked);
  return Array.from(categoryIds, (categoryId, k) => ({
    categoryId,
    objects: objects.rows.subarray(objects.starts[k], objects.starts[k + 1]),
    detections: found.rows.subarray(found.starts[k], found.starts[k + 1]),
  }));
}
