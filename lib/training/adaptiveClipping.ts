import type { Parameter } from "../nn/parameters.js";
import { elementCount } from "../tensors/tensor.js";

export interface AdaptiveClipping {
  /** The largest norm of a unit's gradient, as a share of the norm of its weights. */
  readonly factor: number;
  /** The smallest norm of weights to assume, so that weights of zero can grow. */
  readonly eps: number;
}

/** Parameters that are clipped together. */
interface Unit {
  readonly begin: number;
  readonly end: number;
}

/** The smallest gradient norm to divide by, as in timm. */
const LEAST = 1e-6;

/**
 * The units of adjacent parameters: the weights of each output channel or neuron (a row of the first axis); a vector,
 * such as biases, is one unit. Layers that compute the model's outputs have none, as Brock et al. advise.
 */
function unitsOf(parameters: readonly Pick<Parameter, "shape" | "isOutput">[]): Unit[] {
  const units: Unit[] = [];
  let begin = 0;
  for (const { shape, isOutput = false } of parameters) {
    const length = elementCount(shape);
    const size = shape.length > 1 ? length / shape[0]! : length;
    for (let at = begin; !isOutput && at < begin + length; at += size) units.push({ begin: at, end: at + size });
    begin += length;
  }
  return units;
}

function norm(values: Float32Array, { begin, end }: Unit): number {
  let sum = 0;
  for (let i = begin; i < end; i++) sum += values[i]! * values[i]!;
  return Math.sqrt(sum);
}

/**
 * Adaptive gradient clipping, "High-Performance Large-Scale Image Recognition Without Normalization" (Brock et al. 2021), as
 * timm's `adaptive_clip_grad`: the gradient of a unit is scaled down to `factor` times the norm of its weights.
 *
 * @param parameters in the order of the flat arrays @returns a function that changes gradients in place; `scale` is the
 *   factor they are multiplied by later, one over the accumulated batches
 */
export function adaptiveClipping(
  parameters: readonly Pick<Parameter, "shape" | "isOutput">[],
  { factor, eps }: AdaptiveClipping,
): (gradients: Float32Array, values: Float32Array, scale?: number) => void {
  const units = unitsOf(parameters);
  return (gradients, values, scale = 1) => {
    for (const unit of units) {
      const most = factor * Math.max(eps, norm(values, unit));
      const found = scale * norm(gradients, unit);
      if (found < most) continue;
      const clip = most / Math.max(LEAST, found);
      for (let i = unit.begin; i < unit.end; i++) gradients[i] = gradients[i]! * clip;
    }
  };
}
