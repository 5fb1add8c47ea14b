import { existsSync, realpathSync, statSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { loadConfig } from "../config/load.js";
import type { Config } from "../config/schema.js";
import { UserError } from "../errors.js";
import { type OtherSetting, otherSettings } from "../inference/evaluatedSettings.js";
import { checkpointNames, findWeights } from "../runs/folder.js";
import { readHistory, type TrainingHistory } from "../runs/history.js";
import { CONFIG_FILE } from "../runs/logs.js";
import { kindOf } from "../tasks/kinds.js";
import type { ClassMetrics } from "../tasks/task.js";
import { readStored, storedMetrics } from "./storedFiles.js";

/** The contents of a run's folder. */
export interface Run {
  readonly folder: string;
  /** The config of the training run, or of the evaluation if the folder only has an evaluation. */
  readonly config: Config;
  readonly history?: TrainingHistory;
  /** The best weights, or else the newest checkpoint's. */
  readonly weights?: string;
}

/** The metrics in the evaluation folder, and the config they were measured with. */
export interface StoredEvaluation {
  readonly folder: string;
  readonly config: Config;
  readonly weights: string;
  readonly metrics: Readonly<Record<string, number>>;
  readonly perClass: readonly ClassMetrics[];
  /** Whether the weights measured are not the run's. */
  readonly ofOtherWeights: boolean;
  /** By what the figures are not those of the run's own config, as they were measured. */
  readonly others: readonly OtherSetting[];
}

export const evaluationFolder = (run: string): string => join(run, "evaluation");

/** @throws UserError when the folder is missing or not a run's, or a file in it is damaged */
export async function openRun(path: string, overrides: readonly string[] = []): Promise<Run> {
  const folder = resolve(path);
  if (!existsSync(folder)) throw new UserError(`${path}: no such folder; give the folder of a run`);
  if (statSync(folder).isFile()) {
    throw new UserError(
      `${path}: a file, which has no training log; evaluate the model with --out NAME/evaluation and report the folder NAME`,
    );
  }
  const configs = [join(folder, CONFIG_FILE), join(evaluationFolder(folder), CONFIG_FILE)];
  const file = configs.find(existsSync);
  if (file === undefined) {
    throw new UserError(`${path}: not a run's folder: it holds no config.yaml; give the folder that train wrote to`);
  }
  const log = join(folder, "log.jsonl");
  const hasWeights = existsSync(join(folder, "best.safetensors")) || (await checkpointNames(folder)).length > 0;
  return {
    folder,
    config: loadHere(file, folder, overrides),
    ...(existsSync(log) && { history: await readHistory(log) }),
    ...(hasWeights && { weights: await findWeights(folder) }),
  };
}

/**
 * The stored evaluation; undefined if there is none, or it was made by an older densekit or before the weights it
 * measured.
 *
 * @throws UserError when its files are damaged
 */
export async function storedEvaluation(
  { folder: run, config, weights }: Run,
  overrides: readonly string[] = [],
): Promise<StoredEvaluation | undefined> {
  const folder = evaluationFolder(run);
  const file = join(folder, "metrics.json");
  if (!existsSync(file)) return undefined;
  if (weights !== undefined && statSync(weights).mtimeMs > statSync(file).mtimeMs) return undefined;
  const stored = await readStored(file, storedMetrics);
  if (
    !kindOf(config)
      .evaluationFiles(stored.metrics)
      .every((name) => existsSync(join(folder, name)))
  )
    return undefined;
  const [own, trained] = [join(folder, CONFIG_FILE), join(run, CONFIG_FILE)];
  if (!existsSync(own)) return { ...stored, folder, config, ofOtherWeights: false, others: [] };
  const was = loadConfig(own).config.output;
  const ofOtherWeights = weights !== undefined && isOther(stored.weights, was, weights, run);
  const others = existsSync(trained) ? otherSettings(loadHere(own, run), loadHere(trained, run)) : [];
  return { ...stored, folder, config: loadHere(own, run, overrides), ofOtherWeights, others };
}

/** Whether weights measured in a folder are others than those of a run, which may be that folder moved or copied. */
function isOther(measured: string, was: string, own: string, run: string): boolean {
  if (relative(was, resolve(measured)) === relative(run, own) || !existsSync(measured)) return false;
  return realpathSync(measured) !== realpathSync(own);
}

/** The folder may have been moved since the config was written. */
function loadHere(file: string, folder: string, overrides: readonly string[] = []): Config {
  return loadConfig(file, { overrides: [...overrides, `output=${JSON.stringify(folder)}`] }).config;
}
