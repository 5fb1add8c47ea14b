import type { AttributesOf, DType } from "../../graph/index.js";
import { type Attributes, ELEMENT_TYPES } from "./emitter.js";
import { identityOrder, isIdentity, type Order } from "./order.js";
import { type Lowering, type Operand, type Place, type Tensor, typeOf } from "./site.js";

type None = Record<string, never>;

export const unary =
  (op: string): Lowering<None> =>
  ({ emit, operands: [x] }) => ({
    name: emit.op(op, [x!.as(x!.order)], { T: typeOf(x!.dtype) }),
    order: x!.order,
  });

/** Operands of the same type, or a condition and branches of the same type. */
export const elementwise =
  (op: string): Lowering<None> =>
  (site) =>
    broadcast(site, op, { T: typeOf(site.outputs[0]!.dtype) });

export const comparison =
  (op: string): Lowering<None> =>
  (site) =>
    broadcast(site, op, { T: typeOf(site.operands[0]!.dtype) });

/** Integers are divided without remainder. */
export const divide: Lowering<None> = (site) => {
  const { dtype } = site.outputs[0]!;
  return broadcast(site, dtype === "float32" ? "RealDiv" : "FloorDiv", { T: typeOf(dtype) });
};

/** An operator on operands that broadcast: all get the axis order of the largest. */
export function broadcast({ emit, outputs, operands }: Place, op: string, attributes: Attributes): Tensor {
  const { shape } = outputs[0]!;
  const order = commonOrder(operands, shape.length);
  const names = operands.map((operand) => aligned(operand, order));
  return { name: emit.op(op, names, attributes), order };
}

/** The axis order of the largest non-constant operand of full rank. */
export function commonOrder(operands: readonly Operand[], rank: number): Order {
  const size = ({ shape }: Operand) => shape.reduce((a, b) => a * b, 1);
  const full = operands.filter(({ shape, constant }) => shape.length === rank && constant === undefined);
  const [largest] = full.sort((a, b) => size(b) - size(a));
  return largest?.order ?? identityOrder(rank);
}

/** An operand as it broadcasts against tensors of the given order. */
function aligned(operand: Operand, order: Order): string {
  const { shape } = operand;
  const missing = order.length - shape.length;
  if (missing === 0) return operand.as(order);
  if (shape.length === 0 || isIdentity(order)) return operand.as(identityOrder(shape.length));
  const own = order.filter((axis) => axis >= missing).map((axis) => axis - missing);
  const padded = order.map((axis) => (axis < missing ? 1 : shape[axis - missing]!));
  return operand.as(own, padded);
}

export const broadcastTo: Lowering<AttributesOf<"broadcastTo">> = ({ emit, outputs, operands: [x] }) => {
  const { shape, dtype } = outputs[0]!;
  const order = x!.shape.length === shape.length ? x!.order : identityOrder(shape.length);
  const dims = emit.ints(order.map((axis) => shape[axis]!));
  const source = x!.shape.length === shape.length ? x!.as(order) : x!.as(identityOrder(x!.shape.length));
  return { name: emit.op("BroadcastTo", [source, dims], { T: typeOf(dtype) }), order };
};

/** For bool, numbers are compared with 0, because TF.js on wasm leaves a 2 as 2 in a bool. */
export const cast: Lowering<AttributesOf<"cast">> = ({ emit, outputs, operands: [x] }) => {
  const from = x!.dtype;
  const { dtype } = outputs[0]!;
  const name = x!.as(x!.order);
  const { order } = x!;
  if (ELEMENT_TYPES[from] === ELEMENT_TYPES[dtype]) return { name, order };
  if (dtype === "bool") {
    const zero = from === "float32" ? emit.float(0) : emit.int(0);
    return { name: emit.op("NotEqual", [name, zero], { T: typeOf(from) }), order };
  }
  return { name: castTo({ emit }, name, from, dtype), order };
};

export function castTo({ emit }: Pick<Place, "emit">, name: string, from: DType, to: DType): string {
  return emit.op("Cast", [name], { SrcT: typeOf(from), DstT: typeOf(to) });
}
