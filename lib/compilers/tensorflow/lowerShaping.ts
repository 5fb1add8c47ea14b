import type { AttributesOf } from "../../graph/index.js";
import { INT } from "./emitter.js";
import { commonOrder } from "./lowerElementwise.js";
import { identityOrder, type Order, reshapedOrder, stored, transposedOrder, withoutAxes } from "./order.js";
import { type Lowering, storedDims, typeOf } from "./site.js";

/**
 * Elements stay in place if an order of the new axes can express that; otherwise the axes' own order is restored first.
 */
export const reshape: Lowering<AttributesOf<"reshape">> = ({ attributes, operands: [x] }) => {
  const { shape } = attributes;
  const kept = reshapedOrder(x!.shape, x!.order, shape);
  const order = kept ?? identityOrder(shape.length);
  const dims = storedDims({ shape, ragged: x!.ragged }, order);
  return { name: x!.as(kept === undefined ? identityOrder(x!.shape.length) : x!.order, dims), order };
};

/** Nothing is rearranged until that is needed. */
export const transpose: Lowering<AttributesOf<"transpose">> = ({ attributes, operands: [x] }) => ({
  name: x!.as(x!.order),
  order: transposedOrder(x!.order, attributes.order),
});

export const concat: Lowering<AttributesOf<"concat">> = ({ emit, outputs, attributes, operands }) => {
  const { shape, dtype } = outputs[0]!;
  const order = commonOrder(operands, shape.length);
  const names = operands.map((operand) => operand.as(order));
  if (names.length === 1) return { name: names[0]!, order };
  const axis = emit.int(order.indexOf(attributes.axis));
  return { name: emit.op("ConcatV2", [...names, axis], { T: typeOf(dtype), N: { i: names.length } }), order };
};

export const slice: Lowering<AttributesOf<"slice">> = ({ emit, attributes, operands: [x] }) => {
  const { axis, start, end, step } = attributes;
  const { order, shape, dtype } = x!;
  const at = (value: number, elsewhere: (axis: number) => number) =>
    emit.ints(order.map((other) => (other === axis ? value : elsewhere(other))));
  const types = { T: typeOf(dtype), Index: INT };
  if (step === 1) {
    const size = at(end - start, () => -1); // −1: all
    return { name: emit.op("Slice", [x!.as(order), at(start, () => 0), size], types), order };
  }
  const bounds = [at(start, () => 0), at(end, (other) => shape[other]!), at(step, () => 1)];
  return { name: emit.op("StridedSlice", [x!.as(order), ...bounds], types), order };
};

export const pad: Lowering<AttributesOf<"pad">> = ({ emit, attributes, operands: [x] }) => {
  const { axis, before, after } = attributes;
  const { order, dtype } = x!;
  const around = order.flatMap((other) => (other === axis ? [before, after] : [0, 0]));
  const zero = dtype === "float32" ? emit.float(0) : emit.int(0);
  const name = emit.op("PadV2", [x!.as(order), emit.ints(around, [order.length, 2]), zero], { T: typeOf(dtype) });
  return { name, order };
};

export const reverse: Lowering<AttributesOf<"reverse">> = ({ emit, attributes, operands: [x] }) => {
  const { order, dtype } = x!;
  const places = attributes.axes.map((axis) => order.indexOf(axis));
  return { name: emit.op("ReverseV2", [x!.as(order), emit.ints(places)], { T: typeOf(dtype) }), order };
};

export const gather: Lowering<AttributesOf<"gather">> = ({ emit, attributes, operands: [x, indices] }) => {
  const { axis } = attributes;
  const count = indices!.shape.length;
  const rank = x!.shape.length;
  const order = count <= 1 ? x!.order : identityOrder(rank);
  const picked = indices!.as(identityOrder(count));
  const name = emit.op("GatherV2", [x!.as(order), picked, emit.int(order.indexOf(axis))], {
    Tparams: typeOf(x!.dtype),
    Tindices: INT,
    Taxis: INT,
  });
  if (count === 0) return { name, order: withoutAxes(order, [axis]) };
  return { name, order: count === 1 ? order : identityOrder(rank - 1 + count) };
};

/** Rows of what the axes of the indices make, added into rows of zeros. */
export const scatterAdd: Lowering<AttributesOf<"scatterAdd">> = ({
  emit,
  outputs,
  attributes,
  operands: [updates, indices],
}) => {
  const { axis, size } = attributes;
  const { shape, dtype } = updates!;
  const count = indices!.shape.length;
  const indexed = (a: number) => a >= axis && a < axis + count;
  const axes = identityOrder(shape.length);
  const first = [...axes.filter(indexed), ...axes.filter((a) => !indexed(a))];
  const rest = axes.filter((a) => !indexed(a)).map((a) => shape[a]!);
  const rows = axes.filter(indexed).reduce((n, a) => n * shape[a]!, 1);
  const inner = rest.reduce((a, b) => a * b, 1);
  const added = emit.op(
    "ScatterNd",
    [indices!.as(identityOrder(count), [rows, 1]), updates!.as(first, [rows, inner]), emit.ints([size, inner])],
    { T: typeOf(dtype), Tindices: INT },
  );
  const output = outputs[0]!.shape;
  const order: Order = [axis, ...identityOrder(output.length).filter((a) => a !== axis)];
  const name = emit.op("Reshape", [added, emit.ints(stored(output, order))], { T: typeOf(dtype) });
  return { name, order };
};
