import { type AttributesOf, GraphError } from "../../graph/index.js";
import { type Attribute, type Attributes, FLOAT } from "./emitter.js";
import { CHANNELS_LAST } from "./order.js";
import type { Lowering, Operand, Place, Site, Tensor } from "./site.js";

type Pair = readonly [number, number];
type Padding = readonly [top: number, left: number, bottom: number, right: number];

/** Kernels [O, C, kh, kw] stored as [kh, kw, C, O], and those of transposed convolutions [C, O, kh, kw] likewise. */
const KERNEL = [2, 3, 1, 0];

const NONE: Padding = [0, 0, 0, 0];

const spatialOf = ({ shape }: Pick<Operand, "shape">): Pair => [shape[2]!, shape[3]!];

function windowAttributes(stride: Pair, padding: Padding, dilation: Pair = [1, 1]): Attributes {
  const none = padding.every((n) => n === 0);
  const explicit = [0, 0, padding[0], padding[2], padding[1], padding[3], 0, 0];
  const how: Record<string, Attribute> = none
    ? { padding: { s: "VALID" } }
    : { padding: { s: "EXPLICIT" }, explicit_paddings: { ints: explicit } };
  return {
    T: FLOAT,
    strides: { ints: [1, ...stride, 1] },
    dilations: { ints: [1, ...dilation, 1] },
    data_format: { s: "NHWC" },
    ...how,
  };
}

/** TensorFlow's kernels for depthwise convolutions and gradients do not support dilation. */
const isDilated = ({ attributes: { dilation } }: Site<Pick<AttributesOf<"conv2d">, "dilation">>) =>
  dilation.some((n) => n > 1);

export const conv2d: Lowering<AttributesOf<"conv2d">> = (site) => {
  if (site.dialect === "tensorflow" && isDilated(site)) return undefined;
  const [down, across] = site.attributes.stride;
  if (site.dialect === "tfjs" || down === across) return strided(site);
  // oneDNN is wrong for maps with one channel when strides differ by side, so every position is computed and some are
  // taken.
  const { name, order } = strided({ ...site, attributes: { ...site.attributes, stride: [1, 1] } });
  const bounds = [
    [0, 0, 0, 0],
    [0, 0, 0, 0],
    [1, down, across, 1],
  ].map((values) => site.emit.ints(values));
  const whole: Attributes = { T: FLOAT, Index: { type: "DT_INT32" }, begin_mask: { i: 15 }, end_mask: { i: 15 } };
  return { name: site.emit.op("StridedSlice", [name, ...bounds], whole), order };
};

const strided = (site: Site<AttributesOf<"conv2d">>): Tensor => {
  const { emit, operands } = site;
  const [x, w, bias] = operands as [Operand, Operand, Operand | undefined];
  const { groups, stride } = site.attributes;
  const { input, attributes } = window(site, x, site.attributes);
  const vector = bias?.as([0]);
  const [outputs, perGroup, kh, kw] = w.shape as [number, number, number, number];
  if (groups === 1) return convolution(site, ["Conv2D", "_FusedConv2D"], [input, w.as(KERNEL), vector], attributes);
  if (perGroup === 1 && stride[0] === stride[1]) {
    const kernel = w.as(KERNEL, [kh, kw, groups, outputs / groups]);
    const names = ["DepthwiseConv2dNative", "FusedDepthwiseConv2dNative"] as const;
    return convolution(site, names, [input, kernel, vector], attributes);
  }
  const kernel = w.as(KERNEL);
  const parts = Array.from({ length: groups }, (_, g) => {
    const own = channels(site, input, g * perGroup, perGroup);
    const filter = channels(site, kernel, (g * outputs) / groups, outputs / groups);
    return emit.op("Conv2D", [own, filter], attributes);
  });
  return withBias(site, joined(site, parts), vector);
};

/**
 * TF.js adds the bias in the convolution's kernel; TensorFlow does that by itself. A computed bias is added afterwards:
 * TF.js's wasm kernel reads a reshaped one with its previous shape.
 */
