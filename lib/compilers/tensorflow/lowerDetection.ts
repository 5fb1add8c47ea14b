import type { AttributesOf, DType, Shape } from "../../graph/index.js";
import { type Emitter, FLOAT, INT } from "./emitter.js";
import { identityOrder } from "./order.js";
import { type Lowering, type Operand, type Place, type Site, typeOf } from "./site.js";

export const topK: Lowering<AttributesOf<"topK">> = ({ emit, outputs, operands: [x] }) => {
  const order = identityOrder(x!.shape.length);
  const name = emit.op("TopKV2", [x!.as(order), emit.int(outputs[0]!.shape.at(-1)!)], {
    T: typeOf(x!.dtype),
    sorted: { b: true },
  });
  return [
    { name, order },
    { name: `${name}:1`, order },
  ];
};

/** Each group separately; kept boxes are marked. */
export const nonMaximumSuppression: Lowering<AttributesOf<"nonMaximumSuppression">> = (site) => {
  const { emit, operands } = site;
  const [boxes, scores] = operands as [Operand, Operand];
  const [groups, n] = scores.shape as [number, number];
  const all = { boxes: boxes.as(identityOrder(3)), scores: scores.as(identityOrder(2)) };
  const kept = Array.from({ length: groups }, (_, group) => {
    const own = (x: string, rank: number, dims: readonly number[]) => {
      const bounds = [emit.ints([group, 0, 0].slice(0, rank)), emit.ints([1, -1, -1].slice(0, rank))];
      return emit.op("Reshape", [emit.op("Slice", [x, ...bounds], { T: FLOAT, Index: INT }), emit.ints(dims)], {
        T: FLOAT,
      });
    };
    const indices = suppress(site, own(all.boxes, 3, [n, 4]), own(all.scores, 2, [n]), n);
    return group === 0 ? indices : emit.op("AddV2", [indices, emit.int(group * n)], { T: INT });
  });
  // One more place, so that there is always something to mark.
  const places = concat({ emit }, [...kept, emit.ints([groups * n])]);
  const rows = emit.op("Reshape", [places, emit.ints([-1, 1])], { T: INT });
  const ones = emit.op("OnesLike", [places], { T: INT });
  const size = emit.ints([groups * n + 1]);
  const marked = emit.op("ScatterNd", [rows, ones, size], { T: INT, Tindices: INT });
  const cut = emit.op("Slice", [marked, emit.ints([0]), emit.ints([groups * n])], { T: INT, Index: INT });
  const mask = emit.op("NotEqual", [cut, emit.int(0)], { T: INT });
  return { name: emit.op("Reshape", [mask, emit.ints([groups, n])], { T: { type: "DT_BOOL" } }), order: [0, 1] };
};

/** The next float above a threshold: TF.js drops a box whose IoU equals it, we and TensorFlow do not. */
function above(threshold: number): number {
  const bits = new Int32Array(Float32Array.of(threshold).buffer);
  bits[0]! += 1;
  return Math.min(1, new Float32Array(bits.buffer)[0]!);
}

type Suppression = Site<AttributesOf<"nonMaximumSuppression">>;

/** The indices of the boxes kept in one group. */
function suppress({ emit, attributes, dialect }: Suppression, boxes: string, scores: string, n: number): string {
  const { iouThreshold, scoreThreshold, maxKept } = attributes;
  const threshold = dialect === "tfjs" ? above(iouThreshold) : iouThreshold;
  const limits = [emit.int(Math.min(maxKept, n)), emit.float(threshold), emit.float(scoreThreshold)];
  return emit.op("NonMaxSuppressionV3", [boxes, scores, ...limits], { T: FLOAT, T_threshold: FLOAT });
}

export const truncate: Lowering<AttributesOf<"truncate">> = ({ emit, operands: [x, count] }) => {
  const rank = x!.shape.length;
  const order = x!.order[0] === 0 ? x!.order : identityOrder(rank);
  const rest = Array.from({ length: rank - 1 }, () => -1);
  const size = rest.length === 0 ? count!.as([0]) : concat({ emit }, [count!.as([0]), emit.ints(rest)]);
  const begin = emit.ints(order.map(() => 0));
  const name = emit.op("Slice", [x!.as(order), begin, size], { T: typeOf(x!.dtype), Index: INT });
  return { name, order, ragged: true };
};

function concat({ emit }: Pick<Place, "emit">, names: readonly string[]): string {
  return emit.op("ConcatV2", [...names, emit.int(0)], { T: INT, N: { i: names.length } });
}

export const restore: Lowering<AttributesOf<"restore">> = ({ emit, operands: [x] }) => {
  const { shape, dtype } = x!;
  const order = x!.order[0] === 0 ? x!.order : identityOrder(shape.length);
  const name = x!.as(order);
  const size = emit.op("Shape", [name], { T: typeOf(dtype) });
  const rows = emit.op("Slice", [size, emit.ints([0]), emit.ints([1])], { T: INT, Index: INT });
  return { name: filledUp(emit, name, rows, shape, dtype), order, ragged: false };
};

/** Adds rows of zeros after the existing `rows`, up to the size in the shape. */
function filledUp(emit: Emitter, x: string, rows: string, shape: Shape, dtype: DType = "int32"): string {
  const missing = emit.op("Sub", [emit.ints([shape[0]!]), rows], { T: INT });
  const others = Array.from({ length: 2 * (shape.length - 1) }, () => 0);
  const amounts = concat({ emit }, [emit.ints([0]), missing, ...(others.length === 0 ? [] : [emit.ints(others)])]);
  const around = emit.op("Reshape", [amounts, emit.ints([shape.length, 2])], { T: INT });
  const zero = dtype === "float32" ? emit.float(0) : emit.int(0);
  return emit.op("PadV2", [x, around, zero], { T: typeOf(dtype) });
}
