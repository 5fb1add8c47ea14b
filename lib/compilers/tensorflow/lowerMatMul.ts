import { type AttributesOf, broadcastShapes, type Shape, sizeOf } from "../../graph/index.js";
import { FLOAT } from "./emitter.js";
import { identityOrder, type Order, sameOrder } from "./order.js";
import { type Lowering, type Operand, type Place, storedDims, type Tensor } from "./site.js";

/** A matrix (or a batch of them) that is stored transposed is not rearranged: the product takes it transposed. */
export const matMul: Lowering<AttributesOf<"matMul">> = (site) => {
  const [a, b] = site.operands as [Operand, Operand];
  const { transposeA, transposeB } = site.attributes;
  const { shape } = site.outputs[0]!;
  if (b.shape.length === 2 && !transposeA && a.order.at(-1) === a.shape.length - 1) {
    return linear(site, a, b, transposeB);
  }
  const [left, right] = [laid(a), laid(b)];
  const names = [batched(site, a, left, shape), batched(site, b, right, shape)];
  const attributes = {
    T: FLOAT,
    adj_x: { b: transposeA !== left.swapped },
    adj_y: { b: transposeB !== right.swapped },
  };
  return { name: site.emit.op("BatchMatMulV2", names, attributes), order: identityOrder(shape.length) };
};

/**
 * One matrix for all rows: the rows' axes become one. A matrix stored transposed is transposed beforehand: constants
 * are stored that way, and TF.js on WebAssembly is many times faster with plain products. (But it confuses a vector
 * taken as a column in one product and as a row in another, so vectors are left as they are.)
 */
function linear({ emit, dialect, outputs }: Place, a: Operand, b: Operand, transposeB: boolean): Tensor {
  const { shape } = outputs[0]!;
  const { order, ragged } = a;
  const turned = b.constant !== undefined || (dialect === "tfjs" && !b.shape.includes(1));
  const right = turned ? { order: transposeB ? [1, 0] : [0, 1], swapped: transposeB } : laid(b);
  const rows = a.as(order, [-1, a.shape.at(-1)!]);
  const product = emit.op("MatMul", [rows, b.as(right.order)], {
    T: FLOAT,
    transpose_a: { b: false },
    transpose_b: { b: transposeB !== right.swapped },
  });
  const dims = emit.ints(storedDims({ shape, ragged }, order));
  return { name: emit.op("Reshape", [product, dims], { T: FLOAT }), order };
}

interface Laid {
  readonly order: Order;
  readonly swapped: boolean;
}

/** The order an operand is taken in: its own if only its last two axes are swapped. */
function laid({ shape, order }: Operand): Laid {
  const rank = shape.length;
  const swappedOrder = [...identityOrder(rank - 2), rank - 1, rank - 2];
  const swapped = sameOrder(order, swappedOrder);
  return { order: swapped ? swappedOrder : identityOrder(rank), swapped };
}

/**
 * TF.js repeats an operand only if it is a single matrix, or has as many as the other; otherwise it is repeated here.
 */
function batched({ emit, dialect }: Place, x: Operand, { order }: Laid, output: Shape): string {
  const name = x.as(order);
  const own = x.shape.slice(0, -2);
  const batch = output.slice(0, -2);
  if (dialect === "tensorflow" || sizeOf(own) === 1 || sizeOf(own) === sizeOf(batch)) return name;
  const matrix = order.slice(-2).map((axis) => x.shape[axis]!);
  const full = [...broadcastShapes(own, batch), ...matrix];
  return emit.op("BroadcastTo", [name, emit.ints(full)], { T: FLOAT });
}
