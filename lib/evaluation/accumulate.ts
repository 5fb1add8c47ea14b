import type { ClassVerdicts } from "./judging.js";
import { THRESHOLDS_PER_WORD } from "./matching.js";
import type { ResolvedCocoOptions } from "./options.js";

/** Precision, recall and score arrays over thresholds T, recalls R, categories K, areas A and limits M; −1 = undefined. */
export interface PrecisionRecall {
  readonly shape: readonly [T: number, R: number, K: number, A: number, M: number];
  /** [T, R, K, A, M] the best precision at this recall or a higher one. */
  readonly precision: Float64Array;
  /** [T, K, A, M] */
  readonly recall: Float64Array;
  /** [T, R, K, A, M] the score from which the recall is reached. */
  readonly scores: Float64Array;
}

export function emptyPrecisionRecall(options: ResolvedCocoOptions, categories: number): PrecisionRecall {
  const T = options.iouThresholds.length;
  const R = options.recallThresholds.length;
  const A = options.areaRanges.length;
  const M = options.maxDetections.length;
  return {
    shape: [T, R, categories, A, M],
    precision: new Float64Array(T * R * categories * A * M).fill(-1),
    recall: new Float64Array(T * categories * A * M).fill(-1),
    scores: new Float64Array(T * R * categories * A * M).fill(-1),
  };
}

/**
 * Writes a category's entries (COCOeval's `accumulate`).
 *
 * @param capacity the most detections a category has
 */
export function accumulator(
  options: ResolvedCocoOptions,
  output: PrecisionRecall,
  capacity: number,
): (found: ClassVerdicts, k: number) => void {
  const [T, , , A, M] = output.shape;
  const curves = Array.from({ length: Math.min(T, THRESHOLDS_PER_WORD) }, () => emptyCurve(capacity));
  const ranked = new Int32Array(capacity);
  return (found, k) => {
    for (let m = 0; m < M; m++) {
      const within = rankedWithin(found, options.maxDetections[m]!, ranked);
      for (let a = 0; a < A; a++) {
        if (found.positives[a] === 0) continue;
        for (let first = 0; first < T; first += THRESHOLDS_PER_WORD) {
          const traced = curves.slice(0, T - first);
          traceCurves(found, a, first / THRESHOLDS_PER_WORD, within, traced);
          for (const [i, curve] of traced.entries()) {
            readOff(curve, { found, ranked: within, options, output, t: first + i, k, a, m });
          }
        }
      }
    }
  };
}

/** A precision-recall curve at its right detections: recall changes nowhere else and precision peaks there. */
interface Curve {
  right: number;
  /** Detections that are wrong at this threshold but not at every one. */
  wrong: number;
  /** [right] */
  readonly precision: Float64Array;
  /** [right] */
  readonly scores: Float64Array;
}

function emptyCurve(capacity: number): Curve {
  return { right: 0, wrong: 0, precision: new Float64Array(capacity), scores: new Float64Array(capacity) };
}

/** The verdicts on the detections within a limit, by falling score. */
function rankedWithin({ ranked, count, ranks }: ClassVerdicts, limit: number, into: Int32Array): Int32Array {
  let length = 0;
  for (let i = 0; i < count; i++) if (ranks[ranked[i]!]! < limit) into[length++] = ranked[i]!;
  return into.subarray(0, length);
}

/**
 * Fills one curve for each threshold of a word of verdicts. Most detections are wrong, or ignored, at every threshold at
 * once; those cost one step for all curves.
 */
function traceCurves(
  found: ClassVerdicts,
  a: number,
  word: number,
  ranked: Int32Array,
  curves: readonly Curve[],
): void {
  const first = (a * found.words + word) * found.capacity;
  const all = curves.length === THRESHOLDS_PER_WORD ? -1 : (1 << curves.length) - 1;
  for (const curve of curves) curve.right = curve.wrong = 0;
  let wrongAtAll = 0;
  for (let i = 0; i < ranked.length; i++) {
    const d = ranked[i]!;
    const right = found.right[first + d]! & all;
    const ignored = found.ignored[first + d]! & all;
    if (ignored === all) continue;
    if ((right | ignored) === 0) {
      wrongAtAll++;
      continue;
    }
    for (let t = 0; t < curves.length; t++) {
      const curve = curves[t]!;
      if (((right >>> t) & 1) === 1) {
        const rights = ++curve.right;
        curve.scores[rights - 1] = found.scores[d]!;
        curve.precision[rights - 1] = rights / (wrongAtAll + curve.wrong + rights + Number.EPSILON);
      } else if (((ignored >>> t) & 1) === 0) curve.wrong++;
    }
  }
}

interface Place {
  readonly found: ClassVerdicts;
  readonly ranked: Int32Array;
  readonly options: ResolvedCocoOptions;
  readonly output: PrecisionRecall;
  readonly t: number;
  readonly k: number;
  readonly a: number;
  readonly m: number;
}

/** Reads a curve off at the recall thresholds; each precision is the best from there on. */
function readOff({ right, precision, scores }: Curve, { found, ranked, options, output, t, k, a, m }: Place): void {
  const [, R, K, A, M] = output.shape;
  const positives = found.positives[a]!;
  const firstScore = ranked.length > 0 ? found.scores[ranked[0]!]! : 0;
  for (let i = right - 2; i >= 0; i--) {
    if (precision[i + 1]! > precision[i]!) precision[i] = precision[i + 1]!;
  }
  output.recall[((t * K + k) * A + a) * M + m] = right / positives;
  for (let r = 0, i = 0; r < R; r++) {
    const recall = options.recallThresholds[r]!;
    while (i < right && (i + 1) / positives < recall) i++;
    const at = (((t * R + r) * K + k) * A + a) * M + m;
    output.precision[at] = i < right ? precision[i]! : 0;
    // A recall of 0 is reached by the first detection, right or wrong.
    output.scores[at] = recall <= 0 ? firstScore : i < right ? scores[i]! : 0;
  }
}
