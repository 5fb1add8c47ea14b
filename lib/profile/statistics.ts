/** A median of figures taken one after the other, and how far it can be trusted. */
export interface Estimate {
  readonly median: number;
  /** The interval that holds the median with `confidence`, so far as the figures tell. */
  readonly low: number;
  readonly high: number;
  /** 0.95, or less where there are too few figures for it. */
  readonly confidence: number;
  /** Interquartile range as a share of the median. */
  readonly spread: number;
  /** How many figures there were. */
  readonly rounds: number;
}

const CONFIDENCE = 0.95;

/** The middle value, or the mean of the two middle ones; NaN of nothing. */
export function median(values: readonly number[]): number {
  return quantile(
    values.toSorted((a, b) => a - b),
    0.5,
  );
}

/** @param sorted ascending @param share 0 … 1; between two values in proportion */
function quantile(sorted: readonly number[], share: number): number {
  const place = share * (sorted.length - 1);
  const [below, above] = [sorted[Math.floor(place)] ?? Number.NaN, sorted[Math.ceil(place)] ?? Number.NaN];
  return below + (above - below) * (place - Math.floor(place));
}

/**
 * The median of figures in the order they were taken in, with an interval that supposes no distribution: the order
 * statistics between which the median lies by the binomial distribution (the sign test turned round). Figures that
 * follow their predecessors, as on a machine whose speed drifts, count for as few as they are worth: the effective
 * number, n (1 − r) / (1 + r) with r the correlation of neighbours' ranks. Where that is too few for the confidence,
 * the interval is all figures, widened as the root of what is missing.
 */
export function estimate(figures: readonly number[]): Estimate {
  const n = figures.length;
  const sorted = figures.toSorted((a, b) => a - b);
  const middle = quantile(sorted, 0.5);
  const worth = effectiveCount(figures);
  const counted = Math.floor(worth) || 1; // of figures that are none, nothing is worth anything
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

/** The estimate, its interval reaching down to a figure where it ends above it. */
export const reachingTo = (found: Estimate, figure: number): Estimate =>
  figure < found.low ? { ...found, low: figure } : found;

/** Half the interval's width as a share of the median. */
export const halfWidth = ({ median: middle, low, high }: Pick<Estimate, "median" | "low" | "high">): number =>
  (high - low) / 2 / middle;

/** With fewer independent figures, not even all of them reach the confidence: 1 − 2 · 0.5⁶ = 0.97. */
const FEWEST = 6;

/**
 * How many independent figures tell as much. Of a few figures the correlation comes out too low by (1 + 3 r) / n (Marriott
 * and Pope 1954), which is made good.
 */
export function effectiveCount(figures: readonly number[]): number {
  const n = figures.length;
  const found = neighbourCorrelation(ranksOf(figures));
  const r = Math.min(1, Math.max(0, found + (1 + 3 * found) / n));
  return Math.max(1, (n * (1 - r)) / (1 + r));
}

/** Of each figure its place among the sorted; of equal ones the mean of their places. */
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
 * The place k, counted from 1 at either end, of the order statistics that hold the median of n independent figures with
 * the confidence wanted; 1 where none do, with the confidence that is left.
 */
function intervalPlace(n: number): { readonly place: number; readonly confidence: number } {
  let term = 0.5 ** n; // P(i of n lie below the median), i = 0
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
