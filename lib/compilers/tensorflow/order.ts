import type { Shape, TensorData } from "../../graph/index.js";

/**
 * The order of a tensor's axes in memory: axis p of the stored tensor is axis order[p] of the tensor it represents.
 * Transposing only changes the order and costs nothing; an operator that requires an order (a convolution: channels
 * last) has the tensor rearranged if necessary.
 */
export type Order = readonly number[];

/** [N, C, H, W] stored as [N, H, W, C]. */
export const CHANNELS_LAST: Order = [0, 2, 3, 1];

export const identityOrder = (rank: number): Order => Array.from({ length: rank }, (_, i) => i);

export const isIdentity = (order: Order): boolean => order.every((axis, p) => axis === p);

export const sameOrder = (a: Order, b: Order): boolean => a.length === b.length && a.every((axis, p) => axis === b[p]);

/** The shape as stored. */
export const stored = (shape: Shape, order: Order): number[] => order.map((axis) => shape[axis]!);

/** The order of a tensor whose axes have been transposed: new axis i is old axis axes[i]. */
export const transposedOrder = (order: Order, axes: readonly number[]): Order =>
  order.map((axis) => axes.indexOf(axis));

/** The order of the remaining axes when some are removed. */
export function withoutAxes(order: Order, removed: readonly number[]): Order {
  const left = order.filter((axis) => !removed.includes(axis));
  const ascending = [...left].sort((a, b) => a - b);
  return left.map((axis) => ascending.indexOf(axis));
}

/** The order with one axis moved to the end. */
export const withLast = (order: Order, axis: number): Order => [...order.filter((other) => other !== axis), axis];

/** The permutation that brings a tensor stored in the order `from` into the order `to`. */
export const permutation = (from: Order, to: Order): number[] => to.map((axis) => from.indexOf(axis));

/** Whether tensors of this shape have their elements in the same sequence in both orders: only axes of size 1 differ. */
export function sameSequence(shape: Shape, a: Order, b: Order): boolean {
  const real = (order: Order) => order.filter((axis) => shape[axis] !== 1);
  return sameOrder(real(a), real(b));
}

/**
 * The order of a reshaped tensor whose elements stay in place, or undefined if no order expresses that: shapes are cut
 * into the smallest runs of axes with equal products, and every run must be contiguous, in sequence.
 */
export function reshapedOrder(from: Shape, order: Order, to: Shape): Order | undefined {
  const runs = matchingRuns(from, to);
  if (runs === undefined) return undefined;
  const runOf = new Map<number, number>();
  runs.forEach(([axes], run) => {
    for (const axis of axes) runOf.set(axis, run);
  });
  const result: number[] = [];
  const placed = new Set<number>();
  let p = 0;
  while (p < order.length) {
    const run = runOf.get(order[p]!)!;
    const [axes, becomes] = runs[run]!;
    for (const axis of axes) if (order[p++] !== axis) return undefined;
    result.push(...becomes);
    placed.add(run);
  }
  runs.forEach(([, becomes], run) => {
    if (!placed.has(run)) result.push(...becomes); // runs of new axes of size 1
  });
  return result;
}

type Run = readonly [from: readonly number[], to: readonly number[]];

function matchingRuns(from: Shape, to: Shape): readonly Run[] | undefined {
  const runs: Run[] = [];
  let i = 0;
  let j = 0;
  while (i < from.length && j < to.length) {
    const [a, b] = [[i], [j]];
    let left = from[i++]!;
    let right = to[j++]!;
    while (left !== right) {
      if (left < right) {
        if (i === from.length) return undefined;
        a.push(i);
        left *= from[i++]!;
      } else {
        if (j === to.length) return undefined;
        b.push(j);
        right *= to[j++]!;
      }
    }
    runs.push([a, b]);
  }
  const rest = (start: number, shape: Shape) => Array.from({ length: shape.length - start }, (_, k) => start + k);
  if (i < from.length || j < to.length) {
    const last = runs.pop() ?? [[], []];
    runs.push([
      [...last[0], ...rest(i, from)],
      [...last[1], ...rest(j, to)],
    ]);
  }
  return runs;
}

/** The elements of a tensor in another order of its axes. */
export function rearrange<T extends TensorData>(data: T, shape: Shape, order: Order): T {
  if (isIdentity(order)) return data;
  const result = data.slice() as T;
  const strides = new Array<number>(shape.length).fill(1);
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1]! * shape[axis + 1]!;
  const steps = order.map((axis) => strides[axis]!);
  const sizes = stored(shape, order);
  const index = new Array<number>(shape.length).fill(0);
  let at = 0;
  for (let i = 0; i < data.length; i++) {
    result[i] = data[at]!;
    for (let p = sizes.length - 1; p >= 0; p--) {
      at += steps[p]!;
      index[p]!++;
      if (index[p]! < sizes[p]!) break;
      at -= steps[p]! * sizes[p]!;
      index[p] = 0;
    }
  }
  return result;
}
