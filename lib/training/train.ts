import { join } from "node:path";
import { stringify } from "yaml";
import { requireOptions } from "../arguments.js";
import type { Config } from "../config/schema.js";
import type { Batch } from "../datasets/loader/batch.js";
import type { Loader } from "../datasets/loader/loader.js";
import type { Engine } from "../engines/engine.js";
import { openEngine } from "../engines/index.js";
import { UserError } from "../errors.js";
import { describeFileError, makeFolder, writeFileAtomic } from "../files.js";
import type { TrainingEvent } from "../loggers/events.js";
import { loggerOf } from "../loggers/index.js";
import type { OpenLogger } from "../loggers/logger.js";
import { isFrozen, type LayerScales, layerScales, normModeOf } from "../models/backbone.js";
import { matcherOf } from "../models/frozen.js";
import { ParameterValues } from "../nn/parameters.js";
import { createOptimizer } from "../optimizers/index.js";
import { lockRun } from "../runs/lock.js";
import { CONFIG_FILE, openRunLog, type RunLog, type RunLogOptions } from "../runs/logs.js";
import { refuseOtherFolders } from "../runs/ownFolder.js";
import type { BestModel, Progress } from "../runs/state.js";
import { toMetadata } from "../tasks/description.js";
import { kindOf } from "../tasks/kinds.js";
import type { Task } from "../tasks/task.js";
import { counted } from "../words.js";
import { architectureOf, type ExpectedLatency, trainArchitecture } from "./architecture.js";
import { reasonToStop } from "./earlyStopping.js";
import { averageWeights, type EmaConfig } from "./ema.js";
import type { TrainingHooks } from "./hooks.js";
import { runLength } from "./length.js";
import { type RunEnd, type RunOptions, runSteps } from "./loop.js";
import { createSegments } from "./segments.js";
import { startRun } from "./start.js";

/** What `train` trains, and how its caller follows and stops it. */
export interface TrainOptions {
  readonly config: Config;
  /**
   * Continue from the newest checkpoint in the output folder; if the folder has no run, begin one. A run without a
   * checkpoint is refused. Default false: any run in the folder is refused.
   */
  readonly resume?: boolean;
  /** Begin again, deleting the run in the output folder. Default false. */
  readonly restart?: boolean;
  /** When aborted, the run saves a checkpoint after the current step and throws the signal's reason. */
  readonly signal?: AbortSignal;
  /** Called after each step: true to save a checkpoint now, whatever the config says. */
  readonly saveWanted?: () => boolean;
  readonly onEvent?: (event: TrainingEvent) => void;
  /** Functions that may stop training, change the learning rate and add to the log. */
  readonly hooks?: TrainingHooks;
  /** Where the run is logged besides log.jsonl and what `training.loggers` of the config names. */
  readonly loggers?: readonly OpenLogger[];
  /** Of a supernet whose config names a table of latencies: what the log is to tell. `slimming/train.ts` reads the table. */
  readonly expectedLatency?: ExpectedLatency;
}

/** How a training run ended. */
export interface TrainResult {
  /** The run's folder. */
  readonly run: string;
  /** Optimiser steps done in all. */
  readonly steps: number;
  /** Why training ended: all steps were done, validation stopped improving (`training.earlyStopping`), or a hook stopped it. */
  readonly ended: RunEnd["ended"];
  /** The last validation's metrics. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly best?: BestModel;
  /** The weights of the best model: a file, or the run's folder if no validation chose one. */
  readonly weights: string;
}

/**
 * Trains a model as a config says and writes a folder with checkpoints, the best weights, logs and the config.
 *
 * A run is a function of its config: every random choice follows from the seed and the step, so a run that was stopped,
 * even by force, and resumed continues exactly as it would have.
 *
 * @throws UserError for faulty data or weights, a folder that holds another run or that another process trains in, a
 *   loss that is no longer finite
 */
export async function train(options: TrainOptions): Promise<TrainResult> {
  requireOptions("train", options, { config: "config" });
  const run = options.config.output;
  await refuseOtherFolders(run);
  const architecture = architectureOf(options.config);
  if (architecture?.latencies !== undefined && options.expectedLatency === undefined) {
    throw new RangeError("a table of latencies is named, but none was read: train by lib/slimming/train.ts");
  }
  const task = await kindOf(options.config).open(options.config);
  const engine = await openEngine(options.config.engine, { training: true });
  await makeFolder(run).catch((error: unknown) => {
    throw describeFileError(error, run, "write");
  });
  const lock = await lockRun(run);
  try {
    return await trainLocked(task, engine, options);
  } finally {
    await lock.release();
  }
}

async function trainLocked(task: Task, engine: Engine, options: TrainOptions): Promise<TrainResult> {
  const { config } = options;
  const { backbone } = config.model;
  const values = new ParameterValues(task.parameters);
  const alphas = new Set(task.parameters.flatMap(({ name, role }) => (role === "alpha" ? [name] : [])));
  const isAlpha = (name: string) => alphas.has(name); // those have an optimiser of their own
  const { loader, heldOut, remarks } = await task.trainingData();
  const frozen = frozenOf(task, config);
  const trainer = task.trainer({ engine, values, normMode: normModeOf(backbone, frozen), frozen });
  try {
    // Before anything in the folder is changed, because an error in the validation set may be found here.
    const validation = await task.validation(task.predictor({ values, engine, folded: false }));
    try {
      const { optimizer } = config.training;
      const layers = layerScales(task.backbone, backbone, optimizer.layerDecay ?? 1);
      const segments = createSegments(values.trainable, {
        optimizer,
        layerScale: layers.scale,
        isFrozen: (name) => frozen(name) || isAlpha(name),
      });
      const parts = { loader, heldOut, trainer, validation, values, segments, metadata: toMetadata(task.description) };
      const rates = optimizer.layerDecay === undefined ? [] : [describeLayers(optimizer.layerDecay, layers)];
      return await trainWith(parts, [...remarks, ...validation.remarks, ...rates], options);
    } finally {
      await validation.dispose();
    }
  } finally {
    await loader.dispose();
    await heldOut?.dispose();
    await trainer.dispose();
  }
}

