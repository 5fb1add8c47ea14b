import type { AttributesOf } from "../../graph/index.js";
import { type Attribute, type Emitter, FLOAT, INT } from "./emitter.js";
import { CHANNELS_LAST, identityOrder } from "./order.js";
import type { Lowering, Operand } from "./site.js";

/** RoIs pooled together: few enough for their windows to have similar sizes and to fit in memory. */
const TOGETHER = 32;

/** What is known of every RoI along one axis, each a column [R, 1]. */
const AXIS = ["start", "bin", "samples", "low", "length", "size"] as const;
type AxisColumn = (typeof AXIS)[number];

/**
 * RoIAlign as two products per RoI. Sampling is separable: with A [P, h] the mean bilinear weights of the samples of
 * every bin row on the rows of a window of the map, B [Q, w] those of its columns, the result is A · window · Bᵀ. The
 * windows are gathered from all levels at once, which are concatenated to one table of pixels. RoIs are grouped in
 * order of their windows' width, each group with the window of its largest.
 */
export const roiAlign: Lowering<AttributesOf<"roiAlign">> = ({ emit, attributes, operands }) => {
  const { outputSize, scales, samplingRatio } = attributes;
  const maps = operands.slice(0, -3);
  const [rois, images, levels] = operands.slice(-3) as [Operand, Operand, Operand];
  const channels = maps[0]!.shape[1]!;
  const table = pixelTable(emit, maps, channels);
  const places = { rois, levels: levels.as([0]), images: images.as([0]) };
  const { columns, widths } = roiColumns(emit, maps, places, { outputSize, scales, samplingRatio });
  const pool = (rows: string) => pooled(emit, table, rows, { outputSize, samplingRatio, channels });

  const count = rois.shape[0]!;
  if (rois.ragged || count <= TOGETHER) {
    return { name: pool(columns), order: CHANNELS_LAST, ragged: rois.ragged };
  }
  const byWidth = `${emit.op("TopKV2", [widths, emit.int(count)], { T: FLOAT, sorted: { b: true } })}:1`;
  const lots = Array.from({ length: Math.ceil(count / TOGETHER) }, (_, i) => {
    const size = Math.min(TOGETHER, count - i * TOGETHER);
    const own = emit.op("Slice", [byWidth, emit.ints([i * TOGETHER]), emit.ints([size])], { T: INT, Index: INT });
    return pool(gatherRows(emit, columns, own));
  });
  const stacked = emit.op("ConcatV2", [...lots, emit.int(0)], { T: FLOAT, N: { i: lots.length } });
  const rows = emit.op("Reshape", [byWidth, emit.ints([count, 1])], { T: INT });
  const back = emit.op("ScatterNd", [rows, emit.ints(identityOrder(count)), emit.ints([count])], {
    T: INT,
    Tindices: INT,
  });
  return { name: gatherRows(emit, stacked, back), order: CHANNELS_LAST };
};

/**
 * Rows by their numbers. On WebAssembly GatherNd copies whole rows, while GatherV2 computes the index of each number.
 */
function gatherRows(emit: Emitter, x: string, rows: string): string {
  const numbers = emit.op("ExpandDims", [rows, emit.int(-1)], { T: INT });
  return emit.op("GatherNd", [x, numbers], { Tparams: FLOAT, Tindices: INT });
}

/** All pixels of all levels and images [T, C]: level by level, image by image, row by row. */
function pixelTable(emit: Emitter, maps: readonly Operand[], channels: number): string {
  const flat = maps.map((map) => map.as(CHANNELS_LAST, [-1, channels]));
  return flat.length === 1
    ? flat[0]!
    : emit.op("ConcatV2", [...flat, emit.int(0)], { T: FLOAT, N: { i: flat.length } });
}

/** Arithmetic on float tensors that broadcast. */
function arithmetic(emit: Emitter) {
  const binary = (op: string) => (a: string, b: string) => emit.op(op, [a, b], { T: FLOAT });
  const unary = (op: string) => (x: string) => emit.op(op, [x], { T: FLOAT });
  return {
    add: binary("AddV2"),
    sub: binary("Sub"),
    mul: binary("Mul"),
    div: binary("RealDiv"),
    maximum: binary("Maximum"),
    minimum: binary("Minimum"),
    floor: unary("Floor"),
    ceil: unary("Ceil"),
    abs: unary("Abs"),
    relu: unary("Relu"),
    reshape: (x: string, dims: readonly number[], T: Attribute = FLOAT) =>
      emit.op("Reshape", [x, emit.ints(dims)], { T }),
    cast: (x: string, SrcT: Attribute, DstT: Attribute) => emit.op("Cast", [x], { SrcT, DstT }),
  };
}

