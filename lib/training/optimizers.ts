import type { Optimizer as OptimizerConfig } from "../config/schema.js";

/** A run of parameters in the flat arrays that are updated alike. */
export interface Segment {
  readonly offset: number;
  readonly length: number;
  /** Multiplies the learning rate; 0 leaves the parameters as they are. */
  readonly lrScale: number;
  /** Whether weight decay applies. */
  readonly decay: boolean;
}

export interface UpdateOptions {
  /** [n] changed in place. */
  readonly parameters: Float32Array;
  /** [n] */
  readonly gradients: Float32Array;
  readonly segments: readonly Segment[];
  readonly lr: number;
  /** The number of this update, counted from 1. */
  readonly update: number;
  /** Multiplies the gradients: a clipping factor, one over the number of accumulated batches. Default 1. */
  readonly gradientScale?: number;
}

/** An update rule over flat arrays. Its state is exposed so that a checkpoint can hold it. */
export interface Optimizer {
  /** Flat arrays of the parameters' length; written into, to resume. */
  readonly state: Readonly<Record<string, Float32Array>>;
  update(options: UpdateOptions): void;
}

/** @param length the number of parameters */
export function createOptimizer(config: OptimizerConfig, length: number): Optimizer {
  return config.type === "adamw" ? adamW(config, length) : sgd(config, length);
}

export interface AdamWOptions {
  readonly weightDecay: number;
  readonly betas: readonly [number, number];
  readonly eps: number;
}

/**
 * AdamW, "Decoupled weight decay regularization" (Loshchilov and Hutter, 2019), in the form PyTorch computes:
 * p ← p (1 − lr wd); m ← m + (1 − β₁)(g − m); v ← β₂ v + (1 − β₂) g²; p ← p − lr/(1 − β₁ᵗ) · m / (√v/√(1 − β₂ᵗ) + ε).
 */
export function adamW({ weightDecay, betas: [beta1, beta2], eps }: AdamWOptions, length: number): Optimizer {
  const mean = new Float32Array(length);
  const square = new Float32Array(length);
  return {
    state: { mean, square },
    update({ parameters, gradients, segments, lr, update, gradientScale = 1 }) {
      const correction = 1 / Math.sqrt(1 - beta2 ** update);
      for (const { offset, length, lrScale, decay } of segments) {
        if (lrScale === 0) continue;
        const rate = lr * lrScale;
        const constants = {
          keep: decay ? 1 - rate * weightDecay : 1,
          stepSize: rate / (1 - beta1 ** update),
          correction,
          eps,
          rise1: 1 - beta1,
          beta2,
          rise2: 1 - beta2,
          gradientScale,
        };
        adamWPass(parameters, gradients, mean, square, offset, offset + length, constants);
      }
    },
  };
}

interface AdamWConstants {
  readonly keep: number;
  readonly stepSize: number;
  readonly correction: number;
  readonly eps: number;
  readonly rise1: number;
  readonly beta2: number;
  readonly rise2: number;
  readonly gradientScale: number;
}

function adamWPass(
  parameters: Float32Array,
  gradients: Float32Array,
  mean: Float32Array,
  square: Float32Array,
  begin: number,
  end: number,
  constants: AdamWConstants,
): void {
  const { keep, stepSize, correction, eps, rise1, beta2, rise2, gradientScale } = constants;
  for (let i = begin; i < end; i++) {
    const g = gradients[i]! * gradientScale;
    const m = mean[i]! + (g - mean[i]!) * rise1;
    const v = square[i]! * beta2 + g * g * rise2;
    mean[i] = m;
    square[i] = v;
    parameters[i] = parameters[i]! * keep - (stepSize * m) / (Math.sqrt(v) * correction + eps);
  }
}

export interface SgdOptions {
  readonly weightDecay: number;
  readonly momentum: number;
  readonly nesterov: boolean;
}

/**
 * Stochastic gradient descent as in PyTorch: g ← g + wd p; b ← μ b + g (b ← g at the first update);
 * p ← p − lr (g + μ b with Nesterov, b without).
 */
export function sgd({ weightDecay, momentum, nesterov }: SgdOptions, length: number): Optimizer {
  const velocity = new Float32Array(momentum === 0 ? 0 : length);
  return {
    state: momentum === 0 ? {} : { velocity },
    update({ parameters, gradients, segments, lr, gradientScale = 1 }) {
      for (const { offset, length, lrScale, decay } of segments) {
        if (lrScale === 0) continue;
        const rate = lr * lrScale;
        const wd = decay ? weightDecay : 0;
        for (let i = offset; i < offset + length; i++) {
          const g = gradients[i]! * gradientScale + wd * parameters[i]!;
          let direction = g;
          if (momentum !== 0) {
            // The velocity starts at 0, so the first update gives b = g.
            const b = velocity[i]! * momentum + g;
            velocity[i] = b;
            direction = nesterov ? g + momentum * b : b;
          }
          parameters[i] = parameters[i]! - rate * direction;
        }
      }
    },
  };
}

/** The Euclidean norm of a flat array, summed in float64. NaN or infinite where an element is. */
export function globalNorm(values: Float32Array): number {
  let [a, b, c, d] = [0, 0, 0, 0]; // four sums, so that one addition need not wait for the last
  const whole = values.length & ~3;
  for (let i = 0; i < whole; i += 4) {
    a += values[i]! * values[i]!;
    b += values[i + 1]! * values[i + 1]!;
    c += values[i + 2]! * values[i + 2]!;
    d += values[i + 3]! * values[i + 3]!;
  }
  for (let i = whole; i < values.length; i++) a += values[i]! * values[i]!;
  return Math.sqrt(a + b + c + d);
}

/** The factor that brings gradients of norm `norm` to at most `maxNorm`, as in PyTorch: min(1, max / (norm + 1e-6)). */
export function clipFactor(norm: number, maxNorm: number): number {
  return Math.min(1, maxNorm / (norm + 1e-6));
}

/** `sum += values`, both of the same length. */
export function addInto(sum: Float32Array, values: Float32Array): void {
  if (sum.length !== values.length) throw new RangeError(`${values.length} values added to ${sum.length}`);
  for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + values[i]!;
}
