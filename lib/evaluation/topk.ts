import { UserError } from "../errors.js";
import { counted, pick } from "../words.js";

/** How many of `total` images have their class among the k best. Never changed once made. */
export interface TopKCounts {
  readonly total: number;
  /** By k, in the order of `ks`. */
  readonly correct: readonly number[];
  readonly ks: readonly number[];
}

export function emptyTopK(ks: readonly number[] = [1, 5]): TopKCounts {
  return { total: 0, correct: ks.map(() => 0), ks };
}

/**
 * Counts a batch. Of equal scores the class with the lower index ranks first; a score that is not a number is wrong.
 *
 * @param scores [n, classes]
 * @param labels [n] class index
 * @throws UserError where a label is out of range
 */
export function countTopK(
  scores: Float32Array,
  labels: ArrayLike<number>,
  classes: number,
  ks: readonly number[] = [1, 5],
): TopKCounts {
  if (scores.length !== labels.length * classes) {
    throw new RangeError(`${labels.length} images of ${classes} classes do not have ${scores.length} scores`);
  }
  const ranks = Array.from(labels, (label, n) => {
    if (!(label >= 0 && label < classes)) {
      throw new UserError(
        `image ${n} of the batch has class ${label}, but there ${pick(classes, "is", "are")} ${counted(classes, "class", "classes")} (from 0)`,
      );
    }
    return rankOf(scores.subarray(n * classes, (n + 1) * classes), label);
  });
  return { total: labels.length, correct: ks.map((k) => ranks.filter((rank) => rank < k).length), ks };
}

/** How many classes are ranked before `label`. */
function rankOf(scores: Float32Array, label: number): number {
  const own = scores[label]!;
  if (Number.isNaN(own)) return Number.POSITIVE_INFINITY;
  let rank = 0;
  for (let k = 0; k < scores.length; k++) if (scores[k]! > own || (k < label && scores[k] === own)) rank++;
  return rank;
}

export function mergeTopK(a: TopKCounts, b: TopKCounts): TopKCounts {
  if (a.ks.join() !== b.ks.join()) throw new UserError(`top-${a.ks} and top-${b.ks} counts cannot be merged`);
  return { total: a.total + b.total, correct: a.correct.map((n, i) => n + b.correct[i]!), ks: a.ks };
}

/** Share of the images whose class is among the k best, for each k; NaN without images. */
export function topKAccuracy({ total, correct }: TopKCounts): number[] {
  return correct.map((n) => n / total);
}
