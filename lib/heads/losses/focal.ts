import { z } from "zod";
import { exp, log, maximum, mul, neg, relu, scalar, sub, type Value } from "../../graph/index.js";
import { lossKind } from "./loss.js";

/** Where the right class is certain, (1 − p)^γ is 0 and its logarithm is none. */
const LEAST = 1e-8;

/**
 * Focal loss (Lin et al., "Focal Loss for Dense Object Detection", 2017), element by element: (1 − p)^γ · −log p. For a softmax
 * as for a sigmoid, p is the probability of the right class.
 *
 * @param crossEntropy −log p; where there is no right class it is anything, and its gradient must be weighted by zero
 */
export function focal(crossEntropy: Value, gamma: number): Value {
  if (gamma === 0) return crossEntropy;
  const p = exp(neg(relu(crossEntropy)));
  const rest = maximum(sub(scalar(1), p), scalar(LEAST));
  return mul(exp(mul(log(rest), scalar(gamma))), crossEntropy);
}

export const focalLoss = lossKind({
  schema: z.strictObject({
    type: z.literal("focal"),
    gamma: z.number().min(0).default(2).describe("The cross-entropy is multiplied by (1 − p)^this"),
  }),
  loss: ({ crossEntropy }, { gamma }) => focal(crossEntropy, gamma),
});
