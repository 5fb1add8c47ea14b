import { apply, check, normaliseAxis, type Operator, type Shape, sameShape, type Value } from "../value.js";
import { reshape } from "./broadcasting.js";
import { filled, int32Indices, scalar } from "./leaves.js";

/** Axes in another order: axis i of the result is axis order[i]. */
export const transposeOperator: Operator<{ readonly order: readonly number[] }> = {
  name: "transpose",
  half: "follows",
  infer: ([x], { order }) => {
    const sorted = [...order].sort((a, b) => a - b);
    check(
      sorted.length === x!.shape.length && sorted.every((n, i) => n === i),
      () => `${order} is no order of its axes`,
    );
    return [{ shape: order.map((axis) => x!.shape[axis]!), dtype: x!.dtype }];
  },
  gradient: ({ attributes: { order } }, [g]) => [transpose(g!, inverse(order))],
};

function inverse(order: readonly number[]): number[] {
  const result = new Array<number>(order.length);
  order.forEach((axis, i) => {
    result[axis] = i;
  });
  return result;
}

/** Tensors joined along an axis. */
export const concatOperator: Operator<{ readonly axis: number }> = {
  name: "concat",
  half: "follows",
  infer: (inputs, { axis }) => {
    const [first] = inputs;
    for (const x of inputs) {
      const fits =
        x.shape.length === first!.shape.length && x.shape.every((n, i) => i === axis || n === first!.shape[i]);
      check(fits && x.dtype === first!.dtype, () => `inputs must agree but in axis ${axis}`);
    }
    const total = inputs.reduce((n, x) => n + x.shape[axis]!, 0);
    return [{ shape: first!.shape.map((n, i) => (i === axis ? total : n)), dtype: first!.dtype }];
  },
  gradient: ({ inputs, attributes: { axis } }, [g]) => {
    let start = 0;
    return inputs.map((x) => slice(g!, { axis, start, end: (start += x.shape[axis]!) }));
  },
};

/** Of `sliceOperator`. */
export interface SliceAttributes {
  readonly axis: number;
  readonly start: number;
  /** One past the last element. */
  readonly end: number;
  readonly step: number;
}

/** Elements start, start + step, … before end, along one axis. */
export const sliceOperator: Operator<SliceAttributes> = {
  name: "slice",
  half: "follows",
  sized: "shape",
  infer: ([x], { axis, start, end, step }) => {
    const size = x!.shape[axis]!;
    check(0 <= start && start < end && end <= size && step >= 1, () => `${start}:${end}:${step} of ${size} elements`);
    return [{ shape: x!.shape.map((n, i) => (i === axis ? Math.ceil((end - start) / step) : n)), dtype: x!.dtype }];
  },
  gradient: ({ inputs: [x], attributes: { axis, start, step } }, [g]) => {
    const dilated = step === 1 ? g! : dilate(g!, axis, step);
    const after = x!.shape[axis]! - start - dilated.shape[axis]!;
    // The last element's zeros may reach past the end of x.
    const fitted = after >= 0 ? dilated : slice(dilated, { axis, end: x!.shape[axis]! - start });
    return [pad(fitted, { axis, before: start, after: Math.max(0, after) })];
  },
};

/** Inserts step − 1 zeros between elements along an axis. */
export function spreadOut(x: Value, axis: number, step: number): Value {
  if (step === 1) return x;
  return slice(dilate(x, axis, step), { axis, end: (x.shape[axis]! - 1) * step + 1 });
}

/** Inserts step − 1 zeros after every element along an axis. */
function dilate(x: Value, axis: number, step: number): Value {
  const split = [...x.shape.slice(0, axis + 1), 1, ...x.shape.slice(axis + 1)];
  const padded = pad(reshape(x, split), { axis: axis + 1, before: 0, after: step - 1 });
  return reshape(
    padded,
    x.shape.map((n, i) => (i === axis ? n * step : n)),
  );
}

/** Of `padOperator`: the number of zeros on either side. */
export interface PadAttributes {
  readonly axis: number;
  readonly before: number;
  readonly after: number;
}

/** Zeros before and after along one axis. */
export const padOperator: Operator<PadAttributes> = {
  name: "pad",
  half: "follows",
  infer: ([x], { axis, before, after }) => {
    check(before >= 0 && after >= 0, () => "padding is not negative");
    return [{ shape: x!.shape.map((n, i) => (i === axis ? n + before + after : n)), dtype: x!.dtype }];
  },
  gradient: ({ inputs: [x], attributes: { axis, before } }, [g]) => [
    slice(g!, { axis, start: before, end: before + x!.shape[axis]! }),
  ],
};

/** Reverses the order of the elements along the given axes. */
export const reverseOperator: Operator<{ readonly axes: readonly number[] }> = {
  name: "reverse",
  infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
  gradient: ({ attributes: { axes } }, [g]) => [reverse(g!, axes)],
};

