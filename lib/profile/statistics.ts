/** The median of successive measurements, and how far it can be trusted. */
export interface Estimate {
  readonly median: number;
  /** The interval that contains the median with `confidence`, as far as the measurements tell. */
  readonly low: number;
  readonly high: number;
  /** 0.95, or less where there are too few measurements for it. */
  readonly confidence: number;
  /** Interquartile range as a share of the median. */
  readonly spread: number;
  /** How many measurements there were. */
  readonly rounds: number;
}

const CONFIDENCE = 0.95;

/** The middle value, or the mean of the two middle ones; NaN for an empty list. */
export function median(values: readonly number[]): number {
  return quantile(
    values.toSorted((a, b) => a - b),
    0.5,
  );
}

/** @param sorted ascending @param share 0 … 1; interpolated between neighbouring values */
function quantile(sorted: readonly number[], share: number): number {
  const place = share * (sorted.length - 1);
  const [below, above] = [sorted[Math.floor(place)] ?? Number.NaN, sorted[Math.ceil(place)] ?? Number.NaN];
  return below + (above - below) * (place - Math.floor(place));
}

/**
 * The median of measurements in the order they were taken, with a distribution-free interval: the order statistics that
 * contain the median by the binomial distribution (the inverted sign test). Measurements that depend on the ones before
 * them, as on a machine whose speed drifts, count for fewer: the effective number is n (1 − r) / (1 + r), with r the lag-1
 * rank correlation. If that is too few for the confidence, the interval is the whole range, widened by the root of the
 * ratio missing.
 */
export function estimate(figures: readonly number[]): Estimate {
  const n = figures.length;
  const sorted = figures.toSorted((a, b) => a - b);
  const middle = quantile(sorted, 0.5);
  const worth = effectiveCount(figures);
  const counted = Math.floor(worth) || 1; // worth is NaN where a measurement is
  const { place, confidence } = intervalPlace(counted);
  const from = counted < FEWEST ? 1 : Math.floor((place * n) / counted);
  const [lowest, highest] = [sorted[from - 1] ?? Number.NaN, sorted[n - from] ?? Number.NaN];
  const widen = Math.sqrt(Math.max(1, FEWEST / worth));
  return {
    median: middle,
    low: Math.max(0, middle - widen * (middle - lowest)),
    high: middle + widen * (highest - middle),
    confidence,
    spread: (quantile(sorted, 0.75) - quantile(sorted, 0.25)) / middle,
    rounds: n,
  };
}

/** The estimate, its interval extended down to a value below it. */
export const reachingTo = (found: Estimate, figure: number): Estimate =>
  figure < found.low ? { ...found, low: figure } : found;

/** Half the interval's width as a share of the median. */
export const halfWidth = ({ median: middle, low, high }: Pick<Estimate, "median" | "low" | "high">): number =>
  (high - low) / 2 / middle;

/** With fewer independent measurements even the whole range misses the confidence: 1 − 2 · 0.5⁶ = 0.97. */
const FEWEST = 6;

/**
 * The number of independent measurements that would tell as much. For few measurements the estimated correlation is too low
 * by (1 + 3 r) / n (Marriott and Pope 1954), which is corrected.
 */
export function effectiveCount(figures: readonly number[]): number {
  const n = figures.length;
  const found = neighbourCorrelation(ranksOf(figures));
  const r = Math.min(1, Math.max(0, found + (1 + 3 * found) / n));
  return Math.max(1, (n * (1 - r)) / (1 + r));
}

/** The rank of each value; ties get their mean rank. */
function ranksOf(figures: readonly number[]): number[] {
  const sorted = figures.toSorted((a, b) => a - b);
  return figures.map((figure) => (sorted.indexOf(figure) + sorted.lastIndexOf(figure)) / 2);
}

/** Correlation of each value with the next one, −1 … 1; 0 where all are equal. */
function neighbourCorrelation(values: readonly number[]): number {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  let [together, alone] = [0, 0];
  for (const [i, value] of values.entries()) {
    alone += (value - mean) ** 2;
    if (i > 0) together += (value - mean) * (values[i - 1]! - mean);
  }
  return alone === 0 ? 0 : together / alone;
}

/**
 * The rank k, counted from 1 at either end, of the order statistics that contain the median of n independent measurements
 * with the confidence wanted; 1 where none do, with the confidence that this gives.
 */
function intervalPlace(n: number): { readonly place: number; readonly confidence: number } {
  let term = 0.5 ** n; // P(i of n are below the median), i = 0
  let outside = term;
  let place = 1;
  for (;;) {
    term *= (n - place + 1) / place;
    if (2 * (outside + term) > 1 - CONFIDENCE || place >= n / 2) break;
    outside += term;
    place++;
  }
  return { place, confidence: Math.min(CONFIDENCE, 1 - 2 * outside) };
}
