import type { PrecisionRecall } from "./accumulate.js";
import type { ResolvedCocoOptions } from "./options.js";

/** One of the 12 figures. */
export interface SummaryRow {
  readonly kind: "precision" | "recall";
  /** One threshold, or the mean over all where left out. */
  readonly iou?: number;
  readonly area: string;
  readonly maxDetections: number;
  /** 0 … 1, or −1 where there is nothing to judge. */
  readonly value: number;
}

/** The mean of what is defined (not −1) among the entries of the given thresholds, area range, limit and categories. */
export interface Selection {
  readonly thresholds: readonly number[];
  readonly area: number;
  readonly limit: number;
  /** All where left out. */
  readonly category?: number;
}

export function meanPrecision({ shape, precision }: PrecisionRecall, selection: Selection): number {
  const [, R, K, A, M] = shape;
  const values: number[] = [];
  const step = selection.category === undefined ? 1 : K;
  for (const t of selection.thresholds) {
    for (let rk = selection.category ?? 0; rk < R * K; rk += step) {
      const value = precision[((t * R * K + rk) * A + selection.area) * M + selection.limit]!;
      if (value > -1) values.push(value);
    }
  }
  return meanOf(values);
}

export function meanRecall({ shape, recall }: PrecisionRecall, selection: Selection): number {
  const [, , K, A, M] = shape;
  const values: number[] = [];
  const step = selection.category === undefined ? 1 : K;
  for (const t of selection.thresholds) {
    for (let k = selection.category ?? 0; k < K; k += step) {
      const value = recall[((t * K + k) * A + selection.area) * M + selection.limit]!;
      if (value > -1) values.push(value);
    }
  }
  return meanOf(values);
}

/** −1 of nothing. */
function meanOf(values: readonly number[]): number {
  return values.length === 0 ? -1 : pairwiseSum(values, 0, values.length) / values.length;
}

const UNROLLED = 8;
const BLOCK = 128;

/**
 * The sum of `n` values in the order of additions NumPy has (its `pairwise_sum`). A mean may lie on a half of the last
 * printed digit, and then its last bit decides what is printed.
 */
function pairwiseSum(values: readonly number[], start: number, n: number): number {
  if (n > BLOCK) {
    const half = Math.floor(n / 2);
    const first = half - (half % UNROLLED);
    return pairwiseSum(values, start, first) + pairwiseSum(values, start + first, n - first);
  }
  const whole = n - (n % UNROLLED);
  const [a, b, c, d, e, f, g, h] = Array.from({ length: UNROLLED }, (_, lane) => {
    let sum = 0;
    for (let i = lane; i < whole; i += UNROLLED) sum += values[start + i]!;
    return sum;
  }) as [number, number, number, number, number, number, number, number];
  let sum = a + b + (c + d) + (e + f + (g + h));
  for (let i = whole; i < n; i++) sum += values[start + i]!;
  return sum;
}

/** The 12 figures of COCO's reference, in its order. */
export function summarize(arrays: PrecisionRecall, options: ResolvedCocoOptions): SummaryRow[] {
  const limit = (i: number) => options.maxDetections[i] ?? options.maxDetections.at(-1)!;
  const row = (kind: SummaryRow["kind"], area: string, maxDetections: number, iou?: number): SummaryRow => {
    const selection = {
      thresholds: indicesWhere(options.iouThresholds, (t) => iou === undefined || t === iou),
      area: options.areaRanges.findIndex(({ label }) => label === area),
      limit: options.maxDetections.indexOf(maxDetections),
    };
    const exists = selection.area >= 0 && selection.limit >= 0;
    const mean = kind === "precision" ? meanPrecision : meanRecall;
    const base = { kind, area, maxDetections, value: exists ? mean(arrays, selection) : -1 };
    return iou === undefined ? base : { ...base, iou };
  };
  return [
    row("precision", "all", 100), // the reference asks for 100 here whatever the limits are
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

/** The rows as the reference prints them, one a line. */
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
