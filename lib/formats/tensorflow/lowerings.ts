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

type Lowerings = { readonly [Name in OperatorName]?: Lowering<AttributesOf<Name>> };

/** One entry an operator. An operator without an entry is lowered through its decomposition. */
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
};

/** TensorFlow has kernels of its own for gradients, which TF.js lacks. */
const tensorflow: Lowerings = {
  ...everywhere,
  conv2dWeightGradient,
  reluGradient: ({ emit, operands: [y, g] }) => {
    const { order } = g!;
    const name = emit.op("ReluGrad", [g!.as(order), y!.as(order)], { T: { type: "DT_FLOAT" } });
    return { name, order };
  },
};

export function loweringOf(name: OperatorName, dialect: Dialect): Lowering<unknown> | undefined {
  // The tables pair each operator's name with a lowering for its own attributes; that tie is lost in this look-up.
  return (dialect === "tensorflow" ? tensorflow : everywhere)[name] as Lowering<unknown> | undefined;
}
