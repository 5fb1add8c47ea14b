import type { Shape } from "../graph/index.js";
import type { Random } from "../random.js";

/** Fills `values`, a tensor of the given shape, in place. */
export type Initialiser = (values: Float32Array, shape: Shape, random: Random) => void;

/** 0 everywhere. */
export const zeros: Initialiser = (values) => values.fill(0);
/** 1 everywhere. */
export const ones: Initialiser = (values) => values.fill(1);

/** The same number everywhere. */
export const fill =
  (x: number): Initialiser =>
  (values) =>
    values.fill(x);

/** Normal around 0 with a standard deviation. */
export const normal =
  (std: number): Initialiser =>
  (values, _, random) => {
    for (let i = 0; i < values.length; i++) values[i] = std * random.normal();
  };

/** Normal, truncated at ± 2 (absolute, which at these deviations has no effect), as in timm's `trunc_normal_`. */
export const truncatedNormal =
  (std: number): Initialiser =>
  (values, _, random) => {
    for (let i = 0; i < values.length; i++) values[i] = std * random.truncatedNormal(2 / std);
  };

const uniformWithin = (values: Float32Array, bound: number, random: Random) => {
  for (let i = 0; i < values.length; i++) values[i] = random.uniform(-bound, bound);
};

/** Inputs and outputs of one unit: for a kernel [O, I, kh, kw], I · kh · kw and O · kh · kw. */
function fans(shape: Shape): [fanIn: number, fanOut: number] {
  const area = shape.slice(2).reduce((a, b) => a * b, 1);
  return [shape[1]! * area, shape[0]! * area];
}

/** Glorot and Bengio 2010: uniform within √(6 / (fan in + fan out)). */
export const xavierUniform: Initialiser = (values, shape, random) => {
  const [fanIn, fanOut] = fans(shape);
  uniformWithin(values, Math.sqrt(6 / (fanIn + fanOut)), random);
};

/** He et al. 2015, for ReLU, keeping the variance of the backward pass: normal with std √(2 / fan out). */
export const kaimingNormalFanOut: Initialiser = (values, shape, random) => {
  normal(Math.sqrt(2 / fans(shape)[1]))(values, shape, random);
};

/** PyTorch's default for convolutions and linear layers: uniform within 1 / √(fan in). */
export const defaultUniform: Initialiser = (values, shape, random) => {
  uniformWithin(values, 1 / Math.sqrt(fans(shape)[0]), random);
};

/** The bias that goes with `defaultUniform`. */
export const defaultBias =
  (fanIn: number): Initialiser =>
  (values, _, random) =>
    uniformWithin(values, 1 / Math.sqrt(fanIn), random);
