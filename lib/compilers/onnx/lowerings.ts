import {
  type AttributesOf,
  constantOperator,
  type DType,
  GraphError,
  isOperator,
  type Node,
  type OperatorName,
  type Shape,
  sizeOf,
} from "../../graph/index.js";
import type { Emitter } from "./emitter.js";
import { lowerAnd } from "./lowerAnd.js";
import { lowerResizeBicubic } from "./lowerBicubic.js";
import { lowerConvolution, lowerTransposedConvolution } from "./lowerConvolution.js";
import { lowerResizedCrossEntropy } from "./lowerCrossEntropy.js";
import { lowerNonMaximumSuppression, lowerRestore, lowerRoiAlign, lowerTopK, lowerTruncate } from "./lowerDetection.js";
import type { OnnxOperator } from "./opsets.js";
import { ELEMENT_TYPES } from "./proto.js";
import type { Target } from "./target.js";

/**
 * Writes one node: takes the names of its inputs, returns the names of its outputs; undefined if the operator's
 * decomposition is better for the target.
 */
export type Lowering<Attributes> = (
  emit: Emitter,
  inputs: readonly string[],
  node: Node<Attributes>,
  target: Target,
) => string | readonly string[] | undefined;

/**
 * Every operator except inputs and constants, which the writer handles: how it is written, or that its decomposition
 * is.
 */
type Lowerings = {
  readonly [Name in Exclude<OperatorName, "input" | "constant">]: Lowering<AttributesOf<Name>> | "decompose";
};

const plain =
  (opType: OnnxOperator) =>
  (emit: Emitter, inputs: readonly string[]): string =>
    emit.node(opType, inputs);

/** @param since the opset from which the axes are an input; before that they are an attribute */
const reduction =
  (opType: OnnxOperator, since: number): Lowering<AttributesOf<"sum">> =>
  (emit, [x], { attributes: { axes, keepDims } }, { opset }) => {
    const keepdims = keepDims ? 1 : 0;
    if (opset < since) return emit.node(opType, [x!], { attributes: { axes, keepdims } });
    return emit.node(opType, [x!, emit.int64(axes)], { attributes: { keepdims } });
  };

/** Adds up a few rows as a product with ones, which onnxruntime runs several times faster than a reduction. */
const sumOfRows = (emit: Emitter, x: string, [n, ...shape]: Shape): string => {
  const rows = emit.node("Reshape", [x, emit.int64([n!, sizeOf(shape)])]);
  const ones = emit.floats(Array.from({ length: n! }, () => 1));
  return emit.node("Reshape", [emit.node("MatMul", [ones, rows]), emit.int64(shape)]);
};

const MOST_ROWS = 16;
const LEAST_COLUMNS = 1024;

const sum: Lowering<AttributesOf<"sum">> = (emit, inputs, node, target) => {
  const { shape, dtype } = node.inputs[0]!;
  const { axes, keepDims } = node.attributes;
  const rows = axes.length === 1 && axes[0] === 0 && !keepDims && dtype === "float32" && shape[0]! <= MOST_ROWS;
  const wide = sizeOf(shape.slice(1)) >= LEAST_COLUMNS;
  if (target.dialect === "onnxruntime" && rows && wide) return sumOfRows(emit, inputs[0]!, shape);
  return reduction("ReduceSum", 13)(emit, inputs, node, target);
};

export const castTo = (emit: Emitter, x: string, dtype: DType | "float16" | "int64"): string =>
  emit.node("Cast", [x], { attributes: { to: ELEMENT_TYPES[dtype] } });

/** Enlargement to the size of the node's output: by factors if only these are the same at all sizes. */
const resizing =
  <Attributes>(attributes: Readonly<Record<string, string>>): Lowering<Attributes> =>
  (emit, [x], node, { sizes }) => {
    const factors = ({ inputs, outputs }: typeof node) => outputs[0]!.shape.map((n, i) => n / inputs[0]!.shape[i]!);
    const free = [0, 2, 3].some((axis) => sizes.isFree(node.outputs[0]!, axis));
    const scales = free ? sizes.fixed(node, factors) : undefined;
    if (scales !== undefined) return emit.node("Resize", [x!, "", emit.floats(scales)], { attributes });
    const size = sizes.vector(emit, node, ({ outputs }) => outputs[0]!.shape);
    return emit.node("Resize", [x!, "", "", size], { attributes });
  };

/** Past the last element of any axis. */
const BEYOND_THE_END = 2 ** 31 - 1;

