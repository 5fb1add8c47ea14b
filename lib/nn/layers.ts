import * as graph from "../graph/index.js";
import { add, div, inScope, mul, reshape, scalar, sizeOf, sqrt, sub, type Value } from "../graph/index.js";
import type { Context } from "./context.js";
import { defaultBias, defaultUniform, fill, type Initialiser, ones, zeros } from "./initialisers.js";
import type { Parameter, ParameterScope } from "./parameters.js";

/** One layer: its parameters were made with it, its forward records operators. */
export type Layer = (x: Value, context: Context) => Value;

const scoped =
  (scope: ParameterScope, forward: Layer): Layer =>
  (x, context) =>
    inScope(scope.path, () => forward(x, context));

/** A convolution with a square kernel. */
export interface Convolution {
  readonly in: number;
  readonly out: number;
  readonly kernel: number;
  readonly stride?: number;
  /** Pixels from one tap of the kernel to the next; above 1 the stride is 1. Default 1. */
  readonly dilation?: number;
  /**
   * Zeros on every side; by default half the kernel's reach, which keeps the size at stride 1. "same": as few as give
   * ⌈size / stride⌉, with the odd one at the bottom and right, as TensorFlow pads.
   */
  readonly padding?: number | "same";
  /** Channels are split into this many independent groups; as many as channels: depthwise. Default 1. */
  readonly groups?: number;
  readonly bias?: boolean;
  readonly initWeight?: Initialiser;
  readonly initBias?: Initialiser;
  /** Called with the weight and the bias, for layers that share them. */
  readonly onParameter?: (parameter: Parameter) => void;
}

/** Convolution of [N, in, H, W] to [N, out, H', W']; parameters `weight` [out, in / groups, k, k] and `bias` [out]. */
export function convolution(scope: ParameterScope, options: Convolution): Layer {
  const { kernel, stride = 1, dilation = 1, groups = 1 } = options;
  const reach = (kernel - 1) * dilation + 1;
  const { padding = Math.floor(reach / 2) } = options;
  const perGroup = options.in / groups;
  const { initWeight = defaultUniform, initBias = defaultBias(perGroup * kernel * kernel) } = options;
  const weight = scope.parameter("weight", [options.out, perGroup, kernel, kernel], "weight", initWeight);
  const bias = (options.bias ?? true) ? scope.parameter("bias", [options.out], "bias", initBias) : undefined;
  options.onParameter?.(weight);
  if (bias !== undefined) options.onParameter?.(bias);
  return scoped(scope, (x, context) =>
    graph.conv2d(x, context.value(weight), bias && context.value(bias), {
      stride,
      padding: padding === "same" ? samePadding(x, reach, stride) : padding,
      groups,
      dilation,
    }),
  );
}

/** A convolution that enlarges. */
export interface TransposedConvolution extends Pick<Linear, "in" | "out" | "initWeight" | "initBias"> {
  /** Kernel and stride: every pixel becomes a block with this side. */
  readonly factor: number;
}

/** Transposed convolution of [N, in, H, W] to [N, out, factor · H, factor · W]; `weight` [in, out, k, k], `bias` [out]. */
export function transposedConvolution(scope: ParameterScope, options: TransposedConvolution): Layer {
  const { factor, out } = options;
  // Here too PyTorch takes the second axis as the fan-in.
  const { initWeight = defaultUniform, initBias = defaultBias(out * factor * factor) } = options;
  const weight = scope.parameter("weight", [options.in, out, factor, factor], "weight", initWeight);
  const bias = scope.parameter("bias", [out], "bias", initBias);
  return scoped(scope, (x, context) => {
    const y = graph.convTranspose2d(x, context.value(weight), { stride: factor });
    return add(y, reshape(context.value(bias), [1, out, 1, 1]));
  });
}

/** Zeros at the top, left, bottom and right so that the output has ⌈size / stride⌉ pixels a side. */
function samePadding({ shape }: Value, kernel: number, stride: number) {
  const [height, width] = shape.slice(2).map((size) => {
    return Math.max(0, (Math.ceil(size / stride) - 1) * stride + kernel - size);
  }) as [number, number];
  const [top, left] = [Math.floor(height / 2), Math.floor(width / 2)];
  return [top, left, height - top, width - left] as const;
}

/** A fully connected layer. */
export interface Linear {
  readonly in: number;
  readonly out: number;
  readonly initWeight?: Initialiser;
  readonly initBias?: Initialiser;
}

/** x [..., in] · weightᵀ + bias → [..., out]; `weight` [out, in], `bias` [out]. */
export function linear(scope: ParameterScope, options: Linear): Layer {
  const { initWeight = defaultUniform, initBias = defaultBias(options.in) } = options;
  const weight = scope.parameter("weight", [options.out, options.in], "weight", initWeight);
  const bias = scope.parameter("bias", [options.out], "bias", initBias);
  return scoped(scope, (x, context) => {
    // One product over all rows: the runtime would split up a batched product with a shared matrix.
    const rows = reshape(x, [sizeOf(x.shape) / options.in, options.in]);
    const y = add(graph.matMul(rows, context.value(weight), { transposeB: true }), context.value(bias));
    return reshape(y, [...x.shape.slice(0, -1), options.out]);
  });
}

