import {
  apply,
  check,
  isOperator,
  type Node,
  type Operator,
  record,
  sizeOf,
  type TensorType,
  type Value,
} from "../value.js";
import { reshape, sum } from "./broadcasting.js";
import { type ConvolutionAttributes, conv2d, conv2dOperator, conv2dWeightGradientOperator } from "./convolution.js";
import { add, div, maximum, mul, sqrt, sub } from "./elementwise.js";
import { scalar } from "./leaves.js";
import { matMul } from "./matmul.js";
import type { BatchNormResult } from "./normalisation.js";
import { mean } from "./reductions.js";
import { transpose } from "./shaping.js";

/** Of `pointwiseBatchNormOperator`. */
export interface PointwiseBatchNormAttributes {
  readonly epsilon: number;
}

/**
 * A 1 × 1 convolution followed by batch norm, in one operator: x [N, C, H, W], w [O, C], γ [O], β [O] → y [N, O, H, W],
 * the mean and biased variance [O] of w · x, x − mean, and the covariance Σ [C, C] of x over its pixels.
 *
 * The statistics of w · x follow from those of x: mean w · μ and variance wᵢᵀ Σ wᵢ. With them the norm is part of the
 * kernel, and the passes over O channels that it would otherwise cost, four in a step, become products of C × C
 * matrices. That pays if O is larger than C. Only the first output passes a gradient.
 */
export const pointwiseBatchNormOperator: Operator<PointwiseBatchNormAttributes> = {
  name: "pointwiseBatchNorm",
  infer: ([x, w, gamma, beta]) => {
    const [out, channels] = w!.shape as [number, number];
    check(x!.shape.length === 4 && w!.shape.length === 2, () => "x is [N, C, H, W] and w [O, C]");
    check(x!.shape[1] === channels, () => `${channels} input channels, x has ${x!.shape[1]}`);
    check(gamma!.shape[0] === out && beta!.shape[0] === out, () => "gamma and beta have a number a channel");
    const of = (...shape: readonly number[]): TensorType => ({ shape, dtype: x!.dtype });
    return [of(...x!.shape.with(1, out)), of(out), of(out), of(...x!.shape), of(channels, channels)];
  },
  gradient: (node, [g]) => {
    if (g === undefined) return [undefined, undefined, undefined, undefined];
    const [, w, gamma] = node.inputs as readonly [Value, Value, Value];
    const [, , variance, centred, covariance] = node.outputs as readonly [Value, Value, Value, Value, Value];
    const pixels = pixelsOf(centred);
    const r = inverseDeviation(variance, node.attributes);
    const kernel = rows(mul(gamma, r), w);
    // y = kernel · (x − mean) + β, kernel = γ r w, r = (wᵀ Σ w + ε)^-½, Σ = Σ (x − mean)(x − mean)ᵀ / n.
    const dKernel = reshape(apply(conv2dWeightGradientOperator, [centred, g], { ...POINT, kernel: [1, 1] }), w.shape);
    const dBeta = sum(g, { axes: [0, 2, 3] });
    const alongRow = sum(mul(dKernel, w), { axes: [1] });
    const dGamma = mul(alongRow, r);
    const dVariance = mul(mul(mul(dGamma, gamma), mul(r, r)), scalar(-0.5));
    const dW = add(rows(mul(gamma, r), dKernel), rows(mul(dVariance, scalar(2)), matMul(w, covariance)));
    // Through Σ: 2/n · wᵀ diag(dVariance) w · (x − mean); it sums to zero, so only the kernel contributes to the mean's
    // gradient.
    const back = matMul(w, rows(mul(dVariance, scalar(2 / pixels)), w), { transposeA: true });
    const meanShare = matMul(reshape(mul(dBeta, scalar(-1 / pixels)), [1, dBeta.shape[0]!]), kernel);
    const direct = pointwise(g, transpose(kernel, [1, 0]), reshape(meanShare, [w.shape[1]!]));
    return [add(direct, pointwise(centred, back)), dW, dGamma, dBeta];
  },
  macs: ({ inputs: [x, w], outputs: [y] }) => (sizeOf(y!.shape) + sizeOf(x!.shape)) * w!.shape[1]!,
  decompose: (node) => {
    const [x, w, gamma, beta] = node.inputs as readonly [Value, Value, Value, Value];
    const [n, channels, height, width] = x.shape as [number, number, number, number];
    const average = mean(mean(x, { axes: [2, 3], keepDims: true }), { axes: [0], keepDims: true });
    const centred = sub(x, average);
    const flat = reshape(centred, [n, channels, height * width]);
    const products = sum(matMul(flat, flat, { transposeB: true }), { axes: [0] });
    const covariance = mul(products, scalar(1 / pixelsOf(x)));
    // Rounding can give slightly less than zero if w · x is the same everywhere.
    const variance = maximum(sum(mul(matMul(w, covariance), w), { axes: [1] }), scalar(0));
    const kernel = rows(mul(gamma, inverseDeviation(variance, node.attributes)), w);
    const meanOfY = reshape(matMul(w, reshape(average, [channels, 1])), [w.shape[0]!]);
    return [pointwise(centred, kernel, beta), meanOfY, variance, centred, covariance];
  },
};

const POINT: ConvolutionAttributes = { stride: [1, 1], padding: [0, 0, 0, 0], groups: 1, dilation: [1, 1] };

const pixelsOf = (x: Value) => sizeOf(x.shape) / x.shape[1]!;

const inverseDeviation = (variance: Value, { epsilon }: PointwiseBatchNormAttributes) =>
  div(scalar(1), sqrt(add(variance, scalar(epsilon))));

/** Each row of a matrix [O, C] times its own factor. */
const rows = (factors: Value, matrix: Value) => mul(reshape(factors, [factors.shape[0]!, 1]), matrix);

const pointwise = (x: Value, matrix: Value, bias?: Value) => conv2d(x, reshape(matrix, [...matrix.shape, 1, 1]), bias);

/** What the passes of a separate norm over an element of y cost, in multiply-adds; measured. */
const PASSES = 300;

/** The convolution that made x, if batch norm is cheaper as part of its kernel. */
export function normalisableConvolution({ node }: Value): Node<ConvolutionAttributes> | undefined {
  if (!isOperator(node, conv2dOperator)) return undefined;
  const [x, w] = node.inputs as [Value, Value];
  const [out, channels, kh, kw] = w.shape as [number, number, number, number];
  const { stride, padding, groups } = node.attributes as ConvolutionAttributes;
  if (groups !== 1 || kh !== 1 || kw !== 1 || stride.some((s) => s !== 1) || padding.some((p) => p !== 0)) {
    return undefined;
  }
  const products = 2 * channels * channels * (pixelsOf(x) + out);
  return products < PASSES * (out - channels) * pixelsOf(x) ? (node as Node<ConvolutionAttributes>) : undefined;
}

/** Batch norm of a 1 × 1 convolution's result, as `batchNorm` computes it, from the convolution's input and kernel. */
export function pointwiseBatchNorm(
  { inputs: [x, w, bias] }: Node<ConvolutionAttributes>,
  gamma: Value,
  beta: Value,
  { epsilon = 1e-5 } = {},
): BatchNormResult {
  const matrix = reshape(w!, w!.shape.slice(0, 2));
  const [y, average, variance] = record(pointwiseBatchNormOperator, [x!, matrix, gamma, beta], { epsilon });
  return { y: y!, mean: bias === undefined ? average! : add(average!, bias), variance: variance! };
}