interface Geometry {
  readonly outputSize: readonly [number, number];
  readonly scales: readonly number[];
  readonly samplingRatio: number;
}

/** [R, 13]: the columns of the vertical axis, of the horizontal, and where the RoI's map starts in the table. */
function roiColumns(
  emit: Emitter,
  maps: readonly Operand[],
  { rois, levels, images }: { readonly rois: Operand; readonly levels: string; readonly images: string },
  { outputSize, scales, samplingRatio }: Geometry,
): { readonly columns: string; readonly widths: string } {
  const { add, sub, mul, reshape, cast } = arithmetic(emit);
  const ofLevel = (values: readonly number[]) => reshape(gatherRows(emit, emit.floats(values), levels), [-1, 1]);
  const boxes = rois.as([0, 1]);
  const scale = ofLevel(scales);
  const edge = (i: number) => sub(mul(column(emit, boxes, i), scale), emit.float(0.5));
  const axis = (i: 0 | 1) => {
    const size = ofLevel(maps.map(({ shape }) => shape[2 + i]!));
    const start = edge(1 - i); // boxes are x1, y1, x2, y2
    return axisColumns(emit, start, sub(edge(3 - i), start), { size, bins: outputSize[i], samplingRatio });
  };
  const [vertical, horizontal] = [axis(0), axis(1)];
  const pixels = maps.map(({ shape: [n, , h, w] }) => ({ all: n! * h! * w!, image: h! * w! }));
  const starts = pixels.map((_, l) => pixels.slice(0, l).reduce((total, { all }) => total + all, 0));
  const image = reshape(cast(images, INT, FLOAT), [-1, 1]);
  const base = add(ofLevel(starts), mul(image, ofLevel(pixels.map((level) => level.image))));
  const all = [...[vertical, horizontal].flatMap((values) => AXIS.map((name) => values[name])), base];
  const columns = emit.op("ConcatV2", [...all, emit.int(1)], { T: FLOAT, N: { i: all.length } });
  return { columns, widths: reshape(horizontal.length, [-1]) };
}

/**
 * Along one axis: where the first bin starts, a bin's size, samples per bin, the window's first pixel and length, and
 * how many pixels the map has.
 */
function axisColumns(
  emit: Emitter,
  start: string,
  extent: string,
  { size, bins, samplingRatio }: { readonly size: string; readonly bins: number; readonly samplingRatio: number },
): Readonly<Record<AxisColumn, string>> {
  const { add, sub, mul, div, floor, ceil, maximum } = arithmetic(emit);
  const bin = div(extent, emit.float(bins));
  const samples = samplingRatio > 0 ? add(mul(bin, emit.float(0)), emit.float(samplingRatio)) : ceil(bin);
  const half = div(mul(bin, emit.float(0.5)), maximum(samples, emit.float(1)));
  const low = floor(clamped(emit, add(start, half), size));
  const high = floor(clamped(emit, sub(add(start, extent), half), size));
  const length = add(sub(high, low), emit.float(2)); // the last sample is between two pixels
  return { start, bin, samples, low, length, size };
}

/** min(max(x, 0), size − 1) */
function clamped(emit: Emitter, x: string, size: string): string {
  const { sub, maximum, minimum } = arithmetic(emit);
  return minimum(maximum(x, emit.float(0)), sub(size, emit.float(1)));
}

function column(emit: Emitter, x: string, i: number): string {
  return emit.op("Slice", [x, emit.ints([0, i]), emit.ints([-1, 1])], { T: FLOAT, Index: INT });
}

interface Pooling {
  readonly outputSize: readonly [number, number];
  readonly samplingRatio: number;
  readonly channels: number;
}