function convolution(
  site: Place,
  [plain, fused]: readonly [plain: string, fused: string],
  [x, w, bias]: readonly [x: string, w: string, bias: string | undefined],
  attributes: Attributes,
): Tensor {
  const { emit, dialect, operands } = site;
  if (bias === undefined || dialect === "tensorflow" || operands[2]?.constant === undefined) {
    return withBias(site, emit.op(plain, [x, w], attributes), bias);
  }
  const fusion: Attributes = { num_args: { i: 1 }, fused_ops: { strings: ["BiasAdd"] }, epsilon: { f: 0 } };
  return { name: emit.op(fused, [x, w, bias], { ...attributes, ...fusion }), order: CHANNELS_LAST };
}

/**
 * How a kernel slides over x. TensorFlow 2.16 aborts the process when a depthwise convolution has explicit padding and
 * a bias, and is wrong when padding or strides differ by side; in those cases x is padded with zeros first.
 */
function window(site: Place, x: Operand, { stride, padding, groups, dilation }: AttributesOf<"conv2d">) {
  const input = x.as(CHANNELS_LAST);
  const [top, left, bottom, right] = padding;
  const even = top === bottom && left === right && stride[0] === stride[1] && groups === 1;
  if (site.dialect === "tfjs" || even) return { input, attributes: windowAttributes(stride, padding, dilation) };
  return { input: padded(site, input, padding), attributes: windowAttributes(stride, NONE) };
}

function padded({ emit }: Place, name: string, padding: Padding): string {
  const [top, left, bottom, right] = padding;
  if (padding.every((n) => n === 0)) return name;
  const around = emit.ints([0, 0, top, bottom, left, right, 0, 0], [4, 2]);
  return emit.op("PadV2", [name, around, emit.float(0)], { T: FLOAT });
}

function withBias({ emit }: Place, name: string, bias: string | undefined): Tensor {
  const attributes: Attributes = { T: FLOAT, data_format: { s: "NHWC" } };
  return { name: bias === undefined ? name : emit.op("BiasAdd", [name, bias], attributes), order: CHANNELS_LAST };
}

/** A run of the last axis of a tensor of rank 4. */
function channels({ emit }: Place, name: string, start: number, count: number): string {
  const bounds = [emit.ints([0, 0, 0, start]), emit.ints([-1, -1, -1, count])];
  return emit.op("Slice", [name, ...bounds], { T: FLOAT, Index: { type: "DT_INT32" } });
}

function joined({ emit }: Place, parts: readonly string[]): string {
  return emit.op("ConcatV2", [...parts, emit.int(3)], { T: FLOAT, N: { i: parts.length } });
}

export const convTranspose2d: Lowering<AttributesOf<"convTranspose2d">> = (site) => {
  const [x, w] = site.operands as [Operand, Operand];
  const { stride, padding, groups, outputSize } = site.attributes;
  const [height, width] = spatialOf(x);
  const [kh, kw] = spatialOf(w);
  const whole: Pair = [(height - 1) * stride[0] + kh, (width - 1) * stride[1] + kw];
  const exact = whole[0] === outputSize[0] && whole[1] === outputSize[1] && padding.every((n) => n === 0);
  if (groups === 1 && exact && kh === kw && stride[0] === kh && stride[1] === kw) return blocks(site, x, w);
  if (x.ragged) throw new GraphError("a transposed convolution of overlapping windows between truncate and restore");

  const input = x.as(CHANNELS_LAST);
  const kernel = w.as(KERNEL); // [kh, kw, O, C]
  const [n, total] = x.shape as [number, number];
  const [, perGroup] = w.shape as [number, number];
  const size = site.emit.ints([n, ...whole, perGroup]);
  const attributes = windowAttributes(stride, NONE);
  const parts = Array.from({ length: groups }, (_, g) => {
    const [start, count] = [(g * total) / groups, total / groups];
    const own = groups === 1 ? [kernel, input] : [kernel, input].map((part) => channels(site, part, start, count));
    return site.emit.op("Conv2DBackpropInput", [size, ...own], attributes);
  });
  const all = groups === 1 ? parts[0]! : joined(site, parts);
  return { name: exact ? all : fitted(site, all, whole, padding, outputSize), order: CHANNELS_LAST };
};

