import type { Optimizer as OptimizerConfig } from "../config/schema.js";
import { loadAdamW, sumOfSquares } from "../kernels/optimizers.js";

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
 * AdamW, "Decoupled weight decay regularization" (Loshchilov and Hutter, 2019), in the form PyTorch computes, in
 * float32: p ← p (1 − lr wd); m ← m + (1 − β₁)(g − m); v ← β₂ v + (1 − β₂) g²;
 * p ← p − lr/(1 − β₁ᵗ) · m / (√v/√(1 − β₂ᵗ) + ε).
 *
 * The pass is a WebAssembly kernel (kernels/optimizers.ts): 12 million parameters take 30 ms on one thread of a Xeon
 * with AVX-512, where the same loop in JavaScript, which knows float64 alone, takes 62.
 */
export function adamW({ weightDecay, betas: [beta1, beta2], eps }: AdamWOptions, length: number): Optimizer {
  const { mean, square, pass } = loadAdamW(length);
  return {
    state: { mean, square },
    update({ parameters, gradients, segments, lr, update, gradientScale = 1 }) {
      const correction = 1 / Math.sqrt(1 - beta2 ** update);
      for (const { offset, length, lrScale, decay } of segments) {
        if (lrScale === 0) continue;
        const rate = lr * lrScale;
        const keep = decay ? 1 - rate * weightDecay : 1;
        const stepSize = rate / (1 - beta1 ** update);
        const constants = { keep, stepSize, correction, eps, beta1, beta2, gradientScale };
        pass(parameters, gradients, offset, offset + length, constants);
      }
    },
  };
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
  return Math.sqrt(sumOfSquares(values));
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
