import * as activations from "./operators/activations.js";
import * as broadcasting from "./operators/broadcasting.js";
import * as convolution from "./operators/convolution.js";
import * as detection from "./operators/detection.js";
import * as elementwise from "./operators/elementwise.js";
import * as leaves from "./operators/leaves.js";
import * as losses from "./operators/losses.js";
import * as matmul from "./operators/matmul.js";
import * as normalisation from "./operators/normalisation.js";
import * as pointwise from "./operators/pointwiseBatchNorm.js";
import * as pooling from "./operators/pooling.js";
import * as reductions from "./operators/reductions.js";
import * as resizing from "./operators/resizing.js";
import * as shaping from "./operators/shaping.js";
import type { Operator } from "./value.js";

/** All operators. A compiler lowers each by name, or uses its decomposition. */
export const operators = {
  input: leaves.inputOperator,
  constant: leaves.constantOperator,
  add: elementwise.addOperator,
  sub: elementwise.subOperator,
  mul: elementwise.mulOperator,
  div: elementwise.divOperator,
  maximum: elementwise.maximumOperator,
  minimum: elementwise.minimumOperator,
  less: elementwise.lessOperator,
  equal: elementwise.equalOperator,
  and: elementwise.andOperator,
  neg: elementwise.negOperator,
  exp: elementwise.expOperator,
  log: elementwise.logOperator,
  sqrt: elementwise.sqrtOperator,
  abs: elementwise.absOperator,
  sign: elementwise.signOperator,
  floor: elementwise.floorOperator,
  sigmoid: elementwise.sigmoidOperator,
  erf: elementwise.erfOperator,
  cast: elementwise.castOperator,
  where: elementwise.whereOperator,
  sum: broadcasting.sumOperator,
  mean: reductions.meanOperator,
  max: reductions.maxOperator,
  argMax: reductions.argMaxOperator,
  axisSize: shaping.axisSizeOperator,
  axisRange: shaping.axisRangeOperator,
  reshape: broadcasting.reshapeOperator,
  transpose: shaping.transposeOperator,
  broadcastTo: broadcasting.broadcastToOperator,
  concat: shaping.concatOperator,
  slice: shaping.sliceOperator,
  pad: shaping.padOperator,
  reverse: shaping.reverseOperator,
  gather: shaping.gatherOperator,
  scatterAdd: shaping.scatterAddOperator,
  matMul: matmul.matMulOperator,
  conv2d: convolution.conv2dOperator,
  conv2dInputGradient: convolution.conv2dInputGradientOperator,
  conv2dWeightGradient: convolution.conv2dWeightGradientOperator,
  convTranspose2d: convolution.convTranspose2dOperator,
  averagePool: pooling.averagePoolOperator,
  maxPool: pooling.maxPoolOperator,
  repeat: pooling.repeatOperator,
  resizeBilinear: resizing.resizeBilinearOperator,
  resizeBilinearGradient: resizing.resizeBilinearGradientOperator,
  resizeBicubic: resizing.resizeBicubicOperator,
  relu: activations.reluOperator,
  reluGradient: activations.reluGradientOperator,
  clip: activations.clipOperator,
  gelu: activations.geluOperator,
  geluGradient: activations.geluGradientOperator,
  softmax: activations.softmaxOperator,
  softmaxCrossEntropy: losses.softmaxCrossEntropyOperator,
  softmaxCrossEntropyGradient: losses.softmaxCrossEntropyGradientOperator,
  resizedCrossEntropy: losses.resizedCrossEntropyOperator,
  channelAffine: normalisation.channelAffineOperator,
  channelDot: normalisation.channelDotOperator,
  batchNorm: normalisation.batchNormOperator,
  pointwiseBatchNorm: pointwise.pointwiseBatchNormOperator,
  affineSum: normalisation.affineSumOperator,
  standardise: normalisation.standardiseOperator,
  topK: detection.topKOperator,
  nonMaximumSuppression: detection.nonMaximumSuppressionOperator,
  roiAlign: detection.roiAlignOperator,
  truncate: detection.truncateOperator,
  restore: detection.restoreOperator,
} as const;

/** The names of all operators. */
export type OperatorName = keyof typeof operators;

/** The attributes of the operator with this name. */
export type AttributesOf<Name extends OperatorName> =
  (typeof operators)[Name] extends Operator<infer Attributes> ? Attributes : never;
