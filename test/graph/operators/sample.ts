import fc from "fast-check";
import {
  type DType,
  type Node,
  type Operator,
  record,
  type Shape,
  type TensorType,
  type Value,
} from "../../../lib/graph/index.js";
import { Random } from "../../../lib/random.js";
import { build, type Reference, type Tensor } from "../reference/tensor.js";

/** One input of an operator under test: its type and where its numbers come from. */
export interface Operand extends TensorType {
  readonly draw: (random: Random) => number;
  /** Whether the gradient with respect to it is checked; by default if it is a float. */
  readonly differentiable?: boolean;
}

/** One way to call an operator. */
export interface Call<Attributes> {
  readonly operands: readonly Operand[];
  readonly attributes: Attributes;
}

/** A call with its numbers, to be run on an engine and compared with the reference. */
export interface Sample {
  readonly label: string;
  readonly operands: readonly (Operand & { readonly tensor: Tensor })[];
  /** Which outputs the gradient flows from. */
  readonly differentiableOutputs: readonly number[];
  readonly apply: (inputs: readonly Value[]) => readonly Value[];
  /** The node under test, given the outputs of `apply`. */
  readonly nodeOf: (outputs: readonly Value[]) => Node;
  readonly reference: (inputs: readonly Tensor[]) => readonly Tensor[];
}

export interface SuiteOptions<Attributes> {
  readonly calls: fc.Arbitrary<Call<Attributes>>;
  readonly reference: Reference<Attributes>;
  readonly differentiableOutputs?: readonly number[];
  /** What is run for a call, if the operator cannot run alone. */
  readonly apply?: (inputs: readonly Value[], attributes: Attributes) => readonly Value[];
}

/** Random samples of calls of one operator. */
export function suite<Attributes>(
  operator: Operator<Attributes>,
  { calls, reference, differentiableOutputs = [0], apply }: SuiteOptions<Attributes>,
): fc.Arbitrary<Sample> {
  return fc.tuple(calls, fc.nat({ max: 1 << 20 })).map(([{ operands, attributes }, seed]) => {
    const types = operands.map(({ dtype, shape }) => `${dtype}[${shape}]`).join(", ");
    return {
      label: `${operator.name}(${types}) ${JSON.stringify(attributes)} seed ${seed}`,
      operands: operands.map((operand, i) => ({ ...operand, tensor: draw(operand, Random.of(seed, i)) })),
      differentiableOutputs,
      apply: (inputs) => apply?.(inputs, attributes) ?? record(operator, inputs, attributes),
      nodeOf: ([first]) => first!.node,
      reference: (inputs) => reference(inputs, attributes),
    };
  });
}

function draw({ shape, draw: next }: Operand, random: Random): Tensor {
  return build(shape, () => Math.fround(next(random)));
}

const uniform = (low: number, high: number) => (random: Random) => random.uniform(low, high);

/** Floats between −2 and 2. */
export const floats = (shape: Shape, low = -2, high = 2): Operand => ({
  shape,
  dtype: "float32",
  draw: uniform(low, high),
});

/** Floats with many ties: multiples of a quarter. */
export const ties = (shape: Shape): Operand => ({
  shape,
  dtype: "float32",
  draw: (random) => (random.integer(9) - 4) / 4,
});

export const whole = (shape: Shape, low: number, high: number): Operand => ({
  shape,
  dtype: "int32",
  draw: (random) => low + random.integer(high - low + 1),
});

export const bools = (shape: Shape): Operand => ({ shape, dtype: "bool", draw: (random) => random.integer(2) });

export const bytes = (shape: Shape): Operand => ({ shape, dtype: "uint8", draw: (random) => random.integer(256) });

export const frozen = (operand: Operand): Operand => ({ ...operand, differentiable: false });

const size = fc.integer({ min: 1, max: 4 });

export const shapeOf = (minRank: number, maxRank: number): fc.Arbitrary<number[]> =>
  fc.array(size, { minLength: minRank, maxLength: maxRank });

/** Shapes that broadcast together: each a suffix of one shape, with some sizes replaced by 1. */
export function broadcastable(count: number, maxRank = 3): fc.Arbitrary<number[][]> {
  return shapeOf(0, maxRank).chain((full) => {
    const tail = fc
      .tuple(fc.nat({ max: full.length }), fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }))
      .map(([start, ones]) => full.slice(start).map((n, i) => (ones[i] ? 1 : n)));
    return fc.tuple(...Array.from({ length: count }, () => tail));
  });
}

export const axisOf = (shape: Shape): fc.Arbitrary<number> => fc.nat({ max: shape.length - 1 });

export const orderOf = (rank: number): fc.Arbitrary<number[]> =>
  fc.shuffledSubarray(
    Array.from({ length: rank }, (_, i) => i),
    { minLength: rank },
  );

export const axesOf = (rank: number, minLength = 0): fc.Arbitrary<number[]> =>
  fc.subarray(
    Array.from({ length: rank }, (_, i) => i),
    { minLength },
  );

export const dtypes: readonly DType[] = ["float32", "int32", "uint8", "bool"];
