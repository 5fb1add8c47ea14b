import { type Shape, sizeOf } from "../../../lib/graph/index.js";

/** A tensor of the references: everything in float64, row-major; whole numbers and 0 or 1 for the other dtypes. */
export interface Tensor {
  readonly shape: Shape;
  readonly data: Float64Array;
}

/** The definition of an operator in plain loops, from its input tensors and attributes to its outputs. */
export type Reference<Attributes> = (inputs: readonly Tensor[], attributes: Attributes) => readonly Tensor[];

/** Every index of a shape, in row-major order. */
export function indicesOf(shape: Shape): number[][] {
  let indices: number[][] = [[]];
  for (const n of shape) indices = indices.flatMap((index) => Array.from({ length: n }, (_, i) => [...index, i]));
  return indices;
}

/** The tensor whose element at each index is f(index). */
export function build(shape: Shape, f: (index: readonly number[]) => number): Tensor {
  return { shape, data: Float64Array.from(indicesOf(shape), f) };
}

export function zerosOf(shape: Shape): Tensor {
  return { shape, data: new Float64Array(sizeOf(shape)) };
}

/** The offset of an index in the data. */
export function flat({ shape }: { readonly shape: Shape }, index: readonly number[]): number {
  let place = 0;
  for (let axis = 0; axis < shape.length; axis++) place = place * shape[axis]! + index[axis]!;
  return place;
}

export function at(tensor: Tensor, index: readonly number[]): number {
  return tensor.data[flat(tensor, index)]!;
}

/** The element at an index of a shape that the tensor broadcasts to. */
export function atBroadcast(tensor: Tensor, index: readonly number[]): number {
  const tail = index.slice(index.length - tensor.shape.length);
  return at(
    tensor,
    tail.map((i, axis) => (tensor.shape[axis] === 1 ? 0 : i)),
  );
}

/** The element of x [N, C, H, W] or, outside its height and width, 0. */
export function atOrZero(x: Tensor, [n, c, y, i]: readonly [number, number, number, number]): number {
  const inside = y >= 0 && y < x.shape[2]! && i >= 0 && i < x.shape[3]!;
  return inside ? at(x, [n, c, y, i]) : 0;
}

export const outOfAxes = (index: readonly number[], axes: readonly number[]) =>
  index.map((i, axis) => (axes.includes(axis) ? 0 : i));
