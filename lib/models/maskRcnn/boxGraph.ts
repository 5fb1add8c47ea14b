import {
  add,
  axisRange,
  axisSize,
  cast,
  concat,
  constant,
  div,
  exp,
  floor,
  gather,
  log,
  maximum,
  minimum,
  mul,
  reshape,
  scalar,
  slice,
  sqrt,
  sub,
  type Value,
} from "../../graph/index.js";

/** The largest factor by which a box may be wider or higher than the box it is coded relative to. */
const MAX_LOG_RATIO = Math.abs(Math.log(16 / 1000));

const firstTwo = (x: Value) => slice(x, { axis: -1, end: 2 });
const lastTwo = (x: Value) => slice(x, { axis: -1, start: 2, end: 4 });

/**
 * Boxes [..., 4] moved by deltas [..., 4], which broadcast, and clipped (the inverse of `encodeDeltas` in lib/regions).
 *
 * @param size [4] or broadcasting: width, height, width, height the boxes are clipped to
 */
export function decodeBoxes(boxes: Value, deltas: Value, stds: readonly number[], size: Value): Value {
  const scaled = stds.every((std) => std === 1) ? deltas : mul(deltas, constant(stds, [4]));
  const corners = firstTwo(boxes);
  const sides = sub(lastTwo(boxes), corners);
  const centres = add(corners, mul(sides, scalar(0.5)));
  const newCentres = add(centres, mul(firstTwo(scaled), sides));
  const ratios = exp(minimum(maximum(lastTwo(scaled), scalar(-MAX_LOG_RATIO)), scalar(MAX_LOG_RATIO)));
  const half = mul(mul(sides, ratios), scalar(0.5));
  const decoded = concat([sub(newCentres, half), add(newCentres, half)], half.shape.length - 1);
  return minimum(maximum(decoded, scalar(0)), size);
}

/** Width and height of boxes [n, 4] → [n, 2]. */
export const sidesOf = (boxes: Value): Value => sub(lastTwo(boxes), firstTwo(boxes));

/**
 * The pyramid level of each RoI, int32 [n]: floor(log2(√area / finestScale + 1e-6)), clamped to the existing levels.
 */
export function levelsOf(boxes: Value, levels: number, finestScale: number): Value {
  const sides = maximum(sidesOf(boxes), scalar(0));
  const area = mul(slice(sides, { axis: 1, end: 1 }), slice(sides, { axis: 1, start: 1 })); // [n, 1]
  const size = add(div(sqrt(area), scalar(finestScale)), scalar(1e-6));
  const level = floor(div(log(size), scalar(Math.LN2)));
  const clamped = minimum(maximum(level, scalar(0)), scalar(levels - 1));
  return reshapeVector(cast(clamped, "int32"));
}

const reshapeVector = (x: Value) => reshape(x, [x.shape[0]!]);

/** Rows of x [B, n, …] picked by int32 indices [B, k], image by image → [B, k, …]. */
export function gatherRows(x: Value, indices: Value): Value {
  const [batch, n, ...rest] = x.shape as [number, number, ...number[]];
  const firsts = mul(axisRange(x, 0), axisSize(x, 1)); // where each image's rows begin
  const rows = batch === 1 ? indices : add(indices, reshape(firsts, [batch, 1]));
  return gather(reshape(x, [batch * n, ...rest]), rows, 0);
}