/** How a batch norm is made; by default with PyTorch's ε and momentum. */
export interface BatchNorm {
  readonly epsilon?: number;
  /** The weight of the batch in the running statistics after a step. */
  readonly momentum?: number;
  /** Initial factor of each channel; 0 for the last norm of a residual branch that should start at zero. Default 1. */
  readonly initialScale?: number;
}

/**
 * Batch norm over [N, C, H, W]. In training with mode "batch" it uses the batch's statistics and updates the running
 * ones (with the unbiased variance, as PyTorch does); otherwise it is an affine per channel.
 */
export function batchNorm(
  scope: ParameterScope,
  channels: number,
  { epsilon = 1e-5, momentum = 0.1, initialScale = 1 }: BatchNorm = {},
): Layer {
  const gamma = scope.parameter("weight", [channels], "norm", fill(initialScale));
  const beta = scope.parameter("bias", [channels], "norm", zeros);
  const runningMean = scope.parameter("running_mean", [channels], "buffer", zeros);
  const runningVariance = scope.parameter("running_var", [channels], "buffer", ones);
  return scoped(scope, (x, context) => {
    const [scale, shift, mean, variance] = [gamma, beta, runningMean, runningVariance].map((p) => context.value(p)) as [
      Value,
      Value,
      Value,
      Value,
    ];
    const mode = context.normMode(gamma);
    if (mode === "running") {
      const normalised = div(scale, sqrt(add(variance, scalar(epsilon))));
      return graph.channelAffine(x, normalised, sub(shift, mul(mean, normalised)));
    }
    const before = mode === "batch" ? graph.normalisableConvolution(x) : undefined;
    const batch = before
      ? graph.pointwiseBatchNorm(before, scale, shift, { epsilon })
      : graph.batchNorm(x, scale, shift, { epsilon });
    const n = sizeOf(x.shape) / channels;
    const blend = (running: Value, current: Value, factor: number) =>
      context.calibrating
        ? mul(current, scalar(factor))
        : add(mul(running, scalar(1 - momentum)), mul(current, scalar(momentum * factor)));
    context.updates.push(
      { buffer: runningMean, value: blend(mean, batch.mean, 1) },
      { buffer: runningVariance, value: blend(variance, batch.variance, n / Math.max(1, n - 1)) },
    );
    return batch.y;
  });
}

/** A norm over channels, of which some may not count. */
export interface KeptChannels {
  readonly epsilon?: number;
  /**
   * [C] 1 for the channels that count, 0 for those that are to be as if they were not there, which come as 0 and go as 0 where
   * their factors are 0. In training all count.
   */
  readonly kept?: Parameter;
}

/** Layer norm over the last axis of [..., C]. */
export function layerNorm(scope: ParameterScope, channels: number, { epsilon = 1e-5, kept }: KeptChannels = {}): Layer {
  const gamma = scope.parameter("weight", [channels], "norm", ones);
  const beta = scope.parameter("bias", [channels], "norm", zeros);
  return scoped(scope, (x, context) => {
    const [scale, shift] = [context.value(gamma), context.value(beta)];
    if (kept === undefined || context.training) return graph.layerNorm(x, scale, shift, { epsilon });
    return add(mul(standardiseKept(x, context.value(kept), { axes: [-1], epsilon }), scale), shift);
  });
}

/** `graph.standardise` as if the channels that are not kept were not there. @param kept to be broadcast to x */
function standardiseKept(
  x: Value,
  kept: Value,
  { axes, epsilon }: { readonly axes: readonly number[]; readonly epsilon: number },
): Value {
  const over = { axes, keepDims: true };
  const fewer = div(scalar(sizeOf(kept.shape)), graph.sum(kept)); // a mean over all times this is one over those kept
  const centred = mul(sub(x, mul(graph.mean(x, over), fewer)), kept);
  return div(centred, sqrt(add(mul(graph.mean(mul(centred, centred), over), fewer), scalar(epsilon))));
}

/** Layer norm over the channels of maps [N, C, H, W], each pixel on its own. */
export function mapLayerNorm(scope: ParameterScope, channels: number, { epsilon = 1e-5 } = {}): Layer {
  const gamma = scope.parameter("weight", [channels], "norm", ones);
  const beta = scope.parameter("bias", [channels], "norm", zeros);
  return scoped(scope, (x, context) =>
    graph.channelAffine(graph.standardise(x, { axes: [1], epsilon }), context.value(gamma), context.value(beta)),
  );
}

