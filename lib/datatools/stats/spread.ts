import type { Spread } from "./types.js";

/** Quantiles interpolated between neighbours, as by NumPy's default; zeros if there are no values. */
export function spreadOf(values: ArrayLike<number>): Spread {
  const sorted = Float64Array.from(values).sort();
  if (sorted.length === 0) return { min: 0, p10: 0, median: 0, mean: 0, p90: 0, max: 0 };
  const mean = sorted.reduce((sum, value) => sum + value, 0) / sorted.length;
  const at = (q: number): number => quantile(sorted, q);
  return { min: at(0), p10: at(0.1), median: at(0.5), mean, p90: at(0.9), max: at(1) };
}

export function median(values: ArrayLike<number>): number | null {
  return values.length === 0 ? null : quantile(Float64Array.from(values).sort(), 0.5);
}

function quantile(sorted: Float64Array, q: number): number {
  const place = q * (sorted.length - 1);
  const low = Math.floor(place);
  const below = sorted[low]!;
  return below + ((sorted[low + 1] ?? below) - below) * (place - low);
}
