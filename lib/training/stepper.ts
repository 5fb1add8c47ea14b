import type { Config } from "../config/schema.js";
import type { Batch } from "../datasets/loader/batch.js";
import type { Losses, Trainer } from "../models/model.js";
import type { ParameterValues } from "../nn/parameters.js";
import type { Optimizer, Segment } from "../optimizers/optimizer.js";
import { Random } from "../random.js";
import { adaptiveClipping } from "./adaptiveClipping.js";
import type { ArchitectureTraining } from "./architecture.js";
import { addInto, clipFactor, globalNorm } from "./gradients.js";

export interface StepperOptions<B extends Batch> {
  readonly config: Config;
  readonly trainer: Trainer<B>;
  readonly values: ParameterValues;
  readonly optimizer: Optimizer;
  readonly segments: readonly Segment[];
  /** Of a supernet. */
  readonly architecture?: ArchitectureTraining | undefined;
  readonly signal: AbortSignal | undefined;
}

export interface Backward {
  /** Means over the step's batches. */
  readonly losses: Losses;
  /** Norm of the mean gradient, before clipping; without α's, which has a norm of its own. */
  readonly gradientNorm: number;
  readonly alphaNorm: number;
  /** Time spent waiting for batches. */
  readonly dataSeconds: number;
}

/** The two halves of an optimiser step. */
export interface Stepper<B extends Batch> {
  /**
   * Accumulates the gradients of a step.
   *
   * @param step counted from 1
   * @throws the signal's reason when aborted between two batches. After any error the running statistics are those
   *   before the step
   */
  backward(batches: AsyncGenerator<B, void, undefined>, step: number): Promise<Backward>;
  /** Clips and applies what `backward` accumulated. */
  update(step: number, lr: number, gradientNorm: number): void;
}

export function createStepper<B extends Batch>(options: StepperOptions<B>): Stepper<B> {
  const { trainer, values, optimizer, segments, architecture, signal } = options;
  const { accumulate, seed, clipNorm, adaptiveClipping: adaptive } = options.config.training;
  const clipUnits = adaptive && adaptiveClipping(values.trainable, adaptive);
  const sum = new Float32Array(values.flat.length);
  const gradients = accumulate === 1 ? sum : new Float32Array(values.flat.length);

  const accumulated = async (batches: AsyncGenerator<B, void, undefined>, step: number): Promise<Backward> => {
    const losses: Record<string, number> = {};
    let waited = 0;
    architecture?.begin(step);
    if (accumulate > 1) sum.fill(0);
    for (let i = 0; i < accumulate; i++) {
      if (i > 0) signal?.throwIfAborted();
      const start = performance.now();
      const { value: batch } = await batches.next();
      waited += performance.now() - start;
      if (batch === undefined) throw new Error(`the batches end before step ${step}`);
      const parts = await trainer.step(batch, { random: Random.of(seed, "step", step, i), gradients });
      for (const [name, value] of Object.entries(parts)) losses[name] = (losses[name] ?? 0) + value / accumulate;
      if (accumulate > 1) addInto(sum, gradients);
    }
    const alphaNorm = (await architecture?.backward(sum, 1 / accumulate, step)) ?? 0;
    return { losses, alphaNorm, gradientNorm: globalNorm(sum) / accumulate, dataSeconds: waited / 1000 };
  };

  return {
    async backward(batches, step) {
      const buffers = values.flatBuffers.slice();
      try {
        return await accumulated(batches, step);
      } catch (error) {
        values.flatBuffers.set(buffers);
        throw error;
      }
    },
    update(step, lr, gradientNorm) {
      clipUnits?.(sum, values.flat, 1 / accumulate);
      const norm = clipUnits === undefined || clipNorm === undefined ? gradientNorm : globalNorm(sum) / accumulate;
      const clip = clipNorm === undefined ? 1 : clipFactor(norm, clipNorm);
      const gradientScale = clip / accumulate;
      optimizer.update({ parameters: values.flat, gradients: sum, segments, lr, update: step, gradientScale });
      architecture?.update(step);
    },
  };
}
