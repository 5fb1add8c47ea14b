import type { PrecisionRecall } from "./accumulate.js";

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
export function precisionCurve({ shape, precision }: PrecisionRecall, selection: CurveSelection): Float64Array {
  const [, R, K, A, M] = shape;
  const chosen = selection.category === undefined ? Array.from({ length: K }, (_, k) => k) : [selection.category];
  return Float64Array.from({ length: R }, (_, r) => {
    let sum = 0;
    let count = 0;
    for (const t of selection.thresholds) {
      for (const k of chosen) {
        const value = precision[((t * R + r) * K + k) * A * M + M - 1]!;
        if (value < 0) continue;
        sum += value;
        count++;
      }
    }
    return sum / count;
  });
}
