import { UserError } from "../../errors.js";
import { counted, pick } from "../../words.js";

/** Bins of the calibration error, the usual number. */
const BINS = 15;

export interface ClassificationFigures {
  /** Share of the images whose class is the likeliest, and among the five likeliest. */
  readonly top1: number;
  readonly top5: number;
  /** Means over the classes that are annotated or predicted. */
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  /** Expected calibration error (Guo et al. 2017), 15 bins. */
  readonly ece: number;
  /** By class; NaN where undefined. */
  readonly perClass: readonly ClassFigures[];
  /** [classes, classes] images by true class (rows) and likeliest class (columns). */
  readonly confusion: Float64Array;
}

export interface ClassFigures {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  readonly images: number;
}

export interface ClassificationCounter {
  /** @param scores [classes] probabilities of one image; among equal ones the class with the lower index ranks first */
  add(scores: Float32Array, label: number): void;
  figures(): ClassificationFigures;
}

/** Counts images one by one. @throws UserError where a label is out of range */
export function classificationCounter(classes: number): ClassificationCounter {
  const confusion = new Float64Array(classes * classes);
  const bins = Array.from({ length: BINS }, () => ({ images: 0, right: 0, confidence: 0 }));
  let topK = emptyTopK();
  return {
    add(scores, label) {
      topK = mergeTopK(topK, countTopK(scores, [label], classes));
      const best = bestOf(scores);
      confusion[label * classes + best]!++;
      const confidence = scores[best]! || 0; // NaN counts as 0
      const bin = bins[Math.min(BINS - 1, Math.max(0, Math.ceil(confidence * BINS) - 1))]!;
      bin.images++;
      bin.confidence += confidence;
      if (best === label) bin.right++;
    },
    figures() {
      const [top1, top5] = topKAccuracy(topK) as [number, number];
      const perClass = Array.from({ length: classes }, (_, k) => figuresOf(confusion, classes, k));
      const mean = (key: "precision" | "recall" | "f1") => {
        const values = perClass.map((one) => one[key]).filter((value) => !Number.isNaN(value));
        return values.reduce((a, b) => a + b, 0) / values.length;
      };
      const gap = bins.reduce((sum, bin) => sum + Math.abs(bin.right - bin.confidence), 0);
      const means = { precision: mean("precision"), recall: mean("recall"), f1: mean("f1") };
      return { top1, top5, ...means, ece: gap / topK.total, perClass, confusion };
    },
  };
}

/** The index of the largest score, the first among equal ones. */
export function bestOf(scores: Float32Array): number {
  let best = 0;
  for (let k = 1; k < scores.length; k++) if (scores[k]! > scores[best]!) best = k;
  return best;
}

/** As scikit-learn's with zero_division=0, but undefined for a class that is neither annotated nor predicted. */
function figuresOf(confusion: Float64Array, classes: number, k: number): ClassFigures {
  const right = confusion[k * classes + k]!;
  let images = 0;
  let found = 0;
  for (let j = 0; j < classes; j++) {
    images += confusion[k * classes + j]!;
    found += confusion[j * classes + k]!;
  }
  if (images + found === 0) return { precision: Number.NaN, recall: Number.NaN, f1: Number.NaN, images };
  const share = (of: number) => (of === 0 ? 0 : right / of);
  return { precision: share(found), recall: share(images), f1: (2 * right) / (images + found), images };
}

/** How many of `total` images have their class among the k best. Immutable. */
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
 * Counts a batch. Among equal scores the class with the lower index ranks first; a NaN score counts as wrong.
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

/** How many classes rank before `label`. */
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
