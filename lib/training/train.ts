import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import type { Config } from "../config/schema.js";
import type { Batch } from "../datasets/loader/types.js";
import { onnxRuntimeEngine } from "../engines/onnxruntime.js";
import { UserError } from "../errors.js";
import { describeFileError, writeFileAtomic } from "../files.js";
import { isFrozen, normModeOf } from "../models/backbone.js";
import { ParameterValues } from "../nn/parameters.js";
import { Random } from "../random.js";
import { toMetadata } from "../tasks/description.js";
import { instancesTask } from "../tasks/instances.js";
import { semanticTask } from "../tasks/semantic.js";
import type { Task } from "../tasks/task.js";
import { type BestModel, loadLatestCheckpoint } from "./checkpoint.js";
import type { TrainingEvent } from "./events.js";
import { loadBackbone } from "./initialWeights.js";
import { runLength } from "./length.js";
import { openRunLog } from "./logs.js";
import { type Progress, runSteps } from "./loop.js";
import { createOptimizer } from "./optimizers.js";
import { configDifferences, restore } from "./resume.js";
import { createSegments } from "./segments.js";

export interface TrainOptions {
  readonly config: Config;
  /** Go on from the newest checkpoint in the output folder. Default false. */
  readonly resume?: boolean;
  /** When aborted, the run saves a checkpoint after the step at hand and throws the signal's reason. */
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: TrainingEvent) => void;
}

export interface TrainResult {
  /** The run's folder. */
  readonly run: string;
  /** Optimiser steps done in all. */
  readonly steps: number;
  /** The last validation's. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly best?: BestModel;
  /** The weights of the best model: a file, or the folder where no model was better than another. */
  readonly weights: string;
}

/**
 * Trains a model as a config says and leaves a folder with checkpoints, the best weights, logs and the config.
 *
 * A run is a function of its config: every random choice follows from the seed and the step, so one that was stopped,
 * however rudely, and resumed goes on exactly as it would have.
 *
 * @throws UserError for faulty data or weights, a folder that holds another run, a loss that is no number any more
 */
export async function train(options: TrainOptions): Promise<TrainResult> {
  const { config } = options;
  // A switch on the task, so that each model's batches fit its trainer.
  return config.task === "semantic"
    ? trainTask(await semanticTask(config), options)
    : trainTask(await instancesTask(config), options);
}

async function trainTask<B extends Batch>(
  task: Task<B>,
  { config, resume = false, signal, onEvent = () => undefined }: TrainOptions,
): Promise<TrainResult> {
  const run = config.output;
  await mkdir(run, { recursive: true }).catch((error: unknown) => {
    throw describeFileError(error, run, "write");
  });
  const early: TrainingEvent[] = []; // told before the log is open
  const say = (text: string) => early.push({ type: "message", text });
  const { backbone } = config.model;
  const { seed, optimizer: optimizerConfig } = config.training;

  const values = new ParameterValues(task.parameters);
  const frozen = (name: string) => isFrozen(name, backbone);
  const segments = createSegments(values.trainable, { optimizer: optimizerConfig, isFrozen: frozen });
  const optimizer = createOptimizer(optimizerConfig, values.flat.length);
  const progress = await start();

  async function start(): Promise<Progress> {
    const found = await loadLatestCheckpoint(run, say);
    if (found !== undefined && !resume) {
      throw new UserError(
        `${run}: this folder holds a run of ${found.checkpoint.state.step} steps already; ` +
          "go on with it (--resume), choose another folder (--set output=...), or delete it",
      );
    }
    if (found === undefined) {
      if (resume) say(`${run} holds no checkpoint; starting from the beginning`);
      values.initialise((name) => Random.of(seed, name));
      if (backbone.weights !== undefined) say(await loadBackbone(backbone.weights, values));
      return { step: 0, metrics: {}, evaluatedStep: 0 };
    }
    const { state } = found.checkpoint;
    restore(found.folder, found.checkpoint, values, optimizer);
    const changed = configDifferences(state.config, config);
    if (changed.length > 0) say(`the config differs from the one the run was begun with: ${changed.join(", ")}`);
    return state;
  }

  const { loader, remarks } = await task.trainingData();
  const engine = onnxRuntimeEngine(config.engine);
  const trainer = task.trainer({ engine, values, normMode: normModeOf(backbone), frozen });
  const length = runLength(config.training, loader.batchesPerEpoch);
  const text = stringify(config);
  await writeFileAtomic(join(run, "config.yaml"), text);
  const log = await openRunLog(run, { config: text, ...(progress.step > 0 && { resumeStep: progress.step }) });
  const emit = (event: TrainingEvent) => {
    log.write(event);
    onEvent(event);
  };
  try {
    emit({
      type: "start",
      run,
      steps: length.steps,
      doneSteps: progress.step,
      stepsPerEpoch: length.stepsPerEpoch,
      parameters: values.flat.length,
    });
    for (const remark of remarks) say(remark);
    early.forEach(emit);
    const validation = await task.validation({ values, engine, folded: false });
    try {
      const end = await runSteps({
        config,
        run,
        length,
        loader,
        trainer,
        validation,
        values,
        optimizer,
        segments,
        metadata: toMetadata(task.description),
        progress,
        signal,
        emit,
      });
      const { step, metrics, best } = end;
      return {
        run,
        steps: step,
        metrics,
        ...(best && { best }),
        weights: best === undefined ? run : join(run, "best.safetensors"),
      };
    } finally {
      await validation.dispose();
    }
  } finally {
    await loader.dispose();
    await trainer.dispose();
  }
}
