import { fallingOrder, groupRows, stableOrder } from "./sorting.js";
import type { DetectionTable, GroundTruthTable } from "./tables.js";

/** One category's table rows. */
export interface ClassRows {
  /** −1 where categories are not looked at. */
  readonly categoryId: number;
  /** In order of images. */
  readonly objects: Int32Array;
  /** In order of images, those of an image by falling score. */
  readonly detections: Int32Array;
  /** The same by falling score, equal scores in order of images. */
  readonly ranked: Int32Array;
}

/**
 * Each category's table rows. Without categories all rows as one class; equal scores of an image are then ranked by
 * category first, as in the reference.
 */
export function rowsByClass(
  groundTruth: GroundTruthTable,
  detections: DetectionTable,
  useCategories: boolean,
): ClassRows[] {
  const { imageIds, categoryIds } = groundTruth;
  const I = imageIds.length;
  const K = categoryIds.length;
  const order = (table: GroundTruthTable | DetectionTable) =>
    stableOrder(table.image, I, useCategories ? undefined : stableOrder(table.category, K));
  const objects = order(groundTruth);
  const ranked = fallingOrder(detections.scores, order(detections));
  const found = stableOrder(detections.image, I, ranked);
  if (!useCategories) return [{ categoryId: -1, objects, detections: found, ranked }];
  const objectsOf = groupRows(groundTruth.category, K, objects);
  const foundOf = groupRows(detections.category, K, found);
  const rankedOf = groupRows(detections.category, K, ranked);
  return Array.from(categoryIds, (categoryId, k) => ({
    categoryId,
    objects: objectsOf.rows.subarray(objectsOf.starts[k], objectsOf.starts[k + 1]),
    detections: foundOf.rows.subarray(foundOf.starts[k], foundOf.starts[k + 1]),
    ranked: rankedOf.rows.subarray(rankedOf.starts[k], rankedOf.starts[k + 1]),
  }));
}
