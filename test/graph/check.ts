import { expect } from "chai";
import type { Engine, Tensors } from "../../lib/engines/engine.js";
import {
  type DType,
  gradients,
  input,
  nodesInOrder,
  type TensorData,
  type TensorType,
  type Value,
} from "../../lib/graph/index.js";
import { Random } from "../../lib/random.js";
import type { Sample } from "./operators/sample.js";
import { build, type Tensor } from "./reference/tensor.js";

const FORWARD_TOLERANCE = 1e-5;
const GRADIENT_TOLERANCE = 1e-4;

/** The contribution of one sample to the program that runs many. */
interface Prepared {
  readonly sample: Sample;
  readonly feeds: Readonly<Record<string, TensorData>>;
  readonly outputs: Readonly<Record<string, Value>>;
  readonly cotangents: readonly (Tensor | undefined)[];
  readonly checked: readonly number[];
}

/** Runs the samples as one program and compares outputs, expansions and gradients with the references. */
export async function checkSamples(engine: Engine, samples: readonly Sample[]): Promise<void> {
  const prepared = samples.map((sample, i) => prepare(sample, `${i}.`));
  const program = await engine.compile(Object.assign({}, ...prepared.map(({ outputs }) => outputs)));
  try {
    const results = await program.run(Object.assign({}, ...prepared.map(({ feeds }) => feeds)));
    for (const [i, one] of prepared.entries()) compare(one, results, `${i}.`);
  } finally {
    await program.dispose();
  }
}

function prepare(sample: Sample, prefix: string): Prepared {
  const feeds: Record<string, TensorData> = {};
  const outputs: Record<string, Value> = {};
  const feed = (name: string, { shape, dtype }: TensorType, tensor: Tensor): Value => {
    feeds[prefix + name] = typed(tensor.data, dtype);
    return input(prefix + name, shape, dtype);
  };
  const inputs = sample.operands.map((operand, i) => feed(`x${i}`, operand, operand.tensor));
  const ys = sample.apply(inputs);
  ys.forEach((y, j) => {
    outputs[`${prefix}y${j}`] = y;
  });
  const node = sample.nodeOf(ys);
  if (ys.every((y) => y.node === node)) {
    node.operator.decompose?.(node).forEach((part, j) => {
      outputs[`${prefix}expanded${j}`] = part;
    });
  }

  if (node.operator.gradient === undefined) return { sample, feeds, outputs, cotangents: [], checked: [] };
  const checked = sample.operands.flatMap((operand, i) =>
    operand.dtype === "float32" && operand.differentiable !== false ? [i] : [],
  );
  const random = Random.of(sample.label);
  const cotangents = ys.map((y, j) =>
    sample.differentiableOutputs.includes(j) ? build(y.shape, () => Math.fround(random.uniform(-1, 1))) : undefined,
  );
  const seeds = ys.flatMap((value, j) => {
    const cotangent = cotangents[j];
    return cotangent === undefined ? [] : [{ value, gradient: feed(`g${j}`, value, cotangent) }];
  });
  const found = gradients(
    seeds,
    checked.map((i) => inputs[i]!),
  );
  checked.forEach((i, k) => {
    expect(found[k], `${sample.label}: gradient of input ${i}`).not.to.equal(undefined);
    expect(found[k]!.shape, `${sample.label}: shape of gradient ${i}`).to.deep.equal(inputs[i]!.shape);
    outputs[`${prefix}gradient${i}`] = found[k]!;
  });
  return { sample, feeds, outputs, cotangents, checked };
}

function compare({ sample, outputs, cotangents, checked }: Prepared, results: Tensors, prefix: string): void {
  const tensors = sample.operands.map(({ tensor }) => tensor);
  const expected = sample.reference(tensors);
  expected.forEach((y, j) => {
    const value = outputs[`${prefix}y${j}`];
    expect(value?.shape, `${sample.label}: shape of output ${j}`).to.deep.equal(y.shape);
    const tolerance = value!.dtype === "float32" ? FORWARD_TOLERANCE : 0;
    expectNear(results[`${prefix}y${j}`]!, y.data, tolerance, `${sample.label}: output ${j}`);
    const expanded = results[`${prefix}expanded${j}`];
    if (expanded !== undefined) expectNear(expanded, y.data, tolerance, `${sample.label}: expansion of output ${j}`);
  });
  for (const i of checked) {
    const numeric = finiteDifferences(sample, tensors, i, cotangents);
    expectNear(results[`${prefix}gradient${i}`]!, numeric, GRADIENT_TOLERANCE, `${sample.label}: gradient ${i}`);
  }
}

/** No element may differ by more than the tolerance times the largest element (or times 1 where all are smaller). */
function expectNear(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number, what: string): void {
  expect(actual.length, what).to.equal(expected.length);
  let scale = 1;
  for (let i = 0; i < expected.length; i++) scale = Math.max(scale, Math.abs(expected[i]!));
  for (let i = 0; i < expected.length; i++) {
    const close = Math.abs(actual[i]! - expected[i]!) <= tolerance * scale; // false for NaN too
    if (!close) expect.fail(`${what}: element ${i} is ${actual[i]}, not ${expected[i]}`);
  }
}

/** d (Σ outputs · cotangents) / d input i, by central differences of the reference in float64. */
function finiteDifferences(
  sample: Sample,
  tensors: readonly Tensor[],
  i: number,
  cotangents: readonly (Tensor | undefined)[],
): Float64Array {
  const step = 1e-5;
  const data = Float64Array.from(tensors[i]!.data);
  const moved = tensors.with(i, { shape: tensors[i]!.shape, data });
  const loss = () => {
    const outputs = sample.reference(moved);
    return cotangents.reduce(
      (total, cotangent, j) => total + (cotangent?.data.reduce((sum, g, k) => sum + g * outputs[j]!.data[k]!, 0) ?? 0),
      0,
    );
  };
  return data.map((x, k) => {
    data[k] = x + step;
    const above = loss();
    data[k] = x - step;
    const below = loss();
    data[k] = x;
    return (above - below) / (2 * step);
  });
}

export function typed(data: ArrayLike<number>, dtype: DType): TensorData {
  if (dtype === "float32") return Float32Array.from(data);
  return dtype === "int32" ? Int32Array.from(data) : Uint8Array.from(data);
}

/** Compiles, runs once and disposes. */
export async function evaluate(
  engine: Engine,
  outputs: Readonly<Record<string, Value>>,
  feeds: Tensors = {},
): Promise<Tensors> {
  const program = await engine.compile(outputs);
  try {
    return await program.run(feeds);
  } finally {
    await program.dispose();
  }
}

/** How many nodes of each operator the outputs need. */
export function countOperators(outputs: Iterable<Value>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { operator } of nodesInOrder(outputs)) counts[operator.name] = (counts[operator.name] ?? 0) + 1;
  return counts;
}
