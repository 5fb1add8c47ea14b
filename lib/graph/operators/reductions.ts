import { apply, check, normaliseAxis, type Operator, type Shape, sameShape, sizeOf, type Value } from "../value.js";
import { mul } from "./elementwise.js";
import { scalar } from "./leaves.js";
import { broadcastTo, reshape } from "./shaping.js";

export interface ReduceAttributes {
  /** Ascending, without repetition. */
  readonly axes: readonly number[];
  readonly keepDims: boolean;
}

function reducedShape(shape: Shape, { axes, keepDims }: ReduceAttributes): Shape {
  if (keepDims) return shape.map((n, i) => (axes.includes(i) ? 1 : n));
  return shape.filter((_, i) => !axes.includes(i));
}

/** The gradient of a sum, spread back over the reduced axes. */
function spread(g: Value, x: Value, { axes }: ReduceAttributes): Value {
  return broadcastTo(reshape(g, reducedShape(x.shape, { axes, keepDims: true })), x.shape);
}

const elementsReduced = (x: Value, axes: readonly number[]) => axes.reduce((n, axis) => n * x.shape[axis]!, 1);

export const sumOperator: Operator<ReduceAttributes> = {
  name: "sum",
  infer: ([x], attributes) => [{ shape: reducedShape(x!.shape, attributes), dtype: x!.dtype }],
  gradient: ({ inputs: [x], attributes }, [g]) => [spread(g!, x!, attributes)],
};

export const meanOperator: Operator<ReduceAttributes> = {
  name: "mean",
  infer: ([x], attributes) => [{ shape: reducedShape(x!.shape, attributes), dtype: x!.dtype }],
  gradient: ({ inputs: [x], attributes }, [g]) => [
    spread(mul(g!, scalar(1 / elementsReduced(x!, attributes.axes))), x!, attributes),
  ],
};

/** The largest element; for stabilising exponentials and for scores, it passes no gradient. */
export const maxOperator: Operator<ReduceAttributes> = {
  name: "max",
  infer: ([x], attributes) => [{ shape: reducedShape(x!.shape, attributes), dtype: x!.dtype }],
};

/** The first index of the largest element along one axis, as int32. */
export const argMaxOperator: Operator<{ readonly axis: number }> = {
  name: "argMax",
  infer: ([x], { axis }) => [{ shape: x!.shape.filter((_, i) => i !== axis), dtype: "int32" }],
};

export interface ReduceOptions {
  readonly axes?: readonly number[];
  readonly keepDims?: boolean;
}

function reduce(operator: Operator<ReduceAttributes>, x: Value, { axes, keepDims = false }: ReduceOptions): Value {
  const rank = x.shape.length;
  const all = (axes ?? x.shape.map((_, i) => i)).map((axis) => normaliseAxis(axis, rank)).sort((a, b) => a - b);
  check(new Set(all).size === all.length, () => `axes ${axes} name one axis twice`);
  return apply(operator, [x], { axes: all, keepDims });
}

/** Sums over `axes`, all of them by default. */
export const sum = (x: Value, options: ReduceOptions = {}): Value => reduce(sumOperator, x, options);
export const mean = (x: Value, options: ReduceOptions = {}): Value => reduce(meanOperator, x, options);
export const max = (x: Value, options: ReduceOptions = {}): Value => reduce(maxOperator, x, options);
export const argMax = (x: Value, axis: number): Value =>
  apply(argMaxOperator, [x], { axis: normaliseAxis(axis, x.shape.length) });

/** Sums away what broadcasting from `shape` had added: the gradient of a broadcast operand. */
export function sumTo(x: Value, shape: Shape): Value {
  if (sameShape(x.shape, shape)) return x;
  if (sizeOf(x.shape) < sizeOf(shape)) return broadcastTo(x, shape); // a scalar gradient of a broadcast result
  const added = x.shape.length - shape.length;
  const axes = x.shape.flatMap((n, i) => (i < added || (shape[i - added] === 1 && n !== 1) ? [i] : []));
  return reshape(sum(x, { axes, keepDims: true }), shape);
}
