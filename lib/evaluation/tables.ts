import type { MaskTable } from "../masks/table.js";
import type { MaskOverlaps } from "./maskOverlaps.js";

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
  /** n, only where masks are compared. */
  readonly masks?: MaskTable;
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
  /** How the n masks overlap the ground truth's, only where masks are compared: the masks themselves are not kept. */
  readonly overlaps?: MaskOverlaps;
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
 * bits, 16 at a time.
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

/** Where `value` stands among the first `length` of growing values, or −1. */
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
