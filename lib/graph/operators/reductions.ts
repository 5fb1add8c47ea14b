import { apply, normaliseAxis, type Operator, type Value } from "../value.js";
import { type ReduceAttributes, type ReduceOptions, reduce, reducedShape, spread } from "./broadcasting.js";
import { mul } from "./elementwise.js";
import { scalar } from "./leaves.js";

const elementsReduced = (x: Value, axes: readonly number[]) => axes.reduce((n, axis) => n * x.shape[axis]!, 1);

/** The mean over some axes. */
export const meanOperator: Operator<ReduceAttributes> = {
  name: "mean",
  infer: ([x], attributes) => [{ shape: reducedShape(x!.shape, attributes), dtype: x!.dtype }],
  gradient: ({ inputs: [x], attributes }, [g]) => [
    spread(mul(g!, scalar(1 / elementsReduced(x!, attributes.axes))), x!, attributes),
  ],
};

/** The largest element. It passes no gradient: it is for stabilising exponentials and for scores. */
export const maxOperator: Operator<ReduceAttributes> = {
  name: "max",
  infer: ([x], attributes) => [{ shape: reducedShape(x!.shape, attributes), dtype: x!.dtype }],
};

/** The first index of the largest element along one axis, as int32. */
export const argMaxOperator: Operator<{ readonly axis: number }> = {
  name: "argMax",
  infer: ([x], { axis }) => [{ shape: x!.shape.filter((_, i) => i !== axis), dtype: "int32" }],
};

/** The mean over `axes`, by default all. */
export const mean = (x: Value, options: ReduceOptions = {}): Value => reduce(meanOperator, x, options);
/** The largest element over `axes`, by default all; passes no gradient. */
export const max = (x: Value, options: ReduceOptions = {}): Value => reduce(maxOperator, x, options);
/** The first index of the largest element along an axis, int32. */
export const argMax = (x: Value, axis: number): Value =>
  apply(argMaxOperator, [x], { axis: normaliseAxis(axis, x.shape.length) });