const reachesEnd = ({ attributes: { axis, end }, inputs: [x] }: Node<AttributesOf<"slice">>) => end === x!.shape[axis];

/** Far before the first element: with a negative step the slice then takes that one too. */
const BEFORE_THE_START = -(2 ** 40);

/** One entry per operator, which the compiler enforces. */
export const lowerings: Lowerings = {
  add: plain("Add"),
  sub: plain("Sub"),
  mul: plain("Mul"),
  div: plain("Div"),
  maximum: plain("Max"),
  minimum: plain("Min"),
  less: plain("Less"),
  equal: plain("Equal"),
  and: lowerAnd,
  neg: plain("Neg"),
  exp: plain("Exp"),
  log: plain("Log"),
  sqrt: plain("Sqrt"),
  abs: plain("Abs"),
  sign: plain("Sign"),
  floor: plain("Floor"),
  sigmoid: plain("Sigmoid"),
  erf: plain("Erf"),
  where: plain("Where"),
  relu: plain("Relu"),
  clip: (emit, [x], { attributes: { low, high } }) => emit.node("Clip", [x!, emit.float(low), emit.float(high)]),
  gelu: (emit, [x], _, { opset }) => (opset < 20 ? undefined : emit.node("Gelu", [x!])),
  cast: (emit, [x], { attributes: { dtype } }) => castTo(emit, x!, dtype),

  sum,
  mean: reduction("ReduceMean", 18),
  max: reduction("ReduceMax", 18),
  argMax: (emit, [x], { attributes: { axis } }) =>
    castTo(emit, emit.node("ArgMax", [x!], { attributes: { axis, keepdims: 0 } }), "int32"),

  axisSize: (emit, [x], node, { sizes }) => {
    const { axis } = node.attributes;
    if (!sizes.isFree(node.inputs[0]!, axis)) return undefined;
    return castTo(emit, emit.node("Gather", [emit.node("Shape", [x!]), emit.int64([axis], [])]), "int32");
  },
  axisRange: (emit, [x], node, { sizes }) => {
    const { axis } = node.attributes;
    if (!sizes.isFree(node.inputs[0]!, axis)) return undefined;
    const end = emit.node("Gather", [emit.node("Shape", [x!]), emit.int64([axis], [])]);
    return castTo(emit, emit.node("Range", [emit.int64([0], []), end, emit.int64([1], [])]), "int32");
  },
  reshape: (emit, [x], node, { sizes }) =>
    emit.node("Reshape", [x!, sizes.shape(emit, node, ({ outputs }) => outputs[0]!.shape)]),
  transpose: (emit, [x], { attributes: { order } }) => emit.node("Transpose", [x!], { attributes: { perm: order } }),
  broadcastTo: (emit, [x], node, { sizes }) =>
    emit.node("Expand", [x!, sizes.vector(emit, node, ({ outputs }) => outputs[0]!.shape)]),
  concat: (emit, inputs, { attributes: { axis } }) => emit.node("Concat", inputs, { attributes: { axis } }),
  slice: (emit, [x], node, { sizes }) => {
    const { axis, start, step } = node.attributes;
    // A free end is the end of the axis.
    const end = sizes.fixed(node, (n) => [n.attributes.end])?.[0] ?? BEYOND_THE_END;
    if (end === BEYOND_THE_END && !reachesEnd(node)) throw new GraphError("a slice that ends within a free size");
    return emit.node("Slice", [x!, emit.int64([start]), emit.int64([end]), emit.int64([axis]), emit.int64([step])]);
  },
  pad: (emit, [x], { inputs, attributes: { axis, before, after } }) => {
    // Every axis is named: where onnxruntime moves a Transpose past a Pad, it permutes the sides as if all were given.
    const sides = (n: number) => inputs[0]!.shape.map((_, i) => (i === axis ? n : 0));
    return emit.node("Pad", [x!, emit.int64([...sides(before), ...sides(after)])]);
  },
  reverse: (emit, [x], { attributes: { axes } }) => {
    const all = (n: number) => emit.int64(axes.map(() => n));
    return emit.node("Slice", [x!, all(-1), all(BEFORE_THE_START), emit.int64(axes), all(-1)]);
  },
  gather: (emit, inputs, { attributes: { axis } }) => emit.node("Gather", inputs, { attributes: { axis } }),
  scatterAdd: lowerScatterAdd,

  matMul: (emit, [a, b], { inputs, attributes: { transposeA, transposeB } }, { dialect }) => {
    if (!transposeA && !transposeB) return emit.node("MatMul", [a!, b!]);
    // A constant is transposed once, while the model is loaded; onnxruntime then adds a bias in the same kernel (Gemm).
    const once = !transposeA && isOperator(inputs[1]!.node, constantOperator);
    if (dialect === "onnxruntime" && !once) {
      const attributes = { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0 };
      return emit.node("FusedMatMul", [a!, b!], { attributes, domain: "com.microsoft" });
    }
    const swapped = (x: string, rank: number, swap: boolean) => {
      const perm = Array.from({ length: rank }, (_, i) => (i === rank - 1 ? rank - 2 : i === rank - 2 ? rank - 1 : i));
      return swap ? emit.node("Transpose", [x], { attributes: { perm } }) : x;
    };
    return emit.node("MatMul", [
      swapped(a!, inputs[0]!.shape.length, transposeA),
      swapped(b!, inputs[1]!.shape.length, transposeB),
    ]);
  },

  conv2d: lowerConvolution,
  convTranspose2d: lowerTransposedConvolution,
  averagePool: (emit, [x], { attributes: { kernel, stride, padding, countPadding } }) =>
    emit.node("AveragePool", [x!], {
      attributes: { kernel_shape: kernel, strides: stride, pads: padding, count_include_pad: countPadding ? 1 : 0 },
    }),
  maxPool: (emit, [x], { attributes: { kernel, stride, padding } }) =>
    emit.node("MaxPool", [x!], { attributes: { kernel_shape: kernel, strides: stride, pads: padding } }),
  repeat: resizing({ mode: "nearest", coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" }),
  resizeBilinear: resizing({ mode: "linear", coordinate_transformation_mode: "half_pixel" }),
  resizeBicubic: lowerResizeBicubic,
  // min(1, 3e38 · y) is 1 where relu's output is positive and 0 where it is 0; onnxruntime's Sign and Where are four times slower.
  reluGradient: (emit, [y, g]) =>
    emit.node("Mul", [
      g!,
      emit.node("HardSigmoid", [y!], { attributes: { alpha: { float: 3e38 }, beta: { float: 0 } } }),
    ]),
  softmax: (emit, [x], { attributes: { axis } }) => emit.node("Softmax", [x!], { attributes: { axis } }),

  resizedCrossEntropy: lowerResizedCrossEntropy,
  topK: lowerTopK,
  nonMaximumSuppression: lowerNonMaximumSuppression,
  roiAlign: lowerRoiAlign,
  truncate: lowerTruncate,
  restore: lowerRestore,

  conv2dInputGradient: "decompose",
  conv2dWeightGradient: "decompose",
  resizeBilinearGradient: "decompose",
  geluGradient: "decompose",
  softmaxCrossEntropy: "decompose",
  softmaxCrossEntropyGradient: "decompose",
  channelAffine: "decompose",
  channelDot: "decompose",
  batchNorm: "decompose",
  pointwiseBatchNorm: "decompose",
  affineSum: "decompose",
  standardise: "decompose",
};

/** The lowering of an operator of this name; undefined where its decomposition is written. */
export function loweringOf(name: string): Lowering<unknown> | undefined {
  // The table pairs each operator's name with a lowering for its own attributes; that tie is lost in this look-up.
  const found = lowerings[name as keyof Lowerings] as Lowering<unknown> | "decompose" | undefined;
  return found === "decompose" ? undefined : found;
}

function lowerScatterAdd(
  emit: Emitter,
  [updates, indices]: readonly string[],
  node: Node<AttributesOf<"scatterAdd">>,
): string {
  const { axis, size } = node.attributes;
  const { shape } = node.inputs[0]!;
  const rank = node.inputs[1]!.shape.length;
  const product = (part: readonly number[]) => part.reduce((a, b) => a * b, 1);
  const outer = product(shape.slice(0, axis));
  const count = product(shape.slice(axis, axis + rank));
  const inner = product(shape.slice(axis + rank));
  const zeros = emit.node("Expand", [emit.float(0), emit.int64([outer, size, inner])]);
  const spread = emit.node("Expand", [
    emit.node("Reshape", [indices!, emit.int64([1, count, 1])]),
    emit.int64([outer, count, inner]),
  ]);
  const flat = emit.node("Reshape", [updates!, emit.int64([outer, count, inner])]);
  const added = emit.node("ScatterElements", [zeros, spread, flat], { attributes: { axis: 1, reduction: "add" } });
  return emit.node("Reshape", [added, emit.int64(node.outputs[0]!.shape)]);
}
