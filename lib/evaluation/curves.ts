import type { Curves } from "./accumulate.js";

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
