import type { Config } from "../config/schema.js";
import { UserError } from "../errors.js";
import { isFiniteThroughout } from "../kernels/optimizers.js";
import type { TrainingEvent } from "../loggers/events.js";
import type { ParameterValues } from "../nn/parameters.js";
import type { Optimizer } from "../optimizers/optimizer.js";
import { Random } from "../random.js";
import { removeOldCheckpoints, saveCheckpoint, setAsideAfter, updateState } from "../runs/checkpoint.js";
import { checkpointName, checkpointNames } from "../runs/folder.js";
import type { Checksums, Progress, TrainingState } from "../runs/state.js";
import { isGrowing } from "../runs/trend.js";
import { modelTensors } from "../weights/modelTensors.js";
import type { WeightAverage } from "./ema.js";

export interface SaverOptions {
  readonly config: Config;
  /** The run's folder. */
  readonly run: string;
  readonly values: ParameterValues;
  readonly optimizer: Optimizer;
  readonly average: WeightAverage | undefined;
  /** The metadata of weights files. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly start: Start;
  readonly emit: (event: TrainingEvent) => void;
  /** Passes over the training set begun before a step. */
  readonly epochOf: (step: number) => number;
}

/** Where a run begins or continues, and what there is of it already. */
export interface Start {
  readonly progress: Progress;
  /** The step of the newest checkpoint with a sound loss before the one resumed from; 0 if there is none. */
  readonly soundStep: number;
  /** Checksums of the checkpoint resumed from. */
  readonly files?: Checksums;
  /** Names of checkpoints that could not be read. */
  readonly damaged: readonly string[];
}

/** Training cannot continue: its numbers are no longer finite. */
export class Diverged extends UserError {}

/**
 * Keeps a run's checkpoints.
 *
 * Whether a checkpoint is sound is only known later, from the losses of its weights. So older ones are removed when the
 * step or the validation after it has a finite loss; and while the loss grows (see trend.ts), the last checkpoint from
 * before that is kept besides the newest ones.
 */
export interface Saver {
  /** Saves, unless this step is saved already. @throws Diverged when a number to be saved is not finite */
  save(progress: Progress): Promise<void>;
  /** Whether the last checkpoint is older than the config allows. */
  isOverdue(): boolean;
  /** Adds the validation's metrics to the checkpoint saved last. */
  addEvaluation(progress: Progress): Promise<void>;
  /** To be called when the loss of the weights saved last is finite. */
  confirm(progress: Progress): Promise<void>;
  /** What to throw when a loss or weight is not finite; by then the checkpoints that led to it are set aside. */
  diverged(step: number, what: string, options?: { readonly proved?: boolean }): Promise<Diverged>;
}

export function createSaver(options: SaverOptions): Saver {
  const { config, run, values, optimizer, average, metadata, start, emit, epochOf } = options;
  const { seed, checkpoint } = config.training;
  let { soundStep, files } = start;
  const damaged = new Set(start.damaged);
  let savedStep = start.progress.step;
  let unproved = savedStep > 0;
  let told = false;
  let lastSave = performance.now();

  const stateOf = ({ step, metrics, evaluatedStep, trend, best, watched, hooks }: Progress): TrainingState => {
    const random = { step: Random.of(seed, "step", step + 1).state };
    const epoch = epochOf(step);
    const judged = { ...(best && { best }), ...(watched && { watched }), ...(hooks && { hooks }) };
    return { step, epoch, random, metrics, evaluatedStep, trend, soundStep, ...judged, config };
  };

  const tellOfGrowth = ({ step, trend: { mean, lowest = 0 } }: Progress) => {
    if (told) return;
    told = true;
    const kept = soundStep === 0 ? "" : `; the checkpoint of step ${soundStep} is kept beside the newest`;
    const text = `step ${step}: the loss grows: its running mean is ${mean.toFixed(4)} and was ${lowest.toFixed(4)}${kept}`;
    emit({ type: "message", text });
  };

  const saver: Saver = {
    async save(progress) {
      const { step } = progress;
      if (savedStep === step) return;
      const weights = [values.flat, values.flatBuffers];
      if (!weights.every(isFiniteThroughout)) throw await saver.diverged(step, "a weight");
      if (!Object.values(optimizer.state).every(isFiniteThroughout)) {
        throw await saver.diverged(step, "a value of the optimiser");
      }
      const averages = average && [average.values.flat, average.values.flatBuffers];
      if (averages?.every(isFiniteThroughout) === false) throw await saver.diverged(step, "an average of the weights");
      const model = modelTensors(values);
      const saved = await saveCheckpoint(run, {
        state: stateOf(progress),
        model,
        optimizer: optimizer.state,
        metadata,
        ...(average && {
          average: { tensors: modelTensors(average.values), metadata: { ...metadata, ...average.metadata } },
        }),
      });
      files = saved.files;
      damaged.delete(checkpointName(step)); // replaced by now
      savedStep = step;
      unproved = true;
      lastSave = performance.now();
      emit({ type: "checkpoint", step, path: saved.folder, best: false });
    },

    isOverdue: () => performance.now() - lastSave >= checkpoint.minutes * 60_000,

    async addEvaluation(progress) {
      if (files !== undefined && savedStep === progress.step) await updateState(run, stateOf(progress), files);
    },

    async confirm(progress) {
      const isSound = !isGrowing(progress.trend);
      if (isSound) told = false;
      else tellOfGrowth(progress);
      if (!unproved) return;
      unproved = false;
      if (isSound) soundStep = savedStep;
      const { keep } = checkpoint;
      await removeOldCheckpoints(run, { newest: savedStep, keep, besides: soundStep, damaged: [...damaged] });
    },

    async diverged(step, what, { proved = false } = {}) {
      const names = await checkpointNames(run);
      const hasSound = names.includes(checkpointName(soundStep));
      const aside = hasSound || proved ? await setAsideAfter(run, soundStep) : [];
      const left = hasSound ? soundStep : aside.length > 0 ? 0 : savedStep;
      const kept = left === 0 ? "no checkpoint was made before" : `the checkpoint of step ${left} is kept in ${run}`;
      const others = aside.length === 0 ? "" : ` (set aside as *.diverged: ${aside.map(checkpointName).join(", ")})`;
      return new Diverged(
        `step ${step}: ${what} is no longer finite; training stopped, ${kept}${others}. ` +
          "Lower training.optimizer.lr, lengthen training.schedule.warmup, or set training.clipNorm",
      );
    },
  };
  return saver;
}
