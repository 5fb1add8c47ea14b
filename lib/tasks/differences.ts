import type { Detections } from "../models/predictions.js";

/** How much two tensors differ. */
export interface TensorDifference {
  /** The largest |a − b|. */
  readonly largest: number;
  /** `largest` over the largest magnitude in the reference. */
  readonly relative: number;
}

/** @throws RangeError when the tensors are of different lengths */
export function tensorDifference(reference: ArrayLike<number>, other: ArrayLike<number>): TensorDifference {
  if (reference.length !== other.length) throw new RangeError(`${other.length} numbers beside ${reference.length}`);
  let largest = 0;
  let magnitude = 0;
  for (let i = 0; i < reference.length; i++) {
    const difference = Math.abs(reference[i]! - other[i]!);
    if (!(difference <= largest)) largest = difference; // NaN counts as a difference
    magnitude = Math.max(magnitude, Math.abs(reference[i]!));
  }
  return { largest, relative: largest === 0 ? 0 : largest / magnitude };
}

export const worse = (a: TensorDifference | undefined, b: TensorDifference): TensorDifference =>
  a === undefined
    ? b
    : {
        largest: a.largest >= b.largest ? a.largest : b.largest,
        relative: a.relative >= b.relative ? a.relative : b.relative,
      };

/** Detections of two runs, paired. */
export interface Pairing {
  readonly pairs: readonly (readonly [reference: number, other: number])[];
  /** The largest differences among the pairs. */
  readonly box: number;
  readonly score: number;
  /** Detections that only one of the runs has. */
  readonly unmatched: number;
}

export interface PairOptions {
  /** Boxes that are further apart than this, in pixels, are not a pair. */
  readonly reach: number;
  /** Detections without a partner do not count if their score is at most this, which is where both runs cut off. */
  readonly cut: number;
}

type Found = Pick<Detections, "boxes" | "scores" | "labels">;

/** Pairs each detection with the nearest one of its class, the best scores first. */
export function pairDetections(reference: Found, other: Found, { reach, cut }: PairOptions): Pairing {
  const free = new Set(other.scores.keys());
  const pairs: (readonly [number, number])[] = [];
  const lonely: number[] = [];
  let [box, score] = [0, 0];
  for (const [i, own] of reference.scores.entries()) {
    let best: { readonly j: number; readonly distance: number } | undefined;
    for (const j of free) {
      if (other.labels[j] !== reference.labels[i]) continue;
      const distance = boxDistance(reference.boxes, i, other.boxes, j);
      if (distance <= reach && (best === undefined || distance < best.distance)) best = { j, distance };
    }
    if (best === undefined) lonely.push(own);
    else {
      free.delete(best.j);
      pairs.push([i, best.j]);
      box = Math.max(box, best.distance);
      score = Math.max(score, Math.abs(own - other.scores[best.j]!));
    }
  }
  for (const j of free) lonely.push(other.scores[j]!);
  return { pairs, box, score, unmatched: lonely.filter((score) => score > cut).length };
}

function boxDistance(a: Float32Array, i: number, b: Float32Array, j: number): number {
  return Math.max(...[0, 1, 2, 3].map((k) => Math.abs(a[4 * i + k]! - b[4 * j + k]!)));
}

/** In how many elements two masks or maps differ. */
export function unequal(a: Uint8Array, b: Uint8Array): number {
  let count = 0;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) count++;
  return count;
}