/** Rows of x along `axis` picked by int32 indices; the axis is replaced by the shape of the indices. */
export const gatherOperator: Operator<{ readonly axis: number }> = {
  name: "gather",
  half: "follows",
  infer: ([x, indices], { axis }) => {
    check(indices!.dtype === "int32", () => `indices are int32, not ${indices!.dtype}`);
    const shape = [...x!.shape.slice(0, axis), ...indices!.shape, ...x!.shape.slice(axis + 1)];
    return [{ shape, dtype: x!.dtype }];
  },
  gradient: ({ inputs: [x, indices], attributes: { axis } }, [g]) => [
    scatterAdd(g!, indices!, { axis, size: x!.shape[axis]! }),
    undefined,
  ],
};

/** The transpose of `gather`: adds each row of `updates` to the row with its index in a zero tensor. */
export const scatterAddOperator: Operator<{ readonly axis: number; readonly size: number }> = {
  name: "scatterAdd",
  infer: ([updates, indices], { axis, size }) => {
    const inner = updates!.shape.slice(axis, axis + indices!.shape.length);
    check(sameShape(inner, indices!.shape), () => `indices [${indices!.shape}] do not fit axis ${axis} of the updates`);
    const rest = updates!.shape.slice(axis + indices!.shape.length);
    return [{ shape: [...updates!.shape.slice(0, axis), size, ...rest], dtype: updates!.dtype }];
  },
  gradient: ({ inputs: [, indices], attributes: { axis } }, [g]) => [gather(g!, indices!, axis), undefined],
};

/**
 * The size of an axis of x as a number, int32 []. A constant if sizes are known; in an exported file with free sizes it
 * is computed.
 */
export const axisSizeOperator: Operator<{ readonly axis: number }> = {
  name: "axisSize",
  infer: () => [{ shape: [], dtype: "int32" }],
  decompose: ({ inputs: [x], attributes: { axis } }) => [scalar(x!.shape[axis]!, "int32")],
};

/** 0, 1, …, n − 1 for an axis of x of size n, int32 [n]; like `axisSize`, a constant if sizes are known. */
export const axisRangeOperator: Operator<{ readonly axis: number }> = {
  name: "axisRange",
  infer: ([x], { axis }) => [{ shape: [x!.shape[axis]!], dtype: "int32" }],
  decompose: ({ inputs: [x], attributes: { axis } }) => [
    int32Indices(Array.from({ length: x!.shape[axis]! }, (_, i) => i)),
  ],
};

/** The size of an axis, int32 []. */
export const axisSize = (x: Value, axis: number): Value =>
  apply(axisSizeOperator, [x], { axis: normaliseAxis(axis, x.shape.length) });

/** 0, 1, …, n − 1 for an axis of size n, int32 [n]. */
export const axisRange = (x: Value, axis: number): Value =>
  apply(axisRangeOperator, [x], { axis: normaliseAxis(axis, x.shape.length) });

/** Axis i of the result is axis order[i] of x. */
export const transpose = (x: Value, order: readonly number[]): Value =>
  order.every((axis, i) => axis === i) ? x : apply(transposeOperator, [x], { order });

/** Joins tensors along an axis; their other axes agree. */
export function concat(inputs: readonly Value[], axis: number): Value {
  if (inputs.length === 1) return inputs[0]!;
  return apply(concatOperator, inputs, { axis: normaliseAxis(axis, inputs[0]!.shape.length) });
}

/** Of `slice`: by default from the first element to the last, every one. A negative axis counts from the end. */
export interface SliceOptions {
  readonly axis: number;
  readonly start?: number;
  readonly end?: number;
  readonly step?: number;
}

/** Elements start, start + step, … before end, along one axis. */
export function slice(x: Value, { axis, start = 0, end, step = 1 }: SliceOptions): Value {
  const at = normaliseAxis(axis, x.shape.length);
  const stop = end ?? x.shape[at]!;
  if (start === 0 && stop === x.shape[at] && step === 1) return x;
  return apply(sliceOperator, [x], { axis: at, start, end: stop, step });
}

/** Zeros before and after along one axis. */
export function pad(
  x: Value,
  { axis, before = 0, after = 0 }: { axis: number; before?: number; after?: number },
): Value {
  if (before === 0 && after === 0) return x;
  return apply(padOperator, [x], { axis: normaliseAxis(axis, x.shape.length), before, after });
}

/** The elements in reverse order along the given axes. */
export const reverse = (x: Value, axes: readonly number[]): Value => apply(reverseOperator, [x], { axes });

/** Rows of x along `axis` picked by int32 indices, whose shape takes the axis's place. */
export const gather = (x: Value, indices: Value, axis: number): Value =>
  apply(gatherOperator, [x, indices], { axis: normaliseAxis(axis, x.shape.length) });

/** The transpose of `gather`: adds each row of `updates` to the row with its index, of `size` rows of zeros. */
export const scatterAdd = (updates: Value, indices: Value, attributes: { axis: number; size: number }): Value =>
  apply(scatterAddOperator, [updates, indices], attributes);

/** Splits along an axis into parts of the given sizes. */
export function split(x: Value, axis: number, sizes: readonly number[]): Value[] {
  let start = 0;
  return sizes.map((size) => slice(x, { axis, start, end: (start += size) }));
}

/** A constant of zeros. */
export const zeros = (shape: Shape): Value => filled(shape, 0);
