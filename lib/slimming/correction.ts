/** The measured cost of a network, and that of its parts together. */
export interface Observation {
  /** Sum of the parts' costs. */
  readonly sum: number;
  readonly parts: number;
  readonly measured: number;
}

/** Corrects for parts not adding up: `scale · sum + perPart · parts + constant`. */
export interface Correction {
  readonly scale: number;
  /** A part's extra cost within a network; negative where calling it alone adds overhead. */
  readonly perPart: number;
  readonly constant: number;
}

export const NO_CORRECTION: Correction = { scale: 1, perPart: 0, constant: 0 };

export const corrected = (
  { scale, perPart, constant }: Correction,
  { sum, parts }: Pick<Observation, "sum" | "parts">,
): number => scale * sum + perPart * parts + constant;

/** Errors of predictions, as shares of the measured cost. */
export interface PredictionError {
  readonly mean: number;
  readonly worst: number;
}

export interface Fit {
  readonly correction: Correction;
  /** A description of the form. */
  readonly form: string;
  /** Of the uncorrected sums. */
  readonly additive: PredictionError;
  /** Of the correction, each network predicted by a fit to the others. */
  readonly leftOut: PredictionError;
}

/** Corrections tried, the simplest first: which of (sum, parts, 1) are fitted. A sum that is not fitted has scale 1. */
const FORMS = [
  { form: "none", terms: [] },
  { form: "a factor", terms: ["sum"] },
  { form: "a constant", terms: ["one"] },
  { form: "a constant per part", terms: ["parts"] },
  { form: "a factor and a constant", terms: ["sum", "one"] },
  { form: "a factor and a constant per part", terms: ["sum", "parts"] },
  { form: "a factor, a constant per part and a constant", terms: ["sum", "parts", "one"] },
] as const satisfies readonly { readonly form: string; readonly terms: readonly Term[] }[];

type Term = "sum" | "parts" | "one";

/** A more complicated form must predict networks left out of the fit better by this share. */
const WORTH = 0.02;

/**
 * The correction that predicts best, among a few forms: least squares of the relative errors, so that small networks count as
 * much as large ones; compared on networks left out of the fit. A form that gives a network a negative cost is rejected.
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

/** Least squares of the terms; undefined where the observations do not determine them, or the result is rejected. */
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

/** Solves the normal equations of a few unknowns by elimination with pivoting. */
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

/** Size of a pivot where columns are equal except for rounding. */
const SINGULAR = 1e-12;
