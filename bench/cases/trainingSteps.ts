import type { Batch } from "../../lib/datasets/loader/batch.js";
import type { Trainer } from "../../lib/models/model.js";
import type { ParameterValues } from "../../lib/nn/parameters.js";
import { createOptimizer } from "../../lib/optimizers/index.js";
import { Random } from "../../lib/random.js";
import { createSegments } from "../../lib/training/segments.js";
import type { PreparedCase } from "../protocol.js";

const EVERYTHING_DECAYS = { decayNormsAndBiases: true, multipliers: [] };

/** Whole training steps on one batch, with the same AdamW as the peers. */
export function trainingSteps<B extends Batch>(trainer: Trainer<B>, values: ParameterValues, batch: B): PreparedCase {
  const gradients = new Float32Array(values.flat.length);
  const optimise = benchOptimiser(values);
  let step = 0;
  return {
    async run() {
      await trainer.step(batch, { random: Random.of("bench", step++), gradients });
      optimise(gradients);
    },
    dispose: () => trainer.dispose(),
  };
}

/** The learning rate is so low that many steps do not change what is computed. */
function benchOptimiser(values: ParameterValues): (gradients: Float32Array) => void {
  const lr = 1e-5;
  const betas: [number, number] = [0.9, 0.999];
  const options = { type: "adamw", lr, weightDecay: 1e-4, betas, eps: 1e-8, ...EVERYTHING_DECAYS } as const;
  const optimizer = createOptimizer(options, values.flat.length);
  const segments = createSegments(values.trainable, { optimizer: options });
  let update = 0;
  return (gradients) => optimizer.update({ parameters: values.flat, gradients, segments, lr, update: ++update });
}
