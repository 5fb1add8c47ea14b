import { type ClassVerdicts, THRESHOLDS_PER_WORD } from "./matching.js";
import type { ResolvedCocoOptions } from "./options.js";

/** Precision, recall and score arrays over thresholds T, recalls R, categories K, areas A and limits M; −1 = undefined. */
export interface PrecisionRecall {
  readonly shape: readonly [T: number, R: number, K: number, A: number, M: number];
  /** [T, R, K, A, M] the best precision at this recall or a higher one. */
  readonly precision: Float64Array;
  /** [T, K, A, M] */
  readonly recall: Float64Array;
  /** [T, R, K, A, M] the score at which the recall is reached. */
  readonly scores: Float64Array;
}

/**
 * The same as steps: a curve is level between right detections, so the memory needed grows with their number, not with
 * the number of categories: a species data set has thousands of those with few objects each.
 */
export interface Curves {
  readonly shape: PrecisionRecall["shape"];
  /** [T, K, A, M] */
  readonly recall: Float64Array;
  /** [T, K, A, M] a curve's first step; −1 where it is undefined. Equal curves may share their steps. */
  readonly first: Int32Array;
  /** [steps] the index after the last recall threshold of a step; a curve's last step ends at R. */
  readonly ends: Int32Array;
  /** [steps] */
  readonly precision: Float64Array;
  /** [steps] */
  readonly scores: Float64Array;
}

/** Curves that grow one step at a time. */
export interface GrowingCurves extends Curves {
  steps: number;
  ends: Int32Array;
  precision: Float64Array;
  scores: Float64Array;
}

const FIRST_STEPS = 1024;

export function emptyCurves(options: ResolvedCocoOptions, categories: number): GrowingCurves {
  const T = options.iouThresholds.length;
  const R = options.recallThresholds.length;
  const A = options.areaRanges.length;
  const M = options.maxDetections.length;
  return {
    shape: [T, R, categories, A, M],
    recall: new Float64Array(T * categories * A * M).fill(-1),
    first: new Int32Array(T * categories * A * M).fill(-1),
    steps: 0,
    ends: new Int32Array(FIRST_STEPS),
    precision: new Float64Array(FIRST_STEPS),
    scores: new Float64Array(FIRST_STEPS),
  };
}

/** The curves without spare room. */
export function grown({ steps, ends, precision, scores, ...rest }: GrowingCurves): Curves {
  return {
    ...rest,
    ends: ends.slice(0, steps),
    precision: precision.slice(0, steps),
    scores: scores.slice(0, steps),
  };
}

/** Makes room for `count` more steps. */
export function reserve(curves: GrowingCurves, count: number): void {
  const needed = curves.steps + count;
  if (needed <= curves.ends.length) return;
  const size = Math.max(needed, Math.ceil(1.5 * curves.ends.length));
  const larger = <T extends Int32Array | Float64Array>(old: T, array: T): T => {
    array.set(old.subarray(0, curves.steps));
    return array;
  };
  curves.ends = larger(curves.ends, new Int32Array(size));
  curves.precision = larger(curves.precision, new Float64Array(size));
  curves.scores = larger(curves.scores, new Float64Array(size));
}

/** [T, R, K, A, M] an entry for every recall threshold. */
export function atEveryRecall(curves: Curves, values: Float64Array): Float64Array {
  const [T, R, K, A, M] = curves.shape;
  const all = new Float64Array(T * R * K * A * M).fill(-1);
  const inner = K * A * M;
  for (let at = 0; at < curves.first.length; at++) {
    let step = curves.first[at]!;
    if (step < 0) continue;
    const t = Math.floor(at / inner);
    for (let r = 0; r < R; r++) {
      if (curves.ends[step]! <= r) step++;
      all[(t * R + r) * inner + (at % inner)] = values[step]!;
    }
  }
  return all;
}

/**
 * Writes a category's entries (COCOeval's `accumulate`).
 *
 * @param capacity the largest number of detections of a category
 */
export function accumulator(
  options: ResolvedCocoOptions,
  output: GrowingCurves,
  capacity: number,
): (found: ClassVerdicts, k: number) => void {
  const [T, , , A, M] = output.shape;
  const curves = Array.from({ length: Math.min(T, THRESHOLDS_PER_WORD) }, () => emptyCurve(capacity));
  const ranked = new Int32Array(capacity);
  return (found, k) => {
    let before = -1;
    for (let m = 0; m < M; m++) {
      const within = rankedWithin(found, options.maxDetections[m]!, ranked);
      if (within.length === before) {
        takeOver(output, k, m); // the previous limit kept the same detections
        continue;
      }
      before = within.length;
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

/** Copies the curves of the limit before `m` to `m`. */
function takeOver({ shape, recall, first }: Curves, k: number, m: number): void {
  const [T, , K, A, M] = shape;
  for (let t = 0; t < T; t++) {
    for (let a = 0; a < A; a++) {
      const at = ((t * K + k) * A + a) * M + m;
      recall[at] = recall[at - 1]!;
      first[at] = first[at - 1]!;
    }
  }
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

/** The verdicts on the detections within a limit, by descending score. */
function rankedWithin({ ranked, count, ranks }: ClassVerdicts, limit: number, into: Int32Array): Int32Array {
  let length = 0;
  for (let i = 0; i < count; i++) if (ranks[ranked[i]!]! < limit) into[length++] = ranked[i]!;
  return into.subarray(0, length);
}

/**
 * Fills one curve for each threshold of a word of verdicts. Most detections are wrong, or ignored, at all thresholds;
 * such a detection takes one step for all curves together.
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
  readonly output: GrowingCurves;
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
  const at = ((t * K + k) * A + a) * M + m;
  output.recall[at] = right / positives;
  output.first[at] = output.steps;
  reserve(output, Math.min(right, R) + 2);
  const highest = options.recallThresholds[R - 1]!;
  for (let r = 0, i = 0, last = -1; r < R; r++) {
    const recall = options.recallThresholds[r]!;
    while (i < right && (i + 1) / positives < recall) i++;
    // A recall of 0 is reached by the first detection, right or wrong.
    const score = recall <= 0 ? firstScore : i < right ? scores[i]! : 0;
    if (i !== last || score !== output.scores[output.steps - 1]) {
      output.precision[output.steps] = i < right ? precision[i]! : 0;
      output.scores[output.steps] = score;
      output.steps++;
      last = i;
    }
    const isLast = recall > 0 && (i >= right || (i + 1) / positives >= highest);
    output.ends[output.steps - 1] = isLast ? R : r + 1;
    if (isLast) break;
  }
}
