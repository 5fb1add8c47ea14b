import type { Curves } from "./accumulate.js";
import type { ResolvedCocoOptions } from "./options.js";

/** One of the 12 figures. */
export interface SummaryRow {
  readonly kind: "precision" | "recall";
  /** One threshold; if left out, the mean over all. */
  readonly iou?: number;
  readonly area: string;
  readonly maxDetections: number;
  /** 0 … 1, or −1 where nothing can be judged. */
  readonly value: number;
}

/** The mean of the defined entries (not −1) for the given thresholds, area range, limit and categories. */
export interface Selection {
  readonly thresholds: readonly number[];
  readonly area: number;
  readonly limit: number;
  /** If left out, all. */
  readonly category?: number;
}

export function meanPrecision(curves: Curves, { thresholds, area, limit, category }: Selection): number {
  const { shape, first, ends, precision } = curves;
  const [, R, K, A, M] = shape;
  const begin = category ?? 0;
  const end = category === undefined ? K : category + 1;
  const defined = thresholds.map((t) => {
    const steps: number[] = [];
    for (let k = begin; k < end; k++) {
      const step = first[((t * K + k) * A + area) * M + limit]!;
      if (step >= 0) steps.push(step);
    }
    return steps;
  });
  const count = R * defined.reduce((sum, steps) => sum + steps.length, 0);
  if (count === 0) return -1;
  let [t, r, k] = [0, 0, 0];
  let at = defined[0]!; // the step that each category has reached
  const fill = (values: Float64Array, n: number): void => {
    for (let i = 0; i < n; i++) {
      while (k === at.length) {
        k = 0;
        if (++r < R) continue;
        r = 0;
        at = defined[++t]!;
      }
      let step = at[k]!;
      if (ends[step]! <= r) at[k] = ++step;
      values[i] = precision[step]!;
      k++;
    }
  };
  return pairwiseSum(count, fill) / count;
}

export function meanRecall({ shape, recall }: Curves, { thresholds, area, limit, category }: Selection): number {
  const [, , K, A, M] = shape;
  const values: number[] = [];
  const step = category === undefined ? 1 : K;
  for (const t of thresholds) {
    for (let k = category ?? 0; k < K; k += step) {
      const value = recall[((t * K + k) * A + area) * M + limit]!;
      if (value > -1) values.push(value);
    }
  }
  if (values.length === 0) return -1;
  let at = 0;
  const fill = (into: Float64Array, n: number): void => {
    for (let i = 0; i < n; i++) into[i] = values[at++]!;
  };
  return pairwiseSum(values.length, fill) / values.length;
}

const UNROLLED = 8;
const BLOCK = 128;
const block = new Float64Array(BLOCK);

/**
 * The sum of the next `n` values, which `fill` writes into an array `count` at a time, added in NumPy's order (its
 * `pairwise_sum`). A mean may lie halfway between two printed values, and then its last bit decides what is printed.
 */
function pairwiseSum(n: number, fill: (values: Float64Array, count: number) => void): number {
  if (n > BLOCK) {
    const half = Math.floor(n / 2);
    const first = half - (half % UNROLLED);
    const sum = pairwiseSum(first, fill);
    return sum + pairwiseSum(n - first, fill);
  }
  fill(block, n);
  const whole = n - (n % UNROLLED);
  let [a, b, c, d, e, f, g, h] = [0, 0, 0, 0, 0, 0, 0, 0];
  for (let i = 0; i < whole; i += UNROLLED) {
    a += block[i]!;
    b += block[i + 1]!;
    c += block[i + 2]!;
    d += block[i + 3]!;
    e += block[i + 4]!;
    f += block[i + 5]!;
    g += block[i + 6]!;
    h += block[i + 7]!;
  }
  let sum = a + b + (c + d) + (e + f + (g + h));
  for (let i = whole; i < n; i++) sum += block[i]!;
  return sum;
}

