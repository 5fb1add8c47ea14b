import { existsSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { loadConfig } from "../config/load.js";
import type { Config } from "../config/schema.js";
import { UserError } from "../errors.js";
import { readTextFile } from "../files.js";
import { checkpointNames, findWeights } from "../runs/folder.js";
import { readHistory, type TrainingHistory } from "../runs/history.js";
import { kindOf } from "../tasks/kinds.js";
import type { ClassMetrics } from "../tasks/task.js";

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
  const configs = [join(folder, "config.yaml"), join(evaluationFolder(folder), "config.yaml")];
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
  const stored = await readJson<Omit<StoredEvaluation, "folder" | "config">>(file);
  if (typeof stored?.metrics !== "object" || !Array.isArray(stored.perClass)) {
    throw new UserError(`${file}: not the metrics of an evaluation; delete the file to evaluate again`);
  }
  if (
    !kindOf(config)
      .evaluationFiles(stored.metrics)
      .every((name) => existsSync(join(folder, name)))
  )
    return undefined;
  const own = join(folder, "config.yaml");
  return { ...stored, folder, config: existsSync(own) ? loadHere(own, run, overrides) : config };
}

/** The folder may have been moved since the config was written. */
function loadHere(file: string, folder: string, overrides: readonly string[]): Config {
  return loadConfig(file, { overrides: [...overrides, `output=${JSON.stringify(folder)}`] }).config;
}

/** @throws UserError when the file is not JSON */
export async function readJson<T>(path: string): Promise<T> {
  const text = await readTextFile(path);
  try {
    return JSON.parse(text);
  } catch {
    throw new UserError(`${path}: truncated or not JSON; delete the folder ${evaluationFolder("")} to evaluate again`);
  }
}

/** The counts of an evaluation by true class and predicted class. @throws UserError when the file has none */
export async function readConfusion(folder: string): Promise<StoredConfusion> {
  const path = join(folder, "confusion.json");
  const stored = await readJson<Omit<StoredConfusion, "counts"> & { readonly counts: readonly number[] }>(path);
  const classes = stored?.classes?.length ?? 0;
  if (classes === 0 || stored.counts?.length !== classes ** 2) {
    throw new UserError(`${path}: no confusion matrix; delete the folder ${folder} to evaluate again`);
  }
  return { ...stored, counts: Float64Array.from(stored.counts) };
}

export interface StoredConfusion {
  readonly classes: readonly string[];
  /** [classes, classes] */
  readonly counts: Float64Array;
  /** For label maps: pixels without a class. */
  readonly ignored?: number;
}
