import type { DetectionTable, GroundTruthTable } from "./tables.js";

/** One category's table rows. */
export interface ClassRows {
  /** −1 where categories are ignored. */
  readonly categoryId: number;
  /** In order of images. */
  readonly objects: Int32Array;
  /** In order of images, those of an image by descending score. */
  readonly detections: Int32Array;
  /** The same by descending score, equal scores in order of images. */
  readonly ranked: Int32Array;
}

/**
 * Each category's table rows. Without categories, all rows as one class; equal scores of an image are then ranked by
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

/** Table rows in groups: group g holds rows starts[g] … starts[g + 1] − 1 of `rows`. */
export interface RowGroups {
  readonly starts: Int32Array;
  readonly rows: Int32Array;
}

/** Groups rows by key (0 … size − 1), equal keys in their given order (a counting sort). */
export function groupRows(keys: Int32Array, size: number, given?: Int32Array): RowGroups {
  const starts = new Int32Array(size + 1);
  for (let i = 0; i < keys.length; i++) starts[keys[i]! + 1]!++;
  for (let k = 0; k < size; k++) starts[k + 1]! += starts[k]!;
  const next = starts.slice();
  const rows = new Int32Array(keys.length);
  for (let i = 0; i < keys.length; i++) {
    const row = given === undefined ? i : given[i]!;
    rows[next[keys[row]!]!++] = row;
  }
  return { starts, rows };
}

/** Indices of `keys` (0 … size − 1) by key, equal keys in their given order. */
export function stableOrder(keys: Int32Array, size: number, given?: Int32Array): Int32Array {
  return groupRows(keys, size, given).rows;
}

const HALF_WORDS = 4; // of 16 bits in a float64
const isLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/**
 * Indices of scores from the highest to the lowest, equal scores in their given order: a radix sort of the numbers'
 * bits, 16 bits at a time.
 */
export function fallingOrder(scores: Float64Array, given?: Int32Array): Int32Array {
  const halves = new Uint16Array(scores.map((score) => score + 0).buffer); // −0 becomes 0
  const keys = new Int32Array(scores.length);
  const top = isLittleEndian ? HALF_WORDS - 1 : 0;
  let order = given;
  for (let h = 0; h < HALF_WORDS; h++) {
    const half = isLittleEndian ? h : top + HALF_WORDS - 1 - h;
    for (let i = 0; i < keys.length; i++) {
      const bits = halves[HALF_WORDS * i + half]!;
      const isNegative = halves[HALF_WORDS * i + top]! >= 0x8000;
      keys[i] = isNegative ? bits : (half === top ? 0x7fff : 0xffff) - bits;
    }
    order = stableOrder(keys, 0x10000, order);
  }
  return order!;
}

/** The index of `value` among the first `length` of ascending values, or −1. */
export function indexOfSorted(values: Float64Array, value: number, length = values.length): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low < length && values[low] === value ? low : -1;
}
