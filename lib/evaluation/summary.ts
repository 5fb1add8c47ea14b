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
  const mean = compensatedMean();
  for (const t of selection.thresholds) {
    const step = selection.category === undefined ? 1 : K;
    for (let rk = selection.category ?? 0; rk < R * K; rk += step) {
      mean.add(precision[((t * R * K + rk) * A + selection.area) * M + selection.limit]);
    }
  }
  return mean.value();
}

export function meanRecall({ shape, recall }: PrecisionRecall, selection: Selection): number {
  const [, , K, A, M] = shape;
  const mean = compensatedMean();
  for (const t of selection.thresholds) {
    for (let k = 0; k < K; k++) {
      if (selection.category !== undefined && k !== selection.category) continue;
      mean.add(recall[((t * K + k) * A + selection.area) * M + selection.limit]);
    }
  }
  return mean.value();
}

/** Kahan's sum, as tens of thousands of terms are to agree to 1e-12 whatever their order. */
function compensatedMean() {
  let sum = 0;
  let lost = 0;
  let count = 0;
  return {
    add(x: number | undefined): void {
      if (x === undefined || !(x > -1)) return;
      const term = x - lost;
      const next = sum + term;
      lost = next - sum - term;
      sum = next;
      count++;
    },
    value: () => (count === 0 ? -1 : sum / count),
  };
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
