import type { AttributesOf } from "../../../lib/graph/index.js";
import { meanOver } from "./reductions.js";
import { at, build, flat, indicesOf, outOfAxes, type Reference, type Tensor, zerosOf } from "./tensor.js";

export const channelAffine: Reference<unknown> = ([x, scale, shift]) => [
  build(x!.shape, (index) => at(x!, index) * scale!.data[index[1]!]! + shift!.data[index[1]!]!),
];

export const channelDot: Reference<unknown> = ([a, b]) => {
  const result = zerosOf([a!.shape[1]!]);
  for (const index of indicesOf(a!.shape)) result.data[index[1]!]! += at(a!, index) * at(b!, index);
  return [result];
};

export const affineSum: Reference<unknown> = ([a, p, b, q, s]) => [
  build(a!.shape, (index) => {
    const c = index[1]!;
    return at(a!, index) * p!.data[c]! + at(b!, index) * q!.data[c]! + s!.data[c]!;
  }),
];

/** The mean and the biased variance over the axes, which are kept with size 1. */
function moments(x: Tensor, axes: readonly number[]): [mean: Tensor, variance: Tensor] {
  const mean = meanOver(x, axes);
  const deviations = build(x.shape, (index) => (at(x, index) - at(mean, outOfAxes(index, axes))) ** 2);
  return [mean, meanOver(deviations, axes)];
}

export const batchNorm: Reference<AttributesOf<"batchNorm">> = ([x, gamma, beta], { epsilon }) => {
  const [mean, variance] = moments(
    x!,
    x!.shape.map((_, axis) => axis).filter((axis) => axis !== 1),
  );
  const y = build(x!.shape, (index) => {
    const c = index[1]!;
    const normalised = (at(x!, index) - mean.data[c]!) / Math.sqrt(variance.data[c]! + epsilon);
    return normalised * gamma!.data[c]! + beta!.data[c]!;
  });
  const channels = [x!.shape[1]!];
  const centred = build(x!.shape, (index) => at(x!, index) - mean.data[index[1]!]!);
  return [y, { shape: channels, data: mean.data }, { shape: channels, data: variance.data }, centred];
};

export const pointwiseBatchNorm: Reference<AttributesOf<"pointwiseBatchNorm">> = ([x, w, gamma, beta], attributes) => {
  const channels = x!.shape[1]!;
  const product = build(x!.shape.with(1, w!.shape[0]!), (index) => {
    let total = 0;
    for (let c = 0; c < channels; c++) total += at(w!, [index[1]!, c]) * at(x!, index.with(1, c));
    return total;
  });
  const [y, mean, variance] = batchNorm([product, gamma!, beta!], attributes);
  const others = x!.shape.map((_, axis) => axis).filter((axis) => axis !== 1);
  const averages = meanOver(x!, others);
  const centred = build(x!.shape, (index) => at(x!, index) - at(averages, outOfAxes(index, others)));
  const covariance = zerosOf([channels, channels]);
  for (const index of indicesOf(x!.shape)) {
    for (let c = 0; c < channels; c++) {
      covariance.data[index[1]! * channels + c]! +=
        (at(centred, index) * at(centred, index.with(1, c)) * channels) / centred.data.length;
    }
  }
  return [y!, mean!, variance!, centred, covariance];
};

export const standardise: Reference<AttributesOf<"standardise">> = ([x], { axes, epsilon }) => {
  const [mean, variance] = moments(x!, axes);
  const inverse = { shape: variance.shape, data: variance.data.map((v) => 1 / Math.sqrt(v + epsilon)) };
  const y = build(x!.shape, (index) => {
    const group = flat(mean, outOfAxes(index, axes));
    return (at(x!, index) - mean.data[group]!) * inverse.data[group]!;
  });
  return [y, inverse];
};
