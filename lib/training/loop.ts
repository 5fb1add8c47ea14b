import type { Config } from "../config/schema.js";
import type { Batch } from "../datasets/loader/batch.js";
import type { Loader } from "../datasets/loader/loader.js";

import type { TrainingEvent } from "../loggers/events.js";
import type { Losses, Trainer } from "../models/model.js";
import type { ParameterValues } from "../nn/parameters.js";
import type { Optimizer, Segment } from "../optimizers/optimizer.js";
import { Random } from "../random.js";
import { isBetter, saveBest } from "../runs/checkpoint.js";
import type { Progress } from "../runs/state.js";
import { followLoss } from "../runs/trend.js";
import { learningRateAt } from "../schedules/index.js";
import { totalLoss } from "../tasks/losses.js";
import type { Validation } from "../tasks/task.js";
import { modelTensors } from "../weights/modelTensors.js";
import type { ArchitectureTraining } from "./architecture.js";
import { reasonToStop, watch } from "./earlyStopping.js";
import type { WeightAverage } from "./ema.js";
import { type CheckpointEvent, type EvaluationEvent, hookRunner, type TrainingHooks } from "./hooks.js";
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
  readonly hooks?: TrainingHooks | undefined;
  readonly emit: (event: TrainingEvent) => void;
}

/** How far a run has got, and why it ended before its last step. */
export interface RunEnd {
  readonly progress: Progress;
  readonly ended: "steps" | "earlyStopping" | "hook";
}

/**
 * Takes steps until the run ends or validation stops improving, validating and saving when due.
 *
 * A step's batches and random numbers are functions of the seed and its number, and checkpoints are made between steps:
 * that is all it takes to resume exactly. A checkpoint is made before the validation due at the same step, which may
 * take long or fail, and gets the metrics afterwards.
 */
export async function runSteps<B extends Batch>(given: RunOptions<B>): Promise<RunEnd> {
  const saved: CheckpointEvent[] = []; // what hooks have not seen yet
  const emit = (event: TrainingEvent): void => {
    given.emit(event);
    if (event.type === "checkpoint") saved.push(event);
  };
  const options = { ...given, emit };
  const { config, length, loader, average, architecture, signal, saveWanted } = options;
  const { accumulate, evaluateEvery, checkpoint, schedule, optimizer, logEvery } = config.training;
  const stepper = createStepper(options);
  const saver = createSaver({ ...options, epochOf: (step) => epochOf(options, step) });
  let { progress } = options.start;
  const hooks = hookRunner({ hooks: options.hooks, state: progress.hooks, steps: length.steps, emit });
  const tellOfSaved = async () => {
    for (const event of saved.splice(0)) await hooks.call(event);
  };
  const reasonToEnd = (): string | undefined => hooks.stopped ?? reasonToStop(config.training, progress.watched);

  const finishStep = async () => {
    const { step, evaluatedStep } = progress;
    const isEvaluationDue = () =>
      evaluatedStep < step && (isDue(step, evaluateEvery, length) || hooks.stopped !== undefined);
    // Also after the first step, so that there is always a checkpoint: compiling alone may take minutes.
    const isSaved = isEvaluationDue() || step === 1 || isDue(step, checkpoint.every, length) || saver.isOverdue();
    if (saveWanted() || isSaved) await saver.save(progress);
    await tellOfSaved();
    if (!isEvaluationDue()) return;
    const work = () => evaluate(options, progress, saver);
    const { event, ...evaluated } = await (average === undefined ? work() : average.inPlace(work));
    await hooks.call(event);
    progress = { ...evaluated.progress, ...hooks.kept };
    await saver.addEvaluation(progress);
    await saver.confirm(progress);
    await tellOfSaved();
    const why = reasonToEnd();
    if (why === undefined || step === length.steps) return;
    emit({ type: "message", text: `stopped early after step ${step} of ${length.steps}: ${why}` });
  };

  const batches = loader.batches({ startAt: progress.step * accumulate, stopAt: length.steps * accumulate });
  try {
    if (progress.step > 0) await finishStep(); // what a stopped run had left to do
    while (progress.step < length.steps && reasonToEnd() === undefined) {
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
      const lr = hooks.lrFactor * learningRateAt(schedule, { lr: optimizer.lr, ...length }, step - 1);
      stepper.update(step, lr, gradientNorm);
      average?.update(step);
      progress = { ...progress, step, trend };
      const stepSeconds = (performance.now() - start) / 1000;
      const epoch = epochOf(options, step);
      const told = { type: "step", step, epoch, loss, losses, lr, gradientNorm, stepSeconds, dataSeconds } as const;
      emit(told);
      await hooks.call(told);
      progress = { ...progress, ...hooks.kept };
      const isTold = step === 1 || step % logEvery === 0 || step === length.steps;
      if (architecture !== undefined && isTold) emit(architecture.event(step));
      await finishStep();
    }
    const isEarly = progress.step < length.steps;
    return { progress, ended: !isEarly ? "steps" : hooks.stopped === undefined ? "earlyStopping" : "hook" };
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

interface Evaluated {
  readonly progress: Progress;
  readonly event: EvaluationEvent;
}

/** Validates the current model, and keeps the weights if they are the best so far. */
async function evaluate<B extends Batch>(options: RunOptions<B>, progress: Progress, saver: Saver): Promise<Evaluated> {
  const { config, run, trainer, validation, values, average, metadata, signal, emit } = options;
  const { step } = progress;
  const { metrics } = await validation.evaluate({
    losses: (batch, index) => trainer.losses(batch, Random.of(config.training.seed, "validation", index)),
    signal,
    onProgress: (done, total) => emit({ type: "progress", what: "validating", done, total }),
  });
  const event = { type: "evaluation", step, epoch: epochOf(options, step), metrics } as const;
  emit(event);
  if (!Number.isFinite(metrics.loss ?? 0)) throw await saver.diverged(step, "the validation loss", { proved: true });
  const { best: metric } = config.training.checkpoint;
  const watched = watch(config.training, progress.watched, { step, metrics });
  const evaluated = { ...progress, metrics, evaluatedStep: step, ...(watched && { watched }) };
  const value = metrics[metric] ?? Number.NaN;
  if (!isBetter(metric, value, progress.best?.value)) return { progress: evaluated, event };
  const best = { metric, value, step };
  const path = await saveBest(run, modelTensors(values), best, { ...metadata, ...average?.metadata });
  emit({ type: "checkpoint", step, path, best: true });
  return { progress: { ...evaluated, best }, event };
}