/** The 12 figures of COCO's reference, in its order. */
export function summarize(curves: Curves, options: ResolvedCocoOptions): SummaryRow[] {
  const limit = (i: number) => options.maxDetections[i] ?? options.maxDetections.at(-1)!;
  const row = (kind: SummaryRow["kind"], area: string, maxDetections: number, iou?: number): SummaryRow => {
    const selection = {
      thresholds: indicesWhere(options.iouThresholds, (t) => iou === undefined || t === iou),
      area: options.areaRanges.findIndex(({ label }) => label === area),
      limit: options.maxDetections.indexOf(maxDetections),
    };
    const exists = selection.area >= 0 && selection.limit >= 0;
    const mean = kind === "precision" ? meanPrecision : meanRecall;
    const base = { kind, area, maxDetections, value: exists ? mean(curves, selection) : -1 };
    return iou === undefined ? base : { ...base, iou };
  };
  return [
    row("precision", "all", 100), // the reference uses 100 here, whatever the limits are
    row("precision", "all", limit(2), 0.5),
    row("precision", "all", limit(2), 0.75),
    row("precision", "small", limit(2)),
    row("precision", "medium", limit(2)),
    row("precision", "large", limit(2)),
    row("recall", "all", limit(0)),
    row("recall", "all", limit(1)),
    row("recall", "all", limit(2)),
    row("recall", "small", limit(2)),
    row("recall", "medium", limit(2)),
    row("recall", "large", limit(2)),
  ];
}

function indicesWhere(values: readonly number[], isWanted: (x: number) => boolean): number[] {
  return [...values.keys()].filter((i) => isWanted(values[i]!));
}

/** The rows as the reference prints them, one per line. */
export function formatRows(rows: readonly SummaryRow[], iouThresholds: readonly number[]): string {
  const all = `${iouThresholds[0]!.toFixed(2)}:${iouThresholds.at(-1)!.toFixed(2)}`;
  return rows
    .map(({ kind, iou, area, maxDetections, value }) => {
      const title = kind === "precision" ? "Average Precision  (AP)" : "Average Recall     (AR)";
      const overlap = (iou === undefined ? all : iou.toFixed(2)).padEnd(9);
      const limit = String(maxDetections).padStart(3);
      return ` ${title} @[ IoU=${overlap} | area=${area.padStart(6)} | maxDets=${limit} ] = ${threeDigits(value)}`;
    })
    .join("\n");
}

/** Three digits after the point; an exact half (an odd number of sixteenths) goes to the even digit, as in Python. */
function threeDigits(value: number): string {
  if (Math.abs(value * 16) % 2 !== 1) return value.toFixed(3);
  const below = Math.floor(value * 1000);
  return ((below % 2 === 0 ? below : below + 1) / 1000).toFixed(3);
}

export interface CurveSelection {
  /** Indices of the IoU thresholds to average over. */
  readonly thresholds: readonly number[];
  /** Index of a category; without it the mean of those that have objects. */
  readonly category?: number;
}

/**
 * Precision at each recall threshold, at the first area range and the largest limit of detections; the mean of a curve is
 * the AP.
 *
 * @returns [R], NaN where no category chosen has objects
 */
export function precisionCurve(curves: Curves, selection: CurveSelection): Float64Array {
  const { shape, first, ends, precision } = curves;
  const [, R, K, A, M] = shape;
  const chosen = selection.category === undefined ? Array.from({ length: K }, (_, k) => k) : [selection.category];
  const sums = new Float64Array(R);
  let count = 0;
  for (const t of selection.thresholds) {
    for (const k of chosen) {
      let step = first[(t * K + k) * A * M + M - 1]!;
      if (step < 0) continue;
      count++;
      for (let r = 0; r < R; r++) {
        if (ends[step]! <= r) step++;
        sums[r]! += precision[step]!;
      }
    }
  }
  return sums.map((sum) => sum / count);
}
