import { apply, check, type Operator, record, type TensorType, type Value } from "../value.js";
import { reshape, sum } from "./broadcasting.js";
import { add, div, mul, sqrt, sub } from "./elementwise.js";
import { constantData, filled, scalar } from "./leaves.js";
import { mean } from "./reductions.js";

type None = Record<string, never>;

/** [C] → [1, C, 1, 1] for x of rank 4 (any rank: axis 1). */
function alongChannels(vector: Value, x: Value): Value {
  return reshape(
    vector,
    x.shape.map((_, i) => (i === 1 ? vector.shape[0]! : 1)),
  );
}

const square = (x: Value) => mul(x, x);

const otherAxes = (x: Value) => x.shape.flatMap((_, i) => (i === 1 ? [] : [i]));

/**
 * x [N, C, …] · scale [C] + shift [C], channel by channel: what batch norm and layer scale become once their numbers
 * are known.
 */
export const channelAffineOperator: Operator<None> = {
  name: "channelAffine",
  cheap: "inStep",
  infer: ([x, scale, shift]) => {
    const channels = x!.shape[1];
    check(scale!.shape.length === 1 && scale!.shape[0] === channels, () => `a scale of ${channels} numbers`);
    check(shift!.shape.length === 1 && shift!.shape[0] === channels, () => `a shift of ${channels} numbers`);
    return [{ shape: x!.shape, dtype: x!.dtype }];
  },
  gradient: ({ inputs: [x, scale] }, [g]) => [
    channelAffine(g!, scale!, filled(scale!.shape, 0)),
    channelDot(g!, x!),
    sum(g!, { axes: otherAxes(x!) }),
  ],
  // Layer scale has no shift: a sum with zeros would cost a pass over the map and keep runtimes from fusing the product.
  decompose: ({ inputs: [x, scale, shift] }) => {
    const scaled = mul(x!, alongChannels(scale!, x!));
    const isZero = constantData(shift!)?.every((element) => element === 0) ?? false;
    return [isZero ? scaled : add(scaled, alongChannels(shift!, x!))];
  },
};

/** Σ a · b over all axes but the channels: [N, C, …] twice → [C]. */
export const channelDotOperator: Operator<None> = {
  name: "channelDot",
  infer: ([a]) => [{ shape: [a!.shape[1]!], dtype: a!.dtype }],
  gradient: ({ inputs: [a, b] }, [g]) => [mul(b!, alongChannels(g!, b!)), mul(a!, alongChannels(g!, a!))],
  decompose: ({ inputs: [a, b] }) => [sum(mul(a!, b!), { axes: otherAxes(a!) })],
};

/**
 * Batch norm with the batch's own statistics (Ioffe and Szegedy 2015): x [N, C, …] → y, mean [C], biased variance [C]
 * and x − mean. No gradient may be taken through the last three; y's gradient uses them.
 */
export const batchNormOperator: Operator<{ readonly epsilon: number }> = {
  name: "batchNorm",
  infer: ([x, gamma, beta]) => {
    const statistics: TensorType = { shape: [x!.shape[1]!], dtype: x!.dtype };
    check(
      gamma!.shape[0] === x!.shape[1] && beta!.shape[0] === x!.shape[1],
      () => "gamma and beta have a number a channel",
    );
    return [{ shape: x!.shape, dtype: x!.dtype }, statistics, statistics, { shape: x!.shape, dtype: x!.dtype }];
  },
  gradient: ({ inputs, outputs, attributes: { epsilon } }, [g]) => {
    const [x, gamma] = inputs as [Value, Value];
    const [, , variance, centred] = outputs as readonly [Value, Value, Value, Value];
    if (g === undefined) return [undefined, undefined, undefined];
    // With x̂ = (x − mean) · r: dγ = Σ g·x̂, dβ = Σ g, dx = γ·r · (g − (dβ + x̂·dγ) / n), gathered as p·g + q·(x −
    // mean) + s. The centred x avoids cancellation in the sums when the mean is large.
    const n = x.shape.reduce((a, b) => a * b, 1) / x.shape[1]!;
    const r = div(scalar(1), sqrt(add(variance, scalar(epsilon))));
    const dBeta = sum(g, { axes: otherAxes(x) });
    const dGamma = mul(r, channelDot(g, centred));
    const p = mul(gamma, r);
    const q = mul(mul(mul(p, r), dGamma), scalar(-1 / n));
    const s = mul(mul(p, dBeta), scalar(-1 / n));
    return [affineSum(g, p, centred, q, s), dGamma, dBeta];
  },
  decompose: ({ inputs: [x, gamma, beta], attributes: { epsilon } }) => {
    const { average, variance } = channelMoments(x!);
    const centred = sub(x!, alongChannels(average, x!));
    const scale = div(gamma!, sqrt(add(variance, scalar(epsilon))));
    return [channelAffine(centred, scale, beta!), average, variance, centred];
  },
};

