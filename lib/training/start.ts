import { existsSync } from "node:fs";
import { readdir, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import type { Config } from "../config/schema.js";
import { UserError } from "../errors.js";
import { describeFileError, readTextFile } from "../files.js";
import type { Watch } from "../hub/index.js";
import { MLFLOW_FILE } from "../loggers/mlflow.js";
import type { ParameterValues } from "../nn/parameters.js";
import type { Optimizer } from "../optimizers/optimizer.js";
import { Random } from "../random.js";
import { loadLatestCheckpoint } from "../runs/checkpoint.js";
import { checkpointNames } from "../runs/folder.js";
import { CONFIG_FILE, LOG_FILE } from "../runs/logs.js";
import type { HookState } from "../runs/state.js";
import { NO_TREND } from "../runs/trend.js";
import { lastStep } from "../runs/unfinished.js";
import { counted } from "../words.js";
import type { WeightAverage } from "./ema.js";
import { loadBackbone } from "./initialWeights.js";
import { configDifferences, restore } from "./resume.js";
import type { Start } from "./saver.js";

export interface StartOptions extends Watch {
  readonly config: Config;
  readonly values: ParameterValues;
  readonly optimizer: Optimizer;
  /** The average of the weights, if the config asks for one. */
  readonly average?: WeightAverage | undefined;
  /**
   * new: in a folder without a run; resume: from the newest checkpoint, or like new in a folder without a run; restart:
   * from the beginning, deleting a run in the folder.
   */
  readonly how: "new" | "resume" | "restart";
  readonly say: (message: string) => void;
}

const ELSEWHERE = "choose another folder (--set output=...)";
const BEST = "best.safetensors";
/** What a run, and `evaluate` of its weights, write into its folder. Other files may be in the same folders. */
const FOLDERS_OF_A_RUN = {
  checkpoints: /^(step-\d+(\.diverged)?|\.tmp-.*)$/,
  tensorboard: /^events\.out\.tfevents\./,
  evaluation: /^((metrics|confusion|images|images|results\.(bbox|segm))\.json|config\.yaml|summary\.txt)$/,
};

/**
 * Fills a run's parameters and the optimiser's state, and determines where it begins.
 *
 * @throws UserError when the folder holds a run that would be lost, when all its checkpoints are damaged or those of another
 *   model, or the initial weights do not fit
 */
export async function startRun(options: StartOptions): Promise<Start> {
  const { config, how } = options;
  const { output } = config;
  if (how === "resume") {
    const resumed = await fromCheckpoint(options);
    if (resumed !== undefined) return resumed;
  } else if (how === "new") {
    const [newest] = await checkpointNames(output);
    if (newest !== undefined) {
      throw new UserError(
        `${output}: this folder already holds a run (${newest}); continue it (--resume), delete it and start over (--restart), ` +
          `or ${ELSEWHERE}`,
      );
    }
  }
  if (how !== "restart") await refuseLosing(output);
  await refuseForeign(config);
  const start = await begin(options);
  if (how === "restart") await removeRun(output);
  return start;
}

async function removeRun(output: string): Promise<void> {
  for (const name of [BEST, LOG_FILE, MLFLOW_FILE]) await remove(join(output, name));
  for (const [name, ofRun] of Object.entries(FOLDERS_OF_A_RUN)) {
    const folder = join(output, name);
    for (const entry of await readdir(folder).catch(() => [])) if (ofRun.test(entry)) await remove(join(folder, entry));
    await rmdir(folder).catch(() => undefined); // files that are not the run's are kept
  }
}

async function remove(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true }).catch((error: unknown) => {
    throw describeFileError(error, path, "write");
  });
}

/**
 * Files with names that a run writes, in a folder where no run wrote them: some other config, perhaps the very one of
 * this run.
 */
async function refuseForeign(config: Config): Promise<void> {
  const { output } = config;
  const foreign = (name: string) =>
    new UserError(
      `${join(output, name)}: no run wrote this, and a run in this folder would overwrite it; move it, or ${ELSEWHERE}`,
    );
  if (existsSync(join(output, LOG_FILE))) {
    const log = await readTextFile(join(output, LOG_FILE));
    if (log !== "" && !log.startsWith('{"type":')) throw foreign(LOG_FILE);
  } else if (!existsSync(join(output, BEST)) && (await checkpointNames(output)).length === 0) {
    if (existsSync(join(output, CONFIG_FILE)) && (await readTextFile(join(output, CONFIG_FILE))) !== stringify(config))
      throw foreign(CONFIG_FILE);
  }
}

/** A run without checkpoints, which may have been deleted. A run killed in its first step has lost nothing. */
async function refuseLosing(output: string): Promise<void> {
  const log = join(output, LOG_FILE);
  const steps = existsSync(log) ? lastStep(await readTextFile(log)) : 0;
  if (steps <= 1 && !existsSync(join(output, BEST))) return;
  const what = steps <= 1 ? `the best weights of a run (${BEST})` : `a run of ${counted(steps, "step")}`;
  throw new UserError(
    `${output}: this folder holds ${what}, but no checkpoint to resume from; delete it and start over (--restart), or ${ELSEWHERE}`,
  );
}

async function begin({ config, values, average, say, signal, onEvent }: StartOptions): Promise<Start> {
  const { model, training } = config;
  values.initialise((name) => Random.of(training.seed, name));
  const { weights } = model.backbone;
  if (weights !== undefined) {
    const said = await loadBackbone({ weights, values, config: model.backbone, signal, onEvent });
    for (const text of said) say(text);
  }
  average?.begin();
  return { progress: { step: 0, metrics: {}, evaluatedStep: 0, trend: NO_TREND }, soundStep: 0, damaged: [] };
}

/** What happens to the average when the config was changed. */
const describeAverage = (average: WeightAverage | undefined, step: number): string =>
  average === undefined
    ? `the average of the weights ends here: training.ema is no longer set`
    : `the average of the weights starts from those of step ${step}: training.ema was not set before`;

const describeFactor = ({ lrFactor }: HookState): string =>
  `the learning rate is the schedule's times ${lrFactor}, as hooks left it before`;

async function fromCheckpoint({ config, values, optimizer, average, say }: StartOptions): Promise<Start | undefined> {
  const { output, training } = config;
  const found = await loadLatestCheckpoint(output, say);
  if (found === undefined) {
    say(`${output} holds no checkpoint; starting from the beginning`);
    return undefined;
  }
  const { state, files } = found.checkpoint;
  restore(found.folder, found.checkpoint, { values, optimizer, average });
  if ((average === undefined) !== (found.checkpoint.average === undefined)) say(describeAverage(average, state.step));
  const changed = configDifferences(state.config, config);
  if (changed.length > 0) say(`the config differs from the one that the run was started with: ${changed.join(", ")}`);
  const { step, metrics, evaluatedStep, best, watched, hooks, trend, soundStep } = state;
  if (hooks !== undefined && hooks.lrFactor !== 1) say(describeFactor(hooks));
  const hasBest = best?.metric === training.checkpoint.best && existsSync(join(output, BEST));
  return {
    progress: {
      step,
      metrics,
      evaluatedStep,
      ...(hasBest && { best }),
      ...(watched && training.earlyStopping && { watched }),
      ...(hooks && { hooks }),
      trend,
    },
    soundStep,
    files,
    damaged: found.damaged,
  };
}
