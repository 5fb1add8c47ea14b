import type { AttributesOf, OperatorName } from "../../graph/index.js";
import { conv2d, conv2dWeightGradient, convTranspose2d } from "./lowerConvolution.js";
import { nonMaximumSuppression, restore, topK, truncate } from "./lowerDetection.js";
import { broadcast, broadcastTo, cast, comparison, divide, elementwise, unary } from "./lowerElementwise.js";
import { averagePool, repeat, resizeBilinear, resizeBilinearGradient } from "./lowerMaps.js";
import { matMul } from "./lowerMatMul.js";
import { argMax, reduction, softmax } from "./lowerReductions.js";
import { roiAlign } from "./lowerRoiAlign.js";
import { concat, gather, pad, reshape, reverse, scatterAdd, slice, transpose } from "./lowerShaping.js";
import type { Dialect, Lowering } from "./site.js";

/**
 * Every operator except inputs and constants, which the writer handles: how it is written, or that its decomposition
 * is.
 */
type Lowerings = {
  readonly [Name in Exclude<OperatorName, "input" | "constant">]: Lowering<AttributesOf<Name>> | "decompose";
};

/** One entry per operator, which the compiler enforces. */
const everywhere: Lowerings = {
  add: elementwise("AddV2"),
  sub: elementwise("Sub"),
  mul: elementwise("Mul"),
  div: divide,
  maximum: elementwise("Maximum"),
  minimum: elementwise("Minimum"),
  less: comparison("Less"),
  equal: comparison("Equal"),
  and: (site) => broadcast(site, "LogicalAnd", {}),
  neg: unary("Neg"),
  exp: unary("Exp"),
  log: unary("Log"),
  sqrt: unary("Sqrt"),
  abs: unary("Abs"),
  sign: unary("Sign"),
  floor: unary("Floor"),
  sigmoid: unary("Sigmoid"),
  erf: unary("Erf"),
  relu: unary("Relu"),
  cast,
  where: elementwise("SelectV2"),

  sum: reduction("Sum"),
  mean: reduction("Mean"),
  max: reduction("Max"),
  argMax,
  softmax,

  reshape,
  transpose,
  broadcastTo,
  concat,
  slice,
  pad,
  reverse,
  gather,
  scatterAdd,

  matMul,
  conv2d,
  convTranspose2d,
  averagePool,
  repeat,
  resizeBilinear,
  resizeBilinearGradient,

  topK,
  nonMaximumSuppression,
  roiAlign,
  truncate,
  restore,

  axisSize: "decompose",
  axisRange: "decompose",
  conv2dInputGradient: "decompose",
  conv2dWeightGradient: "decompose",
  clip: "decompose",
  maxPool: "decompose",
  resizeBicubic: "decompose",
  reluGradient: "decompose",
  gelu: "decompose",
  geluGradient: "decompose",
  softmaxCrossEntropy: "decompose",
  softmaxCrossEntropyGradient: "decompose",
  resizedCrossEntropy: "decompose",
  channelAffine: "decompose",
  channelDot: "decompose",
  batchNorm: "decompose",
  pointwiseBatchNorm: "decompose",
  affineSum: "decompose",
  standardise: "decompose",
};

/** TensorFlow has its own kernels for gradients, which TF.js lacks. */
const tensorflow: Lowerings = {
  ...everywhere,
  conv2dWeightGradient,
  reluGradient: ({ emit, operands: [y, g] }) => {
    const { order } = g!;
    const name = emit.op("ReluGrad", [g!.as(order), y!.as(order)], { T: { type: "DT_FLOAT" } });
    return { name, order };
  },
};

/** For each dialect. */
export const LOWERINGS: Readonly<Record<Dialect, Lowerings>> = { tfjs: everywhere, tensorflow };

/** The lowering of an operator of this name; undefined where its decomposition is written. */
export function loweringOf(name: string, dialect: Dialect): Lowering<unknown> | undefined {
  // The tables pair each operator's name with a lowering for its own attributes; that tie is lost in this look-up.
  const found = LOWERINGS[dialect][name as keyof Lowerings] as Lowering<unknown> | "decompose" | undefined;
  return found === "decompose" ? undefined : found;
}
