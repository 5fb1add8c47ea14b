import fc from "fast-check";
import { operators } from "../../../lib/graph/index.js";
import * as reference from "../reference/elementwise.js";
import {
  bools,
  broadcastable,
  bytes,
  type Call,
  dtypes,
  floats,
  frozen,
  type Operand,
  shapeOf,
  suite,
  ties,
  whole,
} from "./sample.js";

type None = Record<string, never>;
type Make = (shape: readonly number[]) => Operand;

/** Calls with two broadcast operands, each pair drawn by one of the makers. */
const binary = (...makers: readonly (readonly [Make, Make])[]): fc.Arbitrary<Call<None>> =>
  fc
    .tuple(broadcastable(2), fc.constantFrom(...makers))
    .map(([[a, b], [left, right]]) => ({ operands: [left(a!), right(b!)], attributes: {} }));

const unary = (...makers: readonly Make[]): fc.Arbitrary<Call<None>> =>
  fc
    .tuple(shapeOf(0, 4), fc.constantFrom(...makers))
    .map(([shape, make]) => ({ operands: [make(shape)], attributes: {} }));

const float: Make = (shape) => floats(shape);
const integer: Make = (shape) => whole(shape, -5, 5);
const positive: Make = (shape) => floats(shape, 0.3, 3);
const natural: Make = (shape) => whole(shape, 1, 5);

const arithmetic = binary([float, float], [integer, integer]);
const comparison = binary([ties, ties], [integer, integer], [float, float]);

/** relu's output: zeros and positive numbers, away from zero for the finite differences of the other operand. */
const rectified: Make = (shape) => ({
  shape,
  dtype: "float32",
  draw: (random) => Math.max(0, random.integer(9) / 2 - 2),
  differentiable: false,
});

const sameShape = (first: Make, second: Make): fc.Arbitrary<Call<None>> =>
  shapeOf(0, 4).map((shape) => ({ operands: [first(shape), second(shape)], attributes: {} }));

const operandOf: Readonly<Record<(typeof dtypes)[number], Make>> = {
  float32: (shape) => frozen({ ...floats(shape, 0, 5), draw: (random) => random.integer(20) / 4 }),
  int32: (shape) => whole(shape, 0, 5),
  uint8: bytes,
  bool: bools,
};

export const elementwiseSuites = {
  add: suite(operators.add, { calls: arithmetic, reference: reference.add }),
  sub: suite(operators.sub, { calls: arithmetic, reference: reference.sub }),
  mul: suite(operators.mul, { calls: arithmetic, reference: reference.mul }),
  div: suite(operators.div, { calls: binary([float, positive]), reference: reference.div }),
  maximum: suite(operators.maximum, { calls: arithmetic, reference: reference.maximum }),
  minimum: suite(operators.minimum, { calls: arithmetic, reference: reference.minimum }),
  less: suite(operators.less, { calls: comparison, reference: reference.less }),
  equal: suite(operators.equal, { calls: comparison, reference: reference.equal }),
  and: suite(operators.and, { calls: binary([bools, bools]), reference: reference.and }),
  neg: suite(operators.neg, { calls: unary(float, integer), reference: reference.neg }),
  exp: suite(operators.exp, { calls: unary(float), reference: reference.exp }),
  log: suite(operators.log, { calls: unary(positive), reference: reference.log }),
  sqrt: suite(operators.sqrt, { calls: unary(positive), reference: reference.sqrt }),
  abs: suite(operators.abs, { calls: unary(float, integer), reference: reference.abs }),
  sign: suite(operators.sign, { calls: unary(ties, integer, natural), reference: reference.sign }),
  floor: suite(operators.floor, { calls: unary(float, ties), reference: reference.floor }),
  sigmoid: suite(operators.sigmoid, {
    calls: unary((shape) => floats(shape, -6, 6)),
    reference: reference.sigmoid,
  }),
  erf: suite(operators.erf, { calls: unary(float), reference: reference.erf }),
  cast: suite(operators.cast, {
    calls: fc
      .tuple(shapeOf(0, 3), fc.constantFrom(...dtypes), fc.constantFrom(...dtypes))
      .map(([shape, from, to]) => ({ operands: [operandOf[from](shape)], attributes: { dtype: to } })),
    reference: reference.cast,
  }),
  where: suite(operators.where, {
    calls: fc.tuple(broadcastable(3), fc.boolean()).map(([[condition, a, b], isFloat]) => {
      const make = isFloat ? float : integer;
      return { operands: [bools(condition!), make(a!), make(b!)], attributes: {} };
    }),
    reference: reference.where,
  }),
  clip: suite(operators.clip, {
    calls: fc.tuple(shapeOf(0, 4), fc.constantFrom([0, 6], [-1, 1], [-0.5, 0.25])).map(([shape, [low, high]]) => ({
      operands: [floats(shape)],
      attributes: { low: low!, high: high! },
    })),
    reference: reference.clip,
  }),
  relu: suite(operators.relu, { calls: unary(float), reference: reference.relu }),
  reluGradient: suite(operators.reluGradient, {
    calls: sameShape(rectified, float),
    reference: reference.reluGradient,
  }),
  gelu: suite(operators.gelu, { calls: unary((shape) => floats(shape, -4, 4)), reference: reference.gelu }),
  geluGradient: suite(operators.geluGradient, { calls: sameShape(float, float), reference: reference.geluGradient }),
};
