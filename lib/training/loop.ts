import type { Config } from "../config/schema.js";
import type { Loader } from "../datasets/loader/loader.js";
import type { Batch } from "../datasets/loader/types.js";
import { UserError } from "../errors.js";
import { isFiniteThroughout } from "../kernels/optimizers.js";
import type { Losses, Trainer } from "../models/model.js";
import type { ParameterValues } from "../nn/parameters.js";
import { Random } from "../random.js";
import { totalLoss } from "../tasks/losses.js";
import type { Validation } from "../tasks/task.js";
import { type BestModel, isBetter, saveBest, saveCheckpoint } from "./checkpoint.js";
import type { TrainingEvent } from "./events.js";
import { isDue, type RunLength } from "./length.js";
import type { Optimizer, Segment } from "./optimizers.js";
import { modelTensors } from "./resume.js";
import { learningRateAt } from "./schedules.js";
import { createStepper } from "./stepper.js";

/** How far a run is. */
export interface Progress {
  /** Optimiser steps done. */
  readonly step: number;
  /** The last validation's, and its step. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly evaluatedStep: number;
  readonly best?: BestModel;
}

export interface RunOptions<B extends Batch> {
  readonly config: Config;
  /** The run's folder. */
  readonly run: string;
  readonly length: RunLength;
  readonly loader: Loader<B>;
  readonly trainer: Trainer<B>;
  readonly validation: Validation<B>;
  readonly values: ParameterValues;
  readonly optimizer: Optimizer;
  readonly segments: readonly Segment[];
  /** Of weights files. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Where to go on from. */
  readonly progress: Progress;
  readonly signal: AbortSignal | undefined;
  readonly emit: (event: TrainingEvent) => void;
}

/**
 * Takes steps to the end of the run, validating and saving when due.
 *
 * A step's batches and random numbers are functions of the seed and its number, and a checkpoint is made between steps,
 * after what else is due: that is all it takes to resume exactly.
 */
export async function runSteps<B extends Batch>(options: RunOptions<B>): Promise<Progress> {
  const { config, length, loader, signal, emit } = options;
  const { accumulate, evaluateEvery, checkpoint, schedule, optimizer } = config.training;
  const stepper = createStepper(options);
  let { progress } = options;
  let savedStep = progress.step;

  const save = async () => {
    if (savedStep === progress.step) return;
    if (!hasFiniteValues(options.values)) throw diverged(options, progress.step, "a weight", savedStep);
    await saveProgress(options, progress);
    savedStep = progress.step;
  };
  const finishStep = async () => {
    const { step, evaluatedStep } = progress;
    if (evaluatedStep < step && isDue(step, evaluateEvery, length))
      progress = await evaluate(options, progress, savedStep);
    if (isDue(step, checkpoint.every, length)) await save();
  };

  const batches = loader.batches({ startAt: progress.step * accumulate, stopAt: length.steps * accumulate });
  try {
    if (progress.step > 0) await finishStep(); // what a stopped run had still to do
    while (progress.step < length.steps) {
      signal?.throwIfAborted();
      const step = progress.step + 1;
      const start = performance.now();
      const { losses, gradientNorm, dataSeconds } = await stepper.backward(batches, step);
      const loss = totalLoss(losses);
      if (!Number.isFinite(loss + gradientNorm)) {
        throw diverged(options, step, `the loss or its gradient (${lossParts(losses)})`, savedStep);
      }
      const lr = learningRateAt(schedule, { lr: optimizer.lr, ...length }, step - 1);
      stepper.update(step, lr, gradientNorm);
      progress = { ...progress, step };
      const stepSeconds = (performance.now() - start) / 1000;
      const epoch = epochOf(options, step);
      emit({ type: "step", step, epoch, loss, losses, lr, gradientNorm, stepSeconds, dataSeconds });
      await finishStep();
    }
    return progress;
  } catch (error) {
    if (signal?.aborted === true) {
      await save();
      const text = `stopped after step ${progress.step} of ${length.steps}; run the same command with --resume to go on`;
      emit({ type: "message", text: progress.step === 0 ? "stopped before the first step was done" : text });
    }
    throw error;
  } finally {
    await batches.return();
  }
}

/** Passes over the training set begun before this step, from 0. */
function epochOf<B extends Batch>({ config, loader }: RunOptions<B>, step: number): number {
  return Math.floor(((step - 1) * config.training.accumulate) / loader.batchesPerEpoch);
}

const hasFiniteValues = ({ flat, flatBuffers }: ParameterValues): boolean =>
  isFiniteThroughout(flat) && isFiniteThroughout(flatBuffers);

const lossParts = (losses: Losses): string =>
  Object.entries(losses)
    .map(([name, value]) => `${name} ${value.toPrecision(4)}`)
    .join(", ");

function diverged<B extends Batch>({ run }: RunOptions<B>, step: number, what: string, savedStep: number): UserError {
  const kept =
    savedStep === 0 ? "no checkpoint was made before" : `the checkpoint of step ${savedStep} is kept in ${run}`;
  return new UserError(
    `step ${step}: ${what} is no finite number any more; training stopped, ${kept}. ` +
      "Lower training.optimizer.lr, lengthen training.schedule.warmup, or set training.clipNorm",
  );
}

/** Validates, and keeps the weights if they are the best so far. */
async function evaluate<B extends Batch>(
  options: RunOptions<B>,
  progress: Progress,
  savedStep: number,
): Promise<Progress> {
  const { config, run, trainer, validation, values, metadata, signal, emit } = options;
  const { step } = progress;
  const { metrics } = await validation.evaluate({
    losses: (batch, index) => trainer.losses(batch, Random.of(config.training.seed, "validation", index)),
    signal,
    onProgress: (done, total) => emit({ type: "progress", what: "validating", done, total }),
  });
  emit({ type: "evaluation", step, epoch: epochOf(options, step), metrics });
  if (!Number.isFinite(metrics.loss ?? 0)) throw diverged(options, step, "the validation loss", savedStep);
  const { best: metric } = config.training.checkpoint;
  const evaluated = { ...progress, metrics, evaluatedStep: step };
  const value = metrics[metric] ?? Number.NaN;
  if (!isBetter(metric, value, progress.best?.value)) return evaluated;
  const best = { metric, value, step };
  const path = await saveBest(run, modelTensors(values), best, metadata);
  emit({ type: "checkpoint", step, path, best: true });
  return { ...evaluated, best };
}

async function saveProgress<B extends Batch>(options: RunOptions<B>, progress: Progress): Promise<void> {
  const { config, run, values, optimizer, metadata, emit } = options;
  const { step } = progress;
  const { seed, checkpoint } = config.training;
  const random = { step: Random.of(seed, "step", step + 1).state };
  const path = await saveCheckpoint(run, {
    state: { ...progress, epoch: epochOf(options, step), random, config },
    model: modelTensors(values),
    optimizer: optimizer.state,
    metadata,
    keep: checkpoint.keep,
  });
  emit({ type: "checkpoint", step, path, best: false });
}
