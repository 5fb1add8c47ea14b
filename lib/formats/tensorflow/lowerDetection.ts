import type { AttributesOf, DType, Shape } from "../../graph/index.js";
import { type Emitter, FLOAT, INT } from "./emitter.js";
import { identityOrder } from "./order.js";
import { type Lowering, type Operand, type Place, type Site, typeOf } from "./site.js";

export const topK: Lowering<AttributesOf<"topK">> = ({ emit, attributes, operands: [x] }) => {
  const order = identityOrder(x!.shape.length);
  const name = emit.op("TopKV2", [x!.as(order), emit.int(attributes.k)], {
    T: typeOf(x!.dtype),
    sorted: { b: true },
  });
  return [
    { name, order },
    { name: `${name}:1`, order },
  ];
};

/** Each group by itself; then what they kept is moved together. */
export const nonMaximumSuppression: Lowering<AttributesOf<"nonMaximumSuppression">> = (site) => {
  const { emit, outputs, operands } = site;
  const [boxes, scores] = operands as [Operand, Operand];
  const [groups, n] = scores.shape as [number, number];
  const most = outputs[0]!.shape[0]! / groups;
  const [allBoxes, allScores] = [boxes.as(identityOrder(3)), scores.as(identityOrder(2))];
  const reshape = (x: string, dims: readonly number[], type = INT) =>
    emit.op("Reshape", [x, emit.ints(dims)], { T: type });
  const kept = Array.from({ length: groups }, (_, group) => {
    const own = (x: string, rank: number) =>
      emit.op("Slice", [x, emit.ints([group, 0, 0].slice(0, rank)), emit.ints([1, -1, -1].slice(0, rank))], {
        T: FLOAT,
        Index: INT,
      });
    const chosen = suppress(
      site,
      reshape(own(allBoxes, 3), [n, 4], FLOAT),
      reshape(own(allScores, 2), [n], FLOAT),
      most,
    );
    const count = emit.op("Shape", [chosen], { T: INT });
    return { indices: filledUp(emit, chosen, count, [most]), count };
  });
  const both = (indices: string, count: string) => [
    { name: indices, order: [0] },
    { name: count, order: [0] },
  ];
  if (groups === 1) return both(kept[0]!.indices, kept[0]!.count);
  const joined = (names: readonly string[]) =>
    emit.op("ConcatV2", [...names, emit.int(0)], { T: INT, N: { i: names.length } });
  const counts = joined(kept.map(({ count }) => count));
  const starts = Array.from({ length: groups * most }, (_, i) => Math.floor(i / most) * n);
  const flat = emit.op("AddV2", [joined(kept.map(({ indices }) => indices)), emit.ints(starts)], { T: INT });
  const total = emit.op("Sum", [counts, emit.ints([0])], { T: INT, keep_dims: { b: true } });
  return both(compacted(site, flat, counts, { groups, most }), total);
};

/** The next float above a threshold: TF.js drops a box whose IoU equals it, we and TensorFlow do not. */
function above(threshold: number): number {
  const bits = new Int32Array(Float32Array.of(threshold).buffer);
  bits[0]! += 1;
  return Math.min(1, new Float32Array(bits.buffer)[0]!);
}

type Suppression = Site<AttributesOf<"nonMaximumSuppression">>;

/** The indices of what is kept of one group. */
function suppress({ emit, attributes, dialect }: Suppression, boxes: string, scores: string, most: number): string {
  const { iouThreshold, scoreThreshold } = attributes;
  const threshold = dialect === "tfjs" ? above(iouThreshold) : iouThreshold;
  const limits = [emit.int(most), emit.float(threshold), emit.float(scoreThreshold)];
  return emit.op("NonMaxSuppressionV3", [boxes, scores, ...limits], { T: FLOAT, T_threshold: FLOAT });
}

/** The first counts[g] of each group's `most` places, group after group, then zeros. */
function compacted(
  { emit }: Place,
  flat: string,
  counts: string,
  { groups, most }: { readonly groups: number; readonly most: number },
): string {
  const places = groups * most;
  const column = (x: string) => emit.op("Reshape", [x, emit.ints([groups, 1])], { T: INT });
  const exclusive = { T: INT, exclusive: { b: true }, reverse: { b: false } };
  const starts = column(emit.op("Cumsum", [counts, emit.int(0)], exclusive));
  const within = emit.ints(identityOrder(most), [1, most]);
  const real = emit.op("Less", [within, column(counts)], { T: INT });
  const target = emit.op("AddV2", [starts, within], { T: INT });
  const dump = emit.int(places); // the place after the last
  const chosen = emit.op("SelectV2", [real, target, dump], { T: INT });
  const rows = emit.op("Reshape", [chosen, emit.ints([places, 1])], { T: INT });
  const scattered = emit.op("ScatterNd", [rows, flat, emit.ints([places + 1])], { T: INT, Tindices: INT });
  return emit.op("Slice", [scattered, emit.ints([0]), emit.ints([places])], { T: INT, Index: INT });
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

/** Rows of zeros after the `rows` there are, up to what the shape says. */
function filledUp(emit: Emitter, x: string, rows: string, shape: Shape, dtype: DType = "int32"): string {
  const missing = emit.op("Sub", [emit.ints([shape[0]!]), rows], { T: INT });
  const others = Array.from({ length: 2 * (shape.length - 1) }, () => 0);
  const amounts = concat({ emit }, [emit.ints([0]), missing, ...(others.length === 0 ? [] : [emit.ints(others)])]);
  const around = emit.op("Reshape", [amounts, emit.ints([shape.length, 2])], { T: INT });
  const zero = dtype === "float32" ? emit.float(0) : emit.int(0);
  return emit.op("PadV2", [x, around, zero], { T: typeOf(dtype) });
}