/** @throws UserError for a pattern that no parameter's name matches, and where no parameter is left to train */
function frozenOf({ backbone, parameters }: Task, { model, training }: Config): (parameterName: string) => boolean {
  const trainable = parameters.filter(({ role }) => role !== "buffer").map(({ name }) => name);
  const frozen = isFrozen(backbone, model.backbone, matcherOf(training.frozen ?? [], trainable));
  if (trainable.some((name) => !frozen(name))) return frozen;
  throw new UserError("training.frozen: every parameter is frozen, so that there is nothing to train");
}

const describeLayers = (decay: number, { layers, least }: LayerScales): string =>
  `learning rates decay by layer (layerDecay ${decay}): the stem has ${least.toPrecision(3)} of the rate, ` +
  `the last of the backbone's ${counted(layers, "layer")} ${decay}, everything after the backbone all of it`;

const describeEma = ({ decay }: EmaConfig): string =>
  `the moving average of the weights (training.ema, decay ${decay}) is used for validation and best.safetensors`;

type Parts = Pick<RunOptions<Batch>, "loader" | "trainer" | "validation" | "values" | "segments" | "metadata"> & {
  readonly heldOut: Loader<Batch> | undefined;
};

async function trainWith(
  parts: Parts,
  remarks: readonly string[],
  {
    config,
    resume = false,
    restart = false,
    signal,
    saveWanted = () => false,
    onEvent = () => undefined,
    hooks,
    loggers = [],
    expectedLatency,
  }: TrainOptions,
): Promise<TrainResult> {
  const run = config.output;
  const { values, loader } = parts;
  const length = runLength(config.training, loader.batchesPerEpoch);
  const { steps, stepsPerEpoch } = length;
  const architecture = trainArchitecture({ ...parts, config, steps, expectedLatency });
  const weights = createOptimizer(config.training.optimizer, values.flat.length);
  const optimizer = { ...weights, state: { ...weights.state, ...architecture?.state } };
  const messages: string[] = []; // reported once the log is open
  const how = restart ? "restart" : resume ? "resume" : "new";
  const { ema } = config.training;
  const average = ema && averageWeights(values, ema);
  let say = (text: string): void => void messages.push(text);
  const start = await startRun({ config, values, optimizer, average, how, say, signal, onEvent });
  const { progress } = start;
  if (steps < progress.step) throw tooFewSteps(config, steps, progress.step);
  const log = await openLog(config, progress, { loggers, say: (text) => say(text) });
  const emit = (event: TrainingEvent): void => {
    log.write(event);
    onEvent(event);
  };
  emit({ type: "start", run, steps, doneSteps: progress.step, stepsPerEpoch, parameters: values.flat.length });
  const averaged = ema === undefined ? [] : [describeEma(ema)];
  say = (text) => emit({ type: "message", text });
  for (const text of [...messages, ...log.remarks, ...remarks, ...averaged, describeNext(config, steps, progress)])
    say(text);
  const work = runSteps({
    ...parts,
    config,
    run,
    length,
    optimizer,
    architecture,
    average,
    start,
    signal,
    saveWanted,
    hooks,
    emit,
  });
  const { progress: end, ended } = await work.catch(async (error: unknown) => {
    await log.end("failed").catch(() => undefined); // the first error is the one to report
    throw error;
  });
  await log.end("done");
  const { step, metrics, best } = end;
  const bestWeights = best === undefined ? run : join(run, "best.safetensors");
  return { run, steps: step, ended, metrics, ...(best && { best }), weights: bestWeights };
}

function describeNext({ training }: Config, steps: number, { step, watched }: Progress): string {
  if (step === steps) return `all steps are already done (${steps}); ask for more to continue`;
  const why = reasonToStop(training, watched);
  if (why === undefined) return COMPILING;
  return `training already stopped early: ${why}; raise training.earlyStopping.patience to continue`;
}

const COMPILING = "compiling; the first step takes longer than the others";

function tooFewSteps({ output, training }: Config, steps: number, done: number): UserError {
  const asked =
    training.epochs === undefined
      ? `training.steps=${steps}`
      : `training.epochs=${training.epochs} (${counted(steps, "step")})`;
  return new UserError(
    `${output}: ${counted(done, "step is", "steps are")} done, more than ${asked} asks for; ask for more, or start over with --restart`,
  );
}

/** Opens the run's log and writes the resolved config beside it. */
async function openLog(
  config: Config,
  { step, evaluatedStep }: Progress,
  { loggers, say }: Pick<RunLogOptions, "loggers" | "say">,
): Promise<RunLog> {
  const text = stringify(config);
  const log = await openRunLog({
    folder: config.output,
    config: text,
    ...(step > 0 && { resumeStep: step, evaluatedStep }),
    loggers: [...config.training.loggers.map(loggerOf), ...loggers],
    say,
  });
  await writeFileAtomic(join(config.output, CONFIG_FILE), text); // after the log, which marks the config as a run's
  return log;
}
