// Sums and their counterparts: the gradient of each of these operators is written in the others.

import {
  apply,
  check,
  GraphError,
  normaliseAxis,
  type Operator,
  type Shape,
  sameShape,
  sizeOf,
  type Value,
} from "../value.js";

/** The NumPy broadcast of two shapes. */
export function broadcastShapes(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const m = a[a.length - rank + i] ?? 1;
    const n = b[b.length - rank + i] ?? 1;
    if (m !== n && m !== 1 && n !== 1) throw new GraphError(`shapes [${a}] and [${b}] do not broadcast`);
    return m === 1 ? n : m;
  });
}

/** The same elements in another shape. */
export const reshapeOperator: Operator<{ readonly shape: Shape }> = {
  name: "reshape",
  half: "follows",
  sized: "shape",
  infer: ([x], { shape }) => {
    check(sizeOf(shape) === sizeOf(x!.shape), () => `${sizeOf(x!.shape)} elements do not fill [${shape}]`);
    return [{ shape, dtype: x!.dtype }];
  },
  gradient: ({ inputs: [x] }, [g]) => [reshape(g!, x!.shape)],
};

/** A tensor repeated to a larger shape. */
export const broadcastToOperator: Operator<{ readonly shape: Shape }> = {
  name: "broadcastTo",
  kind: "spreading",
  half: "follows",
  sized: "shape",
  infer: ([x], { shape }) => {
    check(sameShape(broadcastShapes(x!.shape, shape), shape), () => `[${x!.shape}] does not broadcast to [${shape}]`);
    return [{ shape, dtype: x!.dtype }];
  },
  gradient: ({ inputs: [x] }, [g]) => [sumTo(g!, x!.shape)],
};

/** Of operators that reduce axes. */
export interface ReduceAttributes {
  /** Ascending, without repetitions. */
  readonly axes: readonly number[];
  readonly keepDims: boolean;
}

export function reducedShape(shape: Shape, { axes, keepDims }: ReduceAttributes): Shape {
  if (keepDims) return shape.map((n, i) => (axes.includes(i) ? 1 : n));
  return shape.filter((_, i) => !axes.includes(i));
}

/** The gradient of a sum, spread back over the reduced axes. */
export function spread(g: Value, x: Value, { axes }: ReduceAttributes): Value {
  return broadcastTo(reshape(g, reducedShape(x.shape, { axes, keepDims: true })), x.shape);
}

/** The sum over some axes. */
export const sumOperator: Operator<ReduceAttributes> = {
  name: "sum",
  infer: ([x], attributes) => [{ shape: reducedShape(x!.shape, attributes), dtype: x!.dtype }],
  gradient: ({ inputs: [x], attributes }, [g]) => [spread(g!, x!, attributes)],
};

/** The same elements in another shape of as many. */
export const reshape = (x: Value, shape: Shape): Value =>
  sameShape(x.shape, shape) ? x : apply(reshapeOperator, [x], { shape });

/** Repeats x along axes of size 1 or missing in front, as NumPy does. */
export function broadcastTo(x: Value, shape: Shape): Value {
  if (sameShape(x.shape, shape)) return x;
  return apply(broadcastToOperator, [x], { shape });
}

/** Over which axes (default all), and whether they stay with size 1 (default false). */
export interface ReduceOptions {
  readonly axes?: readonly number[];
  readonly keepDims?: boolean;
}

/** Records a reduction over `axes`, all of them by default. */
export function reduce(
  operator: Operator<ReduceAttributes>,
  x: Value,
  { axes, keepDims = false }: ReduceOptions,
): Value {
  const rank = x.shape.length;
  const all = (axes ?? x.shape.map((_, i) => i)).map((axis) => normaliseAxis(axis, rank)).sort((a, b) => a - b);
  check(new Set(all).size === all.length, () => `axes ${axes} name one axis twice`);
  return apply(operator, [x], { axes: all, keepDims });
}

/** Sums over `axes`, all of them by default. */
export const sum = (x: Value, options: ReduceOptions = {}): Value => reduce(sumOperator, x, options);

/** Sums over the axes that broadcasting from `shape` had added or repeated: the gradient of a broadcast operand. */
export function sumTo(x: Value, shape: Shape): Value {
  if (sameShape(x.shape, shape)) return x;
  if (sizeOf(x.shape) < sizeOf(shape)) return broadcastTo(x, shape); // a scalar gradient of a broadcast result
  const added = x.shape.length - shape.length;
  const axes = x.shape.flatMap((n, i) => (i < added || (shape[i - added] === 1 && n !== 1) ? [i] : []));
  return reshape(sum(x, { axes, keepDims: true }), shape);
}
