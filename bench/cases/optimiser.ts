import type { ParameterValues } from "../../lib/nn/parameters.js";
import { createOptimizer } from "../../lib/training/optimizers.js";
import { createSegments } from "../../lib/training/segments.js";

const EVERYTHING_DECAYS = { decayNormsAndBiases: true, multipliers: [] };

/** AdamW as the peers run it; the rate is low so that many steps do not change what is computed. */
export function benchOptimiser(values: ParameterValues): (gradients: Float32Array) => void {
  const lr = 1e-5;
  const betas: [number, number] = [0.9, 0.999];
  const options = { type: "adamw", lr, weightDecay: 1e-4, betas, eps: 1e-8, ...EVERYTHING_DECAYS } as const;
  const optimizer = createOptimizer(options, values.flat.length);
  const segments = createSegments(values.trainable, { optimizer: options });
  let update = 0;
  return (gradients) => optimizer.update({ parameters: values.flat, gradients, segments, lr, update: ++update });
}
