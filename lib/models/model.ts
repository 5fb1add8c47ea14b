import type { Batch } from "../datasets/loader/batch.js";
import type { Engine } from "../engines/engine.js";
import type { NormMode } from "../nn/context.js";
import type { ParameterValues } from "../nn/parameters.js";
import type { Random } from "../random.js";

/** The parts of a loss, each already weighted; their sum is minimised. Other values of the step are not included. */
export type Losses = Readonly<Record<string, number>>;

/** What a training step draws from, and where its gradients go. */
export interface StepOptions {
  /** Draws masks and samples. The same stream gives the same step. */
  readonly random: Random;
  /**
   * [values.flat.length] Filled with the gradient of the summed losses with respect to every trainable parameter;
   * zero where the loss does not depend on one.
   */
  readonly gradients: Float32Array;
}

/**
 * Runs training steps of one model. Programs are compiled for each batch shape and kept; the least recently used are
 * released.
 */
export interface Trainer<B extends Batch = Batch> {
  /**
   * Forward and backward: fills `gradients` and updates the running statistics in `values.flatBuffers`. The parameters
   * are not changed.
   */
  step(batch: B, options: StepOptions): Promise<Losses>;

  /** The losses in evaluation mode (running statistics, no dropout), without changing anything: the validation loss. */
  losses(batch: B, random: Random): Promise<Losses>;

  /** Releases the memory of all programs. */
  dispose(): Promise<void>;
}

/** What a trainer runs on, and which parameters it trains. */
export interface TrainerOptions {
  readonly engine: Engine;
  readonly values: ParameterValues;
  /** Whether a batch norm trains on the batch's statistics; by the name of its scale parameter. */
  readonly normMode: (parameterName: string) => NormMode;
  /** Whether a parameter's gradient is not needed (frozen parts), by its name. */
  readonly frozen: (parameterName: string) => boolean;
}