/** Each pixel becomes a separate block: a 1 × 1 convolution, whose outputs are then placed side by side. */
function blocks({ emit, dialect }: Place, x: Operand, w: Operand): Tensor {
  const [c, outputs, k] = w.shape as [number, number, number];
  const [height, width] = spatialOf(x);
  const kernel = w.as([0, 2, 3, 1], [1, 1, c, k * k * outputs]);
  const name = emit.op("Conv2D", [x.as(CHANNELS_LAST), kernel], windowAttributes([1, 1], NONE));
  if (k === 1) return { name, order: CHANNELS_LAST };
  if (dialect === "tensorflow") {
    const attributes: Attributes = { T: FLOAT, block_size: { i: k }, data_format: { s: "NHWC" } };
    return { name: emit.op("DepthToSpace", [name], attributes), order: CHANNELS_LAST };
  }
  // TF.js on WebAssembly moves runs of numbers much faster than single ones: each row of blocks becomes k rows.
  const reshape = (tensor: string, dims: readonly number[]) =>
    emit.op("Reshape", [tensor, emit.ints(dims)], { T: FLOAT });
  const rows = reshape(name, [-1, width, k, k * outputs]);
  const apart = emit.op("Transpose", [rows, emit.ints([0, 2, 1, 3])], { T: FLOAT });
  return { name: reshape(apart, [-1, k * height, k * width, outputs]), order: CHANNELS_LAST };
}

/** Cuts off what the kernel wrote beyond the requested size; what it lacks is zero. */
function fitted({ emit }: Place, name: string, whole: Pair, [top, left]: Pair, [height, width]: Pair): string {
  const [rows, columns] = [Math.min(height, whole[0] - top), Math.min(width, whole[1] - left)];
  const bounds = [emit.ints([0, top, left, 0]), emit.ints([-1, rows, columns, -1])];
  const cut = emit.op("Slice", [name, ...bounds], { T: FLOAT, Index: { type: "DT_INT32" } });
  if (rows === height && columns === width) return cut;
  const around = emit.ints([0, 0, 0, height - rows, 0, width - columns, 0, 0], [4, 2]);
  return emit.op("PadV2", [cut, around, emit.float(0)], { T: FLOAT });
}

/** Uses TensorFlow's own kernel if it has one; otherwise group by group. */
export const conv2dWeightGradient: Lowering<AttributesOf<"conv2dWeightGradient">> = (site) => {
  if (isDilated(site)) return undefined;
  const [x, g] = site.operands as [Operand, Operand];
  const { stride, groups, kernel } = site.attributes;
  const [, total] = x.shape as [number, number];
  const [, outputs] = g.shape as [number, number];
  const { input, attributes } = window(site, x, site.attributes);
  const { emit } = site;
  const gradient = g.as(CHANNELS_LAST);
  if (groups === total && outputs === total && stride[0] === stride[1] && groups > 1) {
    const size = emit.ints([...kernel, total, 1]);
    const name = emit.op("DepthwiseConv2dNativeBackpropFilter", [input, size, gradient], attributes);
    return { name, order: [2, 3, 0, 1] };
  }
  const size = emit.ints([...kernel, total / groups, outputs / groups]);
  const parts = Array.from({ length: groups }, (_, i) => {
    if (groups === 1) return emit.op("Conv2DBackpropFilter", [input, size, gradient], attributes);
    const own = channels(site, input, (i * total) / groups, total / groups);
    const ownGradient = channels(site, gradient, (i * outputs) / groups, outputs / groups);
    return emit.op("Conv2DBackpropFilter", [own, size, ownGradient], attributes);
  });
  return { name: groups === 1 ? parts[0]! : joined(site, parts), order: KERNEL };
};
