import type { IndexedRle } from "../masks/overlap.js";

/** What is compared: boxes, or masks. */
export type EvaluationType = "bbox" | "segm";

/** The objects of a data set in columns, n of them. */
export interface GroundTruthTable {
  /** [I] picture ids in growing order. */
  readonly imageIds: Float64Array;
  /** [K] category ids in growing order. */
  readonly categoryIds: Float64Array;
  /** [K] */
  readonly categoryNames: readonly string[];
  /** [n] index into `imageIds`. */
  readonly image: Int32Array;
  /** [n] index into `categoryIds`. */
  readonly category: Int32Array;
  /** [n, 4] x y width height. */
  readonly boxes: Float64Array;
  /** [n] the area that decides on the size class. */
  readonly areas: Float64Array;
  /** [n] 1 for a crowd. */
  readonly crowd: Uint8Array;
  /** [n] annotation ids. */
  readonly ids: Float64Array;
  /** [n], only where masks are compared. */
  readonly masks?: readonly IndexedRle[];
}

/** Detections in columns, n of them, in the order in which equal scores are ranked. */
export interface DetectionTable {
  /** [n] index into the ground truth's `imageIds`. */
  readonly image: Int32Array;
  /** [n] index into the ground truth's `categoryIds`. */
  readonly category: Int32Array;
  /** [n, 4] x y width height. */
  readonly boxes: Float64Array;
  /** [n] */
  readonly areas: Float64Array;
  /** [n] */
  readonly scores: Float64Array;
  /** [n] 1 + position in the list of results. */
  readonly ids: Float64Array;
  /** [n], only where masks are compared. */
  readonly masks?: readonly IndexedRle[];
}

/** Indices of `keys` (0 … size − 1) by key, equal keys in their given order (counting sort). */
export function stableOrder(keys: Int32Array, size: number, given?: Int32Array): Int32Array {
  const next = new Int32Array(size + 1);
  for (let i = 0; i < keys.length; i++) next[keys[i]! + 1]!++;
  for (let k = 0; k < size; k++) next[k + 1]! += next[k]!;
  const order = new Int32Array(keys.length);
  for (let i = 0; i < keys.length; i++) {
    const item = given === undefined ? i : given[i]!;
    order[next[keys[item]!]!++] = item;
  }
  return order;
}
