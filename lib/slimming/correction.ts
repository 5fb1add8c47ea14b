/** What a network was found to cost, beside what its parts cost together. */
export interface Observation {
  /** Of the parts' costs. */
  readonly sum: number;
  readonly parts: number;
  readonly measured: number;
}

/** For what does not add up: `scale · sum + perPart · parts + constant`. */
export interface Correction {
  readonly scale: number;
  /** What each part costs within a network beyond what it costs alone; negative where alone it pays for being started. */
  readonly perPart: number;
  readonly constant: number;
}

export const NO_CORRECTION: Correction = { scale: 1, perPart: 0, constant: 0 };

export const corrected = (
  { scale, perPart, constant }: Correction,
  { sum, parts }: Pick<Observation, "sum" | "parts">,
): number => scale * sum + perPart * parts + constant;

/** How far predictions are off, as shares of what was measured. */
export interface PredictionError {
  readonly mean: number;
  readonly worst: number;
}

export interface Fit {
  readonly correction: Correction;
  /** What it is, for people. */
  readonly form: string;
  /** Of the sums as they are. */
  readonly additive: PredictionError;
  /** Of the correction, each network predicted by one that was fitted to the others. */
  readonly leftOut: PredictionError;
}

/** Corrections tried, the simplest first: which of (sum, parts, 1) are fitted. A sum that is not fitted counts as it is. */
const FORMS = [
  { form: "none", terms: [] },
  { form: "a factor", terms: ["sum"] },
  { form: "a constant", terms: ["one"] },
  { form: "so much a part", terms: ["parts"] },
  { form: "a factor and a constant", terms: ["sum", "one"] },
  { form: "a factor and so much a part", terms: ["sum", "parts"] },
  { form: "a factor, so much a part and a constant", terms: ["sum", "parts", "one"] },
] as const satisfies readonly { readonly form: string; readonly terms: readonly Term[] }[];

type Term = "sum" | "parts" | "one";

/** A more complicated form must foretell networks it was not fitted to better by this share. */
const WORTH = 0.02;

/**
 * The correction that foretells best, of a few forms: least squares of the relative errors, so that small networks count as
 * large ones do; judged by networks left out of the fit. What makes a network cost less than nothing is no correction.
 */
export function fitCorrection(observations: readonly Observation[]): Fit {
  let best: { readonly correction: Correction; readonly form: string; readonly leftOut: PredictionError } | undefined;
  for (const { form, terms } of FORMS) {
    const correction = solve(observations, terms);
    const others = observations.map((_, i) => solve(observations.toSpliced(i, 1), terms));
    if (correction === undefined || others.includes(undefined)) continue;
    const leftOut = errorOf(observations, (observation, i) => corrected(others[i]!, observation));
    if (best === undefined || leftOut.mean < (1 - WORTH) * best.leftOut.mean) best = { correction, form, leftOut };
  }
  return { ...best!, additive: errorOf(observations, ({ sum }) => sum) };
}

export function errorOf(
  observations: readonly Observation[],
  predict: (observation: Observation, i: number) => number,
): PredictionError {
  const errors = observations.map((one, i) => Math.abs(predict(one, i) / one.measured - 1));
  return { mean: errors.reduce((a, b) => a + b, 0) / errors.length, worst: Math.max(...errors) };
}

/** Least squares of the terms; undefined where the observations do not determine them, or give what is no correction. */
function solve(observations: readonly Observation[], terms: readonly Term[]): Correction | undefined {
  const isFitted = terms.includes("sum");
  const rows = observations.map(({ sum, parts, measured }) => ({
    x: terms.map((term) => (term === "sum" ? sum : term === "parts" ? parts : 1) / measured),
    y: 1 - (isFitted ? 0 : sum / measured),
  }));
  const found = leastSquares(rows);
  if (found === undefined) return undefined;
  const fitted = (term: Term): number | undefined => found[terms.indexOf(term)];
  const correction = { scale: fitted("sum") ?? 1, perPart: fitted("parts") ?? 0, constant: fitted("one") ?? 0 };
  const isOne = correction.scale > 0 && observations.every((one) => corrected(correction, one) > 0);
  return isOne ? correction : undefined;
}

interface Row {
  readonly x: readonly number[];
  readonly y: number;
}

/** Solves the normal equations by elimination with pivots; a handful of unknowns. */
function leastSquares(rows: readonly Row[]): number[] | undefined {
  const n = rows[0]?.x.length ?? 0;
  if (rows.length < n) return undefined;
  const sumOver = (f: (row: Row) => number) => rows.reduce((total, row) => total + f(row), 0);
  const matrix = Array.from({ length: n }, (_, i) => [
    ...Array.from({ length: n }, (_, j) => sumOver(({ x }) => x[i]! * x[j]!)),
    sumOver(({ x, y }) => x[i]! * y),
  ]);
  const sizes = matrix.map((row, i) => row[i]!);
  for (let k = 0; k < n; k++) {
    const pivot = matrix.slice(k).reduce((p, row, i) => (Math.abs(row[k]!) > Math.abs(matrix[p]![k]!) ? k + i : p), k);
    [matrix[k], matrix[pivot]] = [matrix[pivot]!, matrix[k]!];
    if (!(Math.abs(matrix[k]![k]!) > SINGULAR * sizes[k]!)) return undefined;
    for (let i = 0; i < n; i++) {
      if (i === k) continue;
      const factor = matrix[i]![k]! / matrix[k]![k]!;
      for (let j = k; j <= n; j++) matrix[i]![j]! -= factor * matrix[k]![j]!;
    }
  }
  return matrix.map((row, i) => row[n]! / row[i]!);
}

/** What is left of a pivot where columns are the same but for rounding. */
const SINGULAR = 1e-12;