/**
 * Mean and biased variance of each channel of [N, C, …], without cancellation and in one pass over each map: the
 * moments of every map first, the spread of the maps' means added to their variances (Chan et al. 1983).
 */
function channelMoments(x: Value): { readonly average: Value; readonly variance: Value } {
  const within = { axes: otherAxes(x).slice(1), keepDims: true };
  const mapMean = within.axes.length === 0 ? x : mean(x, within); // [N, C, 1, …]
  const average = mean(mapMean, { axes: otherAxes(x) });
  const between = square(sub(mapMean, alongChannels(average, mapMean)));
  const spread = within.axes.length === 0 ? between : add(mean(square(sub(x, mapMean)), within), between);
  return { average, variance: mean(spread, { axes: otherAxes(x) }) };
}

/** a · p + b · q + s with p, q, s [C] along the channels: the input gradient of batch norm in one operator. */
export const affineSumOperator: Operator<None> = {
  name: "affineSum",
  infer: ([a]) => [{ shape: a!.shape, dtype: a!.dtype }],
  decompose: ({ inputs: [a, p, b, q, s] }) => [add(mul(a!, alongChannels(p!, a!)), channelAffine(b!, q!, s!))],
};

/**
 * (x − mean) / √(variance + ε) over `axes`, separately at each position of the other axes: the core of layer and group
 * norm. Also returns 1 / √(…).
 */
export const standardiseOperator: Operator<{ readonly axes: readonly number[]; readonly epsilon: number }> = {
  name: "standardise",
  infer: ([x], { axes }) => [
    { shape: x!.shape, dtype: x!.dtype },
    { shape: x!.shape.map((n, i) => (axes.includes(i) ? 1 : n)), dtype: x!.dtype },
  ],
  gradient: ({ outputs: [y, r], attributes: { axes } }, [g]) => {
    if (g === undefined) return [undefined];
    const over = { axes, keepDims: true };
    const centred = sub(g, mean(g, over));
    return [mul(sub(centred, mul(y!, mean(mul(g, y!), over))), r!)];
  },
  decompose: ({ inputs: [x], attributes: { axes, epsilon } }) => {
    const over = { axes, keepDims: true };
    const centred = sub(x!, mean(x!, over));
    const r = div(scalar(1), sqrt(add(mean(mul(centred, centred), over), scalar(epsilon))));
    return [mul(centred, r), r];
  },
};

/** x [N, C, …] · scale [C] + shift [C], channel by channel. */
export const channelAffine = (x: Value, scale: Value, shift: Value): Value =>
  apply(channelAffineOperator, [x, scale, shift], {});

/** x [N, C, …] · scale [C], channel by channel. */
export const channelScale = (x: Value, scale: Value): Value => channelAffine(x, scale, filled(scale.shape, 0));

/** Σ a · b over all axes but the channels: [N, C, …] twice → [C]. */
export const channelDot = (a: Value, b: Value): Value => apply(channelDotOperator, [a, b], {});

const affineSum = (a: Value, p: Value, b: Value, q: Value, s: Value): Value =>
  apply(affineSumOperator, [a, p, b, q, s], {});

/** The normalised values [N, C, …], and the batch's statistics, both [C]. */
export interface BatchNormResult {
  readonly y: Value;
  readonly mean: Value;
  /** Biased: Σ (x − mean)² / n. */
  readonly variance: Value;
}

/** Batch norm of x [N, C, …] with the batch's own statistics, then · gamma [C] + beta [C]. */
export function batchNorm(x: Value, gamma: Value, beta: Value, { epsilon = 1e-5 } = {}): BatchNormResult {
  const [y, average, variance] = record(batchNormOperator, [x, gamma, beta], { epsilon });
  return { y: y!, mean: average!, variance: variance! };
}

/** (x − mean) / √(variance + ε), mean and variance over `axes`; what layer and group norm begin with. */
export function standardise(x: Value, { axes, epsilon = 1e-5 }: { axes: readonly number[]; epsilon?: number }): Value {
  const ascending = axes.map((axis) => (axis < 0 ? axis + x.shape.length : axis)).sort((a, b) => a - b);
  return record(standardiseOperator, [x], { axes: ascending, epsilon })[0]!;
}

/** Layer norm over the last axis. */
export function layerNorm(x: Value, gamma: Value, beta: Value, { epsilon = 1e-5 } = {}): Value {
  return add(mul(standardise(x, { axes: [-1], epsilon }), gamma), beta);
}

/** Group norm of x [N, C, H, W]: the channels of each group standardised as a whole, then an affine per channel. */
export function groupNorm(x: Value, gamma: Value, beta: Value, { epsilon = 1e-5, groups = 1 } = {}): Value {
  if (groups === 1) return channelAffine(standardise(x, { axes: [1, 2, 3], epsilon }), gamma, beta);
  const [n, channels, height, width] = x.shape as [number, number, number, number];
  const apart = reshape(x, [n, groups, (channels / groups) * height, width]);
  return channelAffine(reshape(standardise(apart, { axes: [2, 3], epsilon }), x.shape), gamma, beta);
}
