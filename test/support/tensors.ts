import { createHash } from "node:crypto";
import { expect } from "chai";
import type { Parameter, ParameterValues } from "../../lib/nn/parameters.js";
import { parameterValue, uniform } from "../../tools/prng.js";
import type { Golden } from "./goldens.js";

/** The largest |actual − expected|, and the largest |expected|. */
export function difference(actual: ArrayLike<number>, expected: ArrayLike<number>): { error: number; scale: number } {
  expect(actual.length).to.equal(expected.length);
  let error = 0;
  let scale = 0;
  for (let i = 0; i < expected.length; i++) {
    const distance = Math.abs(actual[i]! - expected[i]!);
    error = Number.isNaN(distance) ? Number.POSITIVE_INFINITY : Math.max(error, distance);
    scale = Math.max(scale, Math.abs(expected[i]!));
  }
  return { error, scale };
}

/** Asserts that no element differs by more than `tolerance` times the largest expected one. */
export function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  what: string,
): void {
  const { error, scale } = difference(actual, expected);
  expect(error, `${what}: largest difference, of values up to ${scale}`).to.be.at.most(tolerance * scale);
}

/** Asserts that no element differs by more than `tolerance`. */
export function expectWithin(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  what: string,
): void {
  const { error } = difference(actual, expected);
  expect(error, `${what}: largest difference`).to.be.at.most(tolerance);
}

export interface SampledOutput {
  readonly name: string;
  readonly samples?: readonly [indices: string, values: string];
}

/** A stored output: NAME.npy, or the flat indices and values of a sample of it. */
export function expectGoldenOutput(
  { array }: Golden,
  output: SampledOutput,
  actual: ArrayLike<number>,
  tolerance: number,
) {
  if (output.samples === undefined) {
    const stored = array(`${output.name}.npy`);
    expectClose(stored.of(actual), stored.expected, tolerance, output.name);
    return;
  }
  const picked = Array.from(array(output.samples[0]).data, (i) => actual[i]!);
  expectClose(picked, array(output.samples[1]).data, tolerance, output.name);
}

/** The names and shapes of a reference's parameters: a list in its order, or a digest of the sorted list. */
export interface GoldenParameters {
  readonly generated?: readonly (readonly [name: string, shape: readonly number[]])[];
  readonly parameters?: string;
}

/** The dense models of the recordings keep the classifier's unused bias table as a buffer. */
export function expectGoldenParameters(own: readonly Parameter[], { generated, parameters }: GoldenParameters): void {
  const named = own.map(({ name, shape }) => [name, shape] as const);
  if (generated !== undefined) {
    expect(named).to.deep.equal(generated.filter(([name]) => !name.endsWith("attention_biases")));
    return;
  }
  expect(digestOfNames(named), "names and shapes of the parameters").to.equal(parameters);
}

/** SHA-256 of the sorted names and shapes as JSON. */
export function digestOfNames(rows: readonly (readonly [name: string, shape: readonly number[]])[]): string {
  const sorted = rows.toSorted(([a], [b]) => (a < b ? -1 : 1));
  return createHash("sha256").update(JSON.stringify(sorted)).digest("hex");
}

/** Sets every parameter to its fixture value. */
export function fillFromPrng(
  values: ParameterValues,
  parameters: readonly Parameter[],
  prefix: string,
  gains: Readonly<Record<string, number>> = {},
  overrides: Readonly<Record<string, readonly number[]>> = {},
): void {
  for (const { name, shape } of parameters) {
    const override = overrides[name];
    values.view(name).set(override ?? parameterValue(prefix, name, shape, gains[name] ?? 1)!);
  }
}

export interface PrngInput {
  readonly key: string;
  readonly shape: readonly number[];
  readonly lo: number;
  readonly hi: number;
}

export function prngInput({ key, shape, lo, hi }: PrngInput): Float32Array {
  return uniform(
    key,
    shape.reduce((a, b) => a * b, 1),
    lo,
    hi,
  );
}

export interface GoldenGradient {
  readonly name: string;
  readonly idx: readonly number[];
  readonly grad: readonly number[];
  /** The norm of the whole gradient. */
  readonly l2: number;
  /** The reference's own float32 error; null if the gradient is mathematically zero. */
  readonly rel_err_fp32: number | null;
}

/** Every parameter's gradient: its norm, and the sampled elements to within `tolerance` of the norm. */
export function expectGoldenGradients(
  gradients: ReadonlyMap<string, Float32Array>,
  expected: readonly GoldenGradient[],
  tolerance: number,
): void {
  for (const { name, idx, grad, l2, rel_err_fp32 } of expected) {
    const actual = gradients.get(name);
    expect(actual, name).to.not.equal(undefined);
    if (rel_err_fp32 === null) continue; // a bias before a batch norm: only rounding noise is left
    expect(Math.hypot(...chunkNorms(actual!)), `norm of ${name}`).to.be.closeTo(l2, tolerance * l2);
    idx.forEach((flat, i) => {
      expect(actual![flat], `${name}[${flat}]`).to.be.closeTo(grad[i]!, tolerance * l2);
    });
  }
}

function chunkNorms(values: Float32Array): number[] {
  const norms: number[] = [];
  for (let start = 0; start < values.length; start += 4096) {
    norms.push(Math.sqrt(values.subarray(start, start + 4096).reduce((sum, x) => sum + x * x, 0)));
  }
  return norms;
}
