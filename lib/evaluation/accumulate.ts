import type { ResolvedCocoOptions } from "./options.js";
import { type ClassVerdicts, IGNORED, RIGHT } from "./verdicts.js";

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

/** Writes category k's entries (COCOeval's `accumulate`). */
export function accumulateClass(
  found: ClassVerdicts,
  k: number,
  options: ResolvedCocoOptions,
  output: PrecisionRecall,
): void {
  const [T, R, K, A, M] = output.shape;
  const rankedOf = rankedByLimit(found, options.maxDetections);
  const curve = { precision: new Float64Array(found.count), scores: new Float64Array(found.count) };
  for (let a = 0; a < A; a++) {
    const positives = found.positives[a]!;
    if (positives === 0) continue;
    for (let m = 0; m < M; m++) {
      const ranked = rankedOf[m]!;
      const firstScore = ranked.length > 0 ? found.scores[ranked[0]!]! : 0;
      for (let t = 0; t < T; t++) {
        const right = traceCurve(found, (a * T + t) * found.capacity, ranked, curve);
        output.recall[((t * K + k) * A + a) * M + m] = right / positives;
        for (let r = 0, i = 0; r < R; r++) {
          const recall = options.recallThresholds[r]!;
          while (i < right && (i + 1) / positives < recall) i++;
          const at = (((t * R + r) * K + k) * A + a) * M + m;
          output.precision[at] = i < right ? curve.precision[i]! : 0;
          // A recall of 0 is reached by the first detection, right or wrong.
          output.scores[at] = recall <= 0 ? firstScore : i < right ? curve.scores[i]! : 0;
        }
      }
    }
  }
}

/** For each limit the detections within it by falling score, equal scores in order of pictures. */
function rankedByLimit({ count, scores, ranks }: ClassVerdicts, limits: readonly number[]): Int32Array[] {
  const order = new Int32Array(count);
  for (let i = 0; i < count; i++) order[i] = i;
  order.sort((a, b) => scores[b]! - scores[a]!);
  return limits.map((limit) => order.filter((d) => ranks[d]! < limit));
}

/**
 * Precision and score at each right detection; recall changes nowhere else and precision peaks there.
 * Afterwards each precision is the best from there on.
 *
 * @returns the number of right detections
 */
function traceCurve(
  { verdicts, scores }: ClassVerdicts,
  first: number,
  ranked: Int32Array,
  curve: { readonly precision: Float64Array; readonly scores: Float64Array },
): number {
  let right = 0;
  let wrong = 0;
  for (let i = 0; i < ranked.length; i++) {
    const d = ranked[i]!;
    const verdict = verdicts[first + d]!;
    if (verdict === IGNORED) continue;
    if (verdict === RIGHT) {
      curve.scores[right++] = scores[d]!;
      curve.precision[right - 1] = right / (wrong + right + Number.EPSILON);
    } else wrong++;
  }
  for (let i = right - 2; i >= 0; i--) {
    if (curve.precision[i + 1]! > curve.precision[i]!) curve.precision[i] = curve.precision[i + 1]!;
  }
  return right;
}
