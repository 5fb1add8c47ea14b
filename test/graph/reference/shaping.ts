import type { AttributesOf } from "../../../lib/graph/index.js";
import { at, atBroadcast, build, flat, indicesOf, type Reference, zerosOf } from "./tensor.js";

export const reshape: Reference<AttributesOf<"reshape">> = ([x], { shape }) => [{ shape, data: x!.data }];

export const transpose: Reference<AttributesOf<"transpose">> = ([x], { order }) => {
  const y = zerosOf(order.map((axis) => x!.shape[axis]!));
  for (const index of indicesOf(x!.shape)) {
    const moved = order.map((axis) => index[axis]!);
    y.data[flat(y, moved)] = at(x!, index);
  }
  return [y];
};

export const broadcastTo: Reference<AttributesOf<"broadcastTo">> = ([x], { shape }) => [
  build(shape, (index) => atBroadcast(x!, index)),
];

export const concat: Reference<AttributesOf<"concat">> = (inputs, { axis }) => {
  const total = inputs.reduce((n, x) => n + x.shape[axis]!, 0);
  const y = zerosOf(inputs[0]!.shape.with(axis, total));
  let start = 0;
  for (const x of inputs) {
    for (const index of indicesOf(x.shape)) y.data[flat(y, index.with(axis, index[axis]! + start))] = at(x, index);
    start += x.shape[axis]!;
  }
  return [y];
};

export const slice: Reference<AttributesOf<"slice">> = ([x], { axis, start, end, step }) => {
  const taken: number[] = [];
  for (let i = start; i < end; i += step) taken.push(i);
  return [build(x!.shape.with(axis, taken.length), (index) => at(x!, index.with(axis, taken[index[axis]!]!)))];
};

export const pad: Reference<AttributesOf<"pad">> = ([x], { axis, before, after }) => {
  const y = zerosOf(x!.shape.with(axis, before + x!.shape[axis]! + after));
  for (const index of indicesOf(x!.shape)) y.data[flat(y, index.with(axis, index[axis]! + before))] = at(x!, index);
  return [y];
};

export const reverse: Reference<AttributesOf<"reverse">> = ([x], { axes }) => [
  build(x!.shape, (index) =>
    at(
      x!,
      index.map((i, axis) => (axes.includes(axis) ? x!.shape[axis]! - 1 - i : i)),
    ),
  ),
];

export const axisSize: Reference<AttributesOf<"axisSize">> = ([x], { axis }) => [build([], () => x!.shape[axis]!)];

export const axisRange: Reference<AttributesOf<"axisRange">> = ([x], { axis }) => [
  build([x!.shape[axis]!], ([i]) => i!),
];

export const gather: Reference<AttributesOf<"gather">> = ([x, indices], { axis }) => {
  const rank = indices!.shape.length;
  const shape = [...x!.shape.slice(0, axis), ...indices!.shape, ...x!.shape.slice(axis + 1)];
  return [
    build(shape, (index) => {
      const row = at(indices!, index.slice(axis, axis + rank));
      return at(x!, [...index.slice(0, axis), row, ...index.slice(axis + rank)]);
    }),
  ];
};

export const scatterAdd: Reference<AttributesOf<"scatterAdd">> = ([updates, indices], { axis, size }) => {
  const rank = indices!.shape.length;
  const y = zerosOf([...updates!.shape.slice(0, axis), size, ...updates!.shape.slice(axis + rank)]);
  for (const index of indicesOf(updates!.shape)) {
    const row = at(indices!, index.slice(axis, axis + rank));
    y.data[flat(y, [...index.slice(0, axis), row, ...index.slice(axis + rank)])]! += at(updates!, index);
  }
  return [y];
};
