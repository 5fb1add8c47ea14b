import type { AttributesOf, Shape } from "../../../lib/graph/index.js";
import { at, build, flat, indicesOf, outOfAxes, type Reference, type Tensor, zerosOf } from "./tensor.js";

type Reduction = AttributesOf<"sum">;

/** Folds the elements over the axes, which are kept with size 1. */
export function fold(
  x: Tensor,
  axes: readonly number[],
  start: number,
  f: (total: number, element: number) => number,
): Tensor {
  const shape = x.shape.map((n, axis) => (axes.includes(axis) ? 1 : n));
  const result = { shape, data: zerosOf(shape).data.fill(start) };
  for (const index of indicesOf(x.shape)) {
    const place = flat(result, outOfAxes(index, axes));
    result.data[place] = f(result.data[place]!, at(x, index));
  }
  return result;
}

export function meanOver(x: Tensor, axes: readonly number[]): Tensor {
  const total = fold(x, axes, 0, (a, b) => a + b);
  return { shape: total.shape, data: total.data.map((n) => (n * total.data.length) / x.data.length) };
}

const dropped = (shape: Shape, { axes, keepDims }: Reduction) =>
  shape.filter((_, axis) => keepDims || !axes.includes(axis));

const shaped = (x: Tensor, attributes: Reduction): [Tensor] => [{ shape: dropped(x.shape, attributes), data: x.data }];

export const sum: Reference<Reduction> = ([x], attributes) =>
  shaped(
    fold(x!, attributes.axes, 0, (a, b) => a + b),
    attributes,
  );
export const mean: Reference<Reduction> = ([x], attributes) => shaped(meanOver(x!, attributes.axes), attributes);
export const max: Reference<Reduction> = ([x], attributes) =>
  shaped(fold(x!, attributes.axes, Number.NEGATIVE_INFINITY, Math.max), attributes);

export const argMax: Reference<AttributesOf<"argMax">> = ([x], { axis }) => {
  const shape = x!.shape.filter((_, i) => i !== axis);
  return [
    build(shape, (index) => {
      const row = Array.from({ length: x!.shape[axis]! }, (_, i) => at(x!, index.toSpliced(axis, 0, i)));
      return row.indexOf(Math.max(...row));
    }),
  ];
};

export const softmax: Reference<AttributesOf<"softmax">> = ([x], { axis }) => {
  const total = fold(x!, [axis], 0, (a, b) => a + Math.exp(b));
  return [build(x!.shape, (index) => Math.exp(at(x!, index)) / at(total, outOfAxes(index, [axis])))];
};