/**
 * Group norm (Wu and He 2018) of maps [N, C, H, W]: in each image, each of `groups` groups of channels is standardised
 * as a whole.
 */
export function groupNorm(
  scope: ParameterScope,
  channels: number,
  { epsilon = 1e-5, groups = 1, kept }: KeptChannels & { readonly groups?: number } = {},
): Layer {
  graph.check(channels % groups === 0, () => `${scope.path}: ${channels} channels in ${groups} groups`);
  graph.check(kept === undefined || groups === 1, () => `${scope.path}: kept channels in ${groups} groups`);
  const gamma = scope.parameter("weight", [channels], "norm", ones);
  const beta = scope.parameter("bias", [channels], "norm", zeros);
  return scoped(scope, (x, context) => {
    const [scale, shift] = [context.value(gamma), context.value(beta)];
    if (kept === undefined || context.training) return graph.groupNorm(x, scale, shift, { epsilon, groups });
    const there = reshape(context.value(kept), [1, channels, 1, 1]);
    return graph.channelAffine(standardiseKept(x, there, { axes: [1, 2, 3], epsilon }), scale, shift);
  });
}

/** Factors for channels from their means (Hu et al. 2018). */
export interface SqueezeExcitation {
  readonly channels: number;
  /** Channels between its two layers. */
  readonly hidden: number;
  readonly activation?: Layer;
  /** Turns the second layer's output into factors; default the sigmoid. */
  readonly gate?: Layer;
}

/**
 * Squeeze-and-excitation (Hu et al. 2018): a factor for each channel, computed from the means of all channels by two
 * 1×1 convolutions, `fc1` and `fc2`.
 */
export function squeezeExcitation(
  scope: ParameterScope,
  { channels, hidden, activation = relu, gate = sigmoid }: SqueezeExcitation,
): Layer {
  const fc1 = convolution(scope.child("fc1"), { in: channels, out: hidden, kernel: 1 });
  const fc2 = convolution(scope.child("fc2"), { in: hidden, out: channels, kernel: 1 });
  const factors = sequential(fc1, activation, fc2, gate);
  return scoped(scope, (x, context) => mul(x, factors(graph.mean(x, { axes: [2, 3], keepDims: true }), context)));
}

/** A learned factor per channel (Touvron et al. 2021) of maps [N, C, H, W] or tokens [N, T, C]; the parameter is [C]. */
export function layerScale(scope: ParameterScope, name: string, channels: number, initial: number): Layer {
  const scale = scope.parameter(name, [channels], "layerScale", fill(initial));
  return scoped(scope.child(name), (x, context) =>
    x.shape.length === 4 ? graph.channelScale(x, context.value(scale)) : mul(x, context.value(scale)),
  );
}

/** The same for maps only, for checkpoints that store the factors as a map: the parameter is [C, 1, 1]. */
export function mapScale(scope: ParameterScope, name: string, channels: number, initial: number): Layer {
  const scale = scope.parameter(name, [channels, 1, 1], "layerScale", fill(initial));
  return scoped(scope.child(name), (x, context) => graph.channelScale(x, reshape(context.value(scale), [channels])));
}

/** Stochastic depth (Huang et al. 2016): in training each image loses the branch with probability `rate`. */
export function dropPath(scope: ParameterScope, name: string, rate: number): Layer {
  return (x, context) => {
    if (!context.training || rate === 0) return x;
    const shape = x.shape.map((n, i) => (i === 0 ? n : 1));
    return mul(x, context.dropMask(`${scope.path}.${name}`, shape, 1 - rate));
  };
}

/** Runs layers one after the other. */
export function sequential(...layers: readonly Layer[]): Layer {
  return (x, context) => layers.reduce((value, layer) => layer(value, context), x);
}

/** A convolution without a bias, and the batch norm after it. */
export interface NormalisedConvolution extends Omit<Convolution, "bias" | "initBias" | "onParameter"> {
  readonly norm?: BatchNorm;
}

/** A convolution without bias, followed by a batch norm. */
export function normalisedConvolution(
  { conv, norm }: { readonly conv: ParameterScope; readonly norm: ParameterScope },
  { norm: normOptions, ...options }: NormalisedConvolution,
): Layer {
  const layer = convolution(conv, { ...options, bias: false });
  return sequential(layer, batchNorm(norm, options.out, normOptions));
}

/** max(x, 0). */
export const relu: Layer = (x) => graph.relu(x);
/** x limited to 0 … 6. */
export const relu6: Layer = (x) => graph.clip(x, 0, 6);
/** x · Φ(x), with the exact error function. */
export const gelu: Layer = (x) => graph.gelu(x);
/** x · σ(x). */
export const silu: Layer = (x) => graph.silu(x);
/** x times the piecewise linear sigmoid of MobileNetV3. */
export const hardSwish: Layer = (x) => graph.hardSwish(x);
/** σ(x). */
export const sigmoid: Layer = (x) => graph.sigmoid(x);
