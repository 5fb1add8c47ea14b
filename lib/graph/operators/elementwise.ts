import { apply, check, type DType, type Operator, type Traits, type Value } from "../value.js";
import { broadcastShapes, sumTo } from "./broadcasting.js";
import { scalar } from "./leaves.js";

type None = Record<string, never>;
const NONE: None = {};

type Gradient2 = (g: Value, a: Value, b: Value, y: Value) => readonly [Value | undefined, Value | undefined];

function binary(name: string, gradient?: Gradient2, traits: Traits = {}, result?: DType): Operator<None> {
  return {
    name,
    kind: "elementwise",
    ...traits,
    infer: ([a, b]) => {
      check(a!.dtype === b!.dtype, () => `operands of one dtype, not ${a!.dtype} and ${b!.dtype}`);
      return [{ shape: broadcastShapes(a!.shape, b!.shape), dtype: result ?? a!.dtype }];
    },
    ...(gradient && {
      gradient: (node, [g]) => {
        const [a, b] = node.inputs as [Value, Value];
        const [ga, gb] = gradient(g!, a, b, node.outputs[0]!);
        return [ga && sumTo(ga, a.shape), gb && sumTo(gb, b.shape)];
      },
    }),
  };
}

type Gradient1 = (g: Value, x: Value, y: Value) => Value;

function unary(name: string, gradient?: Gradient1, traits: Traits = {}): Operator<None> {
  return {
    name,
    kind: "elementwise",
    ...traits,
    infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
    ...(gradient && { gradient: (node, [g]) => [gradient(g!, node.inputs[0]!, node.outputs[0]!)] }),
  };
}

/** Of `add`. */
export const addOperator = binary("add", (g) => [g, g], { half: "follows", cheap: "inBlock" });
/** Of `sub`. */
export const subOperator = binary("sub", (g) => [g, neg(g)], { half: "follows", cheap: "everywhere" });
/** Of `mul`. */
export const mulOperator = binary("mul", (g, a, b) => [mul(g, b), mul(g, a)], { half: "follows", cheap: "inBlock" });
/** Of `div`. */
export const divOperator = binary("div", (g, _, b, y) => [div(g, b), neg(div(mul(g, y), b))]);
/** Of `maximum`. */
export const maximumOperator = binary(
  "maximum",
  (g, a, b) => [where(less(a, b), zero, g), where(less(a, b), g, zero)],
  { half: "follows" },
);
/** Of `minimum`. */
export const minimumOperator = binary(
  "minimum",
  (g, a, b) => [where(less(b, a), zero, g), where(less(b, a), g, zero)],
  { half: "follows" },
);
/** Of `less`. */
export const lessOperator = binary("less", undefined, {}, "bool");
/** Of `equal`. */
export const equalOperator = binary("equal", undefined, {}, "bool");
/** Of `and`. */
export const andOperator = binary("and", undefined, {}, "bool");

/** Of `neg`. */
export const negOperator = unary("neg", (g) => neg(g), { half: "follows", cheap: "inBlock" });
/** Of `exp`. */
export const expOperator = unary("exp", (g, _, y) => mul(g, y));
/** Of `log`. */
export const logOperator = unary("log", (g, x) => div(g, x));
/** Of `sqrt`. */
export const sqrtOperator = unary("sqrt", (g, _, y) => div(mul(g, scalar(0.5)), y));
/** Of `abs`. */
export const absOperator = unary("abs", (g, x) => mul(g, sign(x)));
/** Of `sign`. */
export const signOperator = unary("sign");
/** Of `floor`. */
export const floorOperator = unary("floor");
/** Of `sigmoid`. */
export const sigmoidOperator = unary("sigmoid", (g, _, y) => mul(g, mul(y, sub(scalar(1), y))));
/** Of `erf`. */
export const erfOperator = unary("erf", (g, x) => mul(g, mul(scalar(2 / Math.sqrt(Math.PI)), exp(neg(mul(x, x))))), {
  half: "follows",
});

/** Elements in another type. */
export const castOperator: Operator<{ readonly dtype: DType }> = {
  name: "cast",
  kind: "elementwise",
  infer: ([x], { dtype }) => [{ shape: x!.shape, dtype }],
};

/** `condition ? a : b`, all three broadcast. */
export const whereOperator: Operator<None> = {
  name: "where",
  kind: "elementwise",
  infer: ([condition, a, b]) => {
    check(condition!.dtype === "bool", () => "the condition is bool");
    check(a!.dtype === b!.dtype, () => `branches of one dtype, not ${a!.dtype} and ${b!.dtype}`);
    return [{ shape: broadcastShapes(condition!.shape, broadcastShapes(a!.shape, b!.shape)), dtype: a!.dtype }];
  },
  gradient: ({ inputs: [condition, a, b] }, [g]) => [
    undefined,
    sumTo(where(condition!, g!, zero), a!.shape),
    sumTo(where(condition!, zero, g!), b!.shape),
  ],
};

const zero = scalar(0);

/** a + b; shapes broadcast, here and in the other functions of two values. */
export const add = (a: Value, b: Value): Value => apply(addOperator, [a, b], NONE);
/** a − b. */
export const sub = (a: Value, b: Value): Value => apply(subOperator, [a, b], NONE);
/** a · b. */
export const mul = (a: Value, b: Value): Value => apply(mulOperator, [a, b], NONE);
/** a / b. */
export const div = (a: Value, b: Value): Value => apply(divOperator, [a, b], NONE);
/** The larger one of a and b. */
export const maximum = (a: Value, b: Value): Value => apply(maximumOperator, [a, b], NONE);
/** The smaller one of a and b. */
export const minimum = (a: Value, b: Value): Value => apply(minimumOperator, [a, b], NONE);
/** Whether a < b: → bool. */
export const less = (a: Value, b: Value): Value => apply(lessOperator, [a, b], NONE);
/** Whether a = b: → bool. */
export const equal = (a: Value, b: Value): Value => apply(equalOperator, [a, b], NONE);
/** Whether both are true: bool, bool → bool. */
export const and = (a: Value, b: Value): Value => apply(andOperator, [a, b], NONE);
/** −x. */
export const neg = (x: Value): Value => apply(negOperator, [x], NONE);
/** eˣ. */
export const exp = (x: Value): Value => apply(expOperator, [x], NONE);
/** The natural logarithm. */
export const log = (x: Value): Value => apply(logOperator, [x], NONE);
/** √x. */
export const sqrt = (x: Value): Value => apply(sqrtOperator, [x], NONE);
/** |x|. */
export const abs = (x: Value): Value => apply(absOperator, [x], NONE);
/** −1, 0 or 1. */
export const sign = (x: Value): Value => apply(signOperator, [x], NONE);
/** The largest whole number that is not above x. */
export const floor = (x: Value): Value => apply(floorOperator, [x], NONE);
/** σ(x) = 1 / (1 + e⁻ˣ). */
export const sigmoid = (x: Value): Value => apply(sigmoidOperator, [x], NONE);
/** The error function. */
export const erf = (x: Value): Value => apply(erfOperator, [x], NONE);
/** The elements in another type; from float32 to int32 towards zero. */
export const cast = (x: Value, dtype: DType): Value => (x.dtype === dtype ? x : apply(castOperator, [x], { dtype }));
/** `condition ? a : b`, element by element. */
export const where = (condition: Value, a: Value, b: Value): Value => apply(whereOperator, [condition, a, b], NONE);
/** Whether a > b: → bool. */
export const greater = (a: Value, b: Value): Value => less(b, a);
