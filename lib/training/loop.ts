import type { Config } from "../config/schema.js";
import type { Loader } from "../datasets/loader/loader.js";
import type { Batch } from "../datasets/loader/types.js";
import type { Losses, Trainer } from "../models/model.js";
import type { ParameterValues } from "../nn/parameters.js";
import type { Optimizer, Segment } from "../optimizers/optimizer.js";
import { Random } from "../random.js";
import { isBetter, saveBest } from "../runs/checkpoint.js";
import type { TrainingEvent } from "../runs/events.js";
import type { Progress } from "../runs/state.js";
import { followLoss } from "../runs/trend.js";
import { learningRateAt } from "../schedules/index.js";
import { totalLoss } from "../tasks/losses.js";
import type { Validation } from "../tasks/task.js";
import { modelTensors } from "../weights/modelTensors.js";
import type { ArchitectureTraining } from "./architecture.js";
import { reasonToStop, watch } from "./earlyStopping.js";
import type { WeightAverage } from "./ema.js";
import { isDue, type RunLength } from "./length.js";
import { createSaver, Diverged, type Saver, type Start } from "./saver.js";
import { createStepper } from "./stepper.js";

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
  /** The average of the weights, if there is one: it is then what is validated and kept as the best. */
  readonly average: WeightAverage | undefined;
  readonly segments: readonly Segment[];
  /** Of a supernet. */
  readonly architecture?: ArchitectureTraining | undefined;
  /** The metadata of weights files. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Where to continue from. */
  readonly start: Start;
  readonly signal: AbortSignal | undefined;
  /** Called after each step: whether to save a checkpoint now. */
  readonly saveWanted: () => boolean;
  readonly emit: (event: TrainingEvent) => void;
}

/**
 * Takes steps until the run ends or validation stops improving, validating and saving when due.
 *
 * A step's batches and random numbers are functions of the seed and its number, and checkpoints are made between steps:
 * that is all it takes to resume exactly. A checkpoint is made before the validation due at the same step, which may
 * take long or fail, and gets the metrics afterwards.
 */
export async function runSteps<B extends Batch>(options: RunOptions<B>): Promise<Progress> {
  const { config, length, loader, average, architecture, signal, emit, saveWanted } = options;
  const { accumulate, evaluateEvery, checkpoint, schedule, optimizer, logEvery } = config.training;
  const stepper = createStepper(options);
  const saver = createSaver({ ...options, epochOf: (step) => epochOf(options, step) });
  let { progress } = options.start;

  const finishStep = async () => {
    const { step, evaluatedStep } = progress;
    const isEvaluated = evaluatedStep < step && isDue(step, evaluateEvery, length);
    // Also after the first step, so that there is always a checkpoint: compiling alone may take minutes.
    const isSaved = isEvaluated || step === 1 || isDue(step, checkpoint.every, length) || saver.isOverdue();
    if (saveWanted() || isSaved) await saver.save(progress);
    if (!isEvaluated) return;
    const work = () => evaluate(options, progress, saver);
    progress = await (average === undefined ? work() : average.inPlace(work));
    await saver.addEvaluation(progress);
    await saver.confirm(progress);
    const why = reasonToStop(config.training, progress.watched);
    if (why === undefined || step === length.steps) return;
    emit({ type: "message", text: `stopped early after step ${step} of ${length.steps}: ${why}` });
  };

  const batches = loader.batches({ startAt: progress.step * accumulate, stopAt: length.steps * accumulate });
  try {
    if (progress.step > 0) await finishStep(); // what a stopped run had left to do
    while (progress.step < length.steps && reasonToStop(config.training, progress.watched) === undefined) {
      signal?.throwIfAborted();
      const step = progress.step + 1;
      const start = performance.now();
      const { losses, gradientNorm, alphaNorm, dataSeconds } = await stepper.backward(batches, step);
      const loss = totalLoss(losses);
      if (!Number.isFinite(loss + gradientNorm + alphaNorm)) {
        throw await saver.diverged(step, `the loss or its gradient (${lossParts(losses)})`);
      }
      const trend = followLoss(progress.trend, loss);
      await saver.confirm({ ...progress, trend });
      const lr = learningRateAt(schedule, { lr: optimizer.lr, ...length }, step - 1);
      stepper.update(step, lr, gradientNorm);
      average?.update(step);
      progress = { ...progress, step, trend };
      const stepSeconds = (performance.now() - start) / 1000;
      const epoch = epochOf(options, step);
      emit({ type: "step", step, epoch, loss, losses, lr, gradientNorm, stepSeconds, dataSeconds });
      const isTold = step === 1 || step % logEvery === 0 || step === length.steps;
      if (architecture !== undefined && isTold) emit(architecture.event(step));
      await finishStep();
    }
    return progress;
  } catch (error) {
    if (signal?.aborted === true) {
      await saver.save(progress);
      const text = `stopped after step ${progress.step} of ${length.steps}; run the same command with --resume to continue`;
      emit({ type: "message", text: progress.step === 0 ? "stopped before the first step was done" : text });
    } else if (!(error instanceof Diverged)) {
      await saver.save(progress).catch(() => undefined); // the first error is the one to report
    }
    throw error;
  } finally {
    await batches.return();
    await architecture?.stop();
  }
}

/** Passes over the training set begun before this step, from 0. */
function epochOf<B extends Batch>({ config, loader }: RunOptions<B>, step: number): number {
  return Math.floor(((step - 1) * config.training.accumulate) / loader.batchesPerEpoch);
}

const lossParts = (losses: Losses): string =>
  Object.entries(losses)
    .map(([name, value]) => `${name} ${value.toPrecision(4)}`)
    .join(", ");

/** Validates the current model, and keeps the weights if they are the best so far. */
async function evaluate<B extends Batch>(options: RunOptions<B>, progress: Progress, saver: Saver): Promise<Progress> {
  const { config, run, trainer, validation, values, average, metadata, signal, emit } = options;
  const { step } = progress;
  const { metrics } = await validation.evaluate({
    losses: (batch, index) => trainer.losses(batch, Random.of(config.training.seed, "validation", index)),
    signal,
    onProgress: (done, total) => emit({ type: "progress", what: "validating", done, total }),
  });
  emit({ type: "evaluation", step, epoch: epochOf(options, step), metrics });
  if (!Number.isFinite(metrics.loss ?? 0)) throw await saver.diverged(step, "the validation loss", { proved: true });
  const { best: metric } = config.training.checkpoint;
  const watched = watch(config.training, progress.watched, { step, metrics });
  const evaluated = { ...progress, metrics, evaluatedStep: step, ...(watched && { watched }) };
  const value = metrics[metric] ?? Number.NaN;
  if (!isBetter(metric, value, progress.best?.value)) return evaluated;
  const best = { metric, value, step };
  const path = await saveBest(run, modelTensors(values), best, { ...metadata, ...average?.metadata });
  emit({ type: "checkpoint", step, path, best: true });
  return { ...evaluated, best };
}