/** A group of RoIs, given by their columns [r, 13], pooled from the table of pixels → [r, P, Q, C]. */
function pooled(
  emit: Emitter,
  table: string,
  columns: string,
  { outputSize, samplingRatio, channels }: Pooling,
): string {
  const { add, mul, reshape, cast } = arithmetic(emit);
  const axis = (i: 0 | 1) => windowAxis(emit, columns, i, { bins: outputSize[i], samplingRatio });
  const [vertical, horizontal] = [axis(0), axis(1)];
  const [p, q] = outputSize;
  const base = reshape(column(emit, columns, 2 * AXIS.length), [-1, 1, 1]);
  const width = reshape(column(emit, columns, axisColumn(1, "size")), [-1, 1, 1]);
  const rowStarts = add(base, mul(expanded(emit, vertical.pixels, 2), width)); // [r, h, 1]
  const index = cast(add(rowStarts, expanded(emit, horizontal.pixels, 1)), FLOAT, INT); // [r, h, w]
  const window = gatherRows(emit, table, index); // [r, h, w, C]

  const size = emit.op("Shape", [index], { T: INT });
  const sizes = (start: number, count: number) =>
    emit.op("Slice", [size, emit.ints([start]), emit.ints([count])], { T: INT, Index: INT });
  const shaped = (x: string, parts: readonly string[]) => {
    const dims = emit.op("ConcatV2", [...parts, emit.int(0)], { T: INT, N: { i: parts.length } });
    return emit.op("Reshape", [x, dims], { T: FLOAT });
  };
  const product = (a: string, b: string) =>
    emit.op("BatchMatMulV2", [a, b], { T: FLOAT, adj_x: { b: false }, adj_y: { b: false } });
  const rows = product(vertical.weights, shaped(window, [sizes(0, 2), emit.ints([-1])])); // [r, P, w · C]
  const everyRow = shaped(rows, [emit.ints([-1]), sizes(2, 1), emit.ints([channels])]); // [r · P, w, C]
  const repeated = emit.op("Tile", [expanded(emit, horizontal.weights, 1), emit.ints([1, p, 1, 1])], { T: FLOAT });
  const weights = shaped(repeated, [emit.ints([-1, q]), sizes(2, 1)]); // [r · P, Q, w]
  return reshape(product(weights, everyRow), [-1, p, q, channels]);
}

const expanded = (emit: Emitter, x: string, axis: number): string =>
  emit.op("ExpandDims", [x, emit.int(axis)], { T: FLOAT });

const axisColumn = (axis: 0 | 1, name: AxisColumn): number => axis * AXIS.length + AXIS.indexOf(name);

/** Along one axis of a group: the pixels of its windows [r, n] and the weights of bins on them [r, bins, n]. */
function windowAxis(
  emit: Emitter,
  columns: string,
  axis: 0 | 1,
  { bins, samplingRatio }: { readonly bins: number; readonly samplingRatio: number },
): { readonly pixels: string; readonly weights: string } {
  const { add, sub, mul, div, minimum, maximum, abs, relu, reshape } = arithmetic(emit);
  const own = (name: AxisColumn) => column(emit, columns, axisColumn(axis, name)); // [r, 1]
  const [one, samples, size] = [emit.float(1), own("samples"), own("size")];
  const solid = (x: string) => reshape(x, [-1, 1, 1]);
  const divisor = maximum(samples, one);
  const steps = reshape(
    samplingRatio > 0 ? emit.floats(identityOrder(samplingRatio)) : rangeTo(emit, divisor),
    [1, -1],
  );
  // The positions of all samples [r, bins, s]: start + bin · (i + (k + ½) / samples).
  const within = expanded(emit, div(add(steps, emit.float(0.5)), divisor), 1);
  const inBins = add(emit.floats(identityOrder(bins), [1, bins, 1]), within);
  const position = add(solid(own("start")), mul(solid(own("bin")), inBins));
  // Samples beyond a RoI's own number, and those outside the map by more than a pixel, do not count.
  const counted = mul(
    truth(emit, "GreaterEqual", position, emit.float(-1)),
    truth(emit, "LessEqual", position, solid(size)),
  );
  const real = expanded(emit, div(truth(emit, "Less", steps, samples), divisor), 1); // [r, 1, s]
  const weight = mul(counted, real);
  const pixel = add(own("low"), reshape(rangeTo(emit, own("length")), [1, -1])); // [r, n]
  const at = expanded(emit, clamped(emit, position, solid(size)), 3);
  const distance = abs(sub(expanded(emit, expanded(emit, pixel, 1), 1), at)); // [r, bins, s, n]
  const tents = mul(relu(sub(one, distance)), expanded(emit, weight, 3));
  const weights = emit.op("Sum", [tents, emit.ints([2])], { T: FLOAT, keep_dims: { b: false } });
  return { pixels: minimum(pixel, sub(size, one)), weights };
}

/** 1 where a comparison holds, otherwise 0. */
function truth(emit: Emitter, op: string, a: string, b: string): string {
  return emit.op("Cast", [emit.op(op, [a, b], { T: FLOAT })], { SrcT: { type: "DT_BOOL" }, DstT: FLOAT });
}

/** 0, 1, … up to the largest of the numbers, exclusive. */
function rangeTo(emit: Emitter, x: string): string {
  const { cast } = arithmetic(emit);
  const largest = emit.op("Max", [x, emit.ints([0, 1])], { T: FLOAT, keep_dims: { b: false } });
  const range = emit.op("Range", [emit.int(0), cast(largest, FLOAT, INT), emit.int(1)], { Tidx: INT });
  return cast(range, INT, FLOAT);
}
