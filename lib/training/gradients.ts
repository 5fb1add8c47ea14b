import { sumOfSquares } from "../kernels/optimizers.js";

/** The Euclidean norm of a flat array, summed in float64. NaN or infinite if an element is. */
export function globalNorm(values: Float32Array): number {
  return Math.sqrt(sumOfSquares(values));
}

/** The factor that scales gradients of norm `norm` to at most `maxNorm`, as in PyTorch: min(1, max / (norm + 1e-6)). */
export function clipFactor(norm: number, maxNorm: number): number {
  return Math.min(1, maxNorm / (norm + 1e-6));
}

/** `sum += values`, both of the same length. */
export function addInto(sum: Float32Array, values: Float32Array): void {
  if (sum.length !== values.length) throw new RangeError(`${values.length} values added to ${sum.length}`);
  for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + values[i]!;
}
