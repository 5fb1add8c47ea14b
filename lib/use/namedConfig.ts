import { existsSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { type LoadedConfig, type LoadOptions, loadConfig } from "../config/load.js";
import { loadPortableConfig } from "../config/portable.js";
import { UserError } from "../errors.js";
import { formatNamed, formatOf } from "../export/formats/index.js";
import { standaloneMetadata } from "../export/metadata.js";
import { displayName } from "../files.js";
import { localFile, type Watch } from "../hub/index.js";
import { CONFIG_FILE, LOG_FILE } from "../runs/logs.js";
import { looksLikeWeights } from "../tensorfiles/looksLike.js";
import { openTensorFile } from "../tensorfiles/open.js";

/** The config of whatever a user names a model by. */
export type NamedConfig = LoadedConfig & (ConfigFile | RunFolder | ModelInOne);

/** A config alone: its weights are not known. */
interface ConfigFile {
  readonly kind: "config";
}

/** A run's folder, or a checkpoint's in it: the config is the one it was trained with. */
interface RunFolder {
  readonly kind: "run";
  /** The run's folder. */
  readonly folder: string;
  /** The folder with the weights: the run's or the checkpoint's. */
  readonly weights: string;
}

/** A file with weights and their config: written by `packModel`, or exported. */
interface ModelInOne {
  readonly kind: "packed" | "exported";
  readonly weights: string;
}

/** The key of a packed model's metadata that holds its config. */
export const CONFIG_KEY = "densekit.config";

export type NamedOptions = LoadOptions & Watch;

/**
 * Reads the config of a named model: a config file or the name of a config that comes with densekit, a run's or a
 * checkpoint's folder, or a packed or exported model, which may be given as an address.
 *
 * @throws UserError where nothing has that name, it is none of these, or the config is invalid
 */
export async function loadNamedConfig(
  given: string,
  { signal, onEvent, ...options }: NamedOptions = {},
): Promise<NamedConfig> {
  const named = await localFile(given, { signal, onEvent });
  const stat = statSync(named, { throwIfNoEntry: false });
  if (stat !== undefined && formatNamed(named) !== undefined) return loadExported(named, options);
  if (stat?.isDirectory()) return loadRun(named, options);
  if (stat?.isFile() && (await looksLikeWeights(named))) return loadPacked(named, options);
  return { ...loadConfig(named, named === given ? options : { ...options, foreign: true }), kind: "config" };
}

/** A run's folder has one of these beside its config: a config.yaml alone may be anything. */
const OF_A_RUN = [LOG_FILE, "best.safetensors", "checkpoints"];
/** Marks a checkpoint's folder. */
const STATE_FILE = "state.json";

function loadRun(named: string, options: LoadOptions): NamedConfig {
  const weights = resolve(named);
  const isCheckpoint = existsSync(join(weights, STATE_FILE));
  const folder = isCheckpoint ? dirname(dirname(weights)) : weights;
  const file = join(folder, CONFIG_FILE);
  const isInRun = !isCheckpoint || basename(dirname(weights)) === "checkpoints";
  if (!isInRun || !existsSync(file)) throw notARun(named, isCheckpoint);
  if (!OF_A_RUN.some((name) => existsSync(join(folder, name)))) {
    if (!existsSync(join(folder, "metrics.json"))) throw notARun(named, isCheckpoint, LOG_FILE);
    throw new UserError(`${named}: an evaluation's folder, which holds no model; name the folder of a run`);
  }
  // First, so that the user's overrides win. The folder may have been moved since its config was written.
  const overrides = [`output=${JSON.stringify(folder)}`, ...(options.overrides ?? [])];
  return { ...loadConfig(file, { ...options, overrides }), name: basename(folder), kind: "run", folder, weights };
}

function notARun(named: string, isCheckpoint: boolean, lacking = CONFIG_FILE): UserError {
  const what = isCheckpoint
    ? `a checkpoint outside of its run's folder, which holds the config (${CONFIG_FILE})`
    : `not a run's folder: it holds no ${lacking}`;
  return new UserError(
    `${displayName(resolve(named))}: ${what}; name the folder that train wrote to, or a config, with --weights for its weights`,
  );
}

async function loadExported(named: string, options: LoadOptions): Promise<NamedConfig> {
  const fixed = options.overrides?.find((override) => override.trimStart().startsWith("model."));
  if (fixed !== undefined) {
    throw new UserError(
      `${named}: --set ${fixed}: the model in an exported file is fixed; export it again with that setting`,
      2,
    );
  }
  const format = formatOf(named);
  const chosen = format.threads ? /^\s*engine\.(?!threads\b)/ : /^\s*engine\./;
  const engine = options.overrides?.find((override) => chosen.test(override));
  if (engine !== undefined) {
    throw new UserError(`${named}: ${engine}: an exported file has its own runtime, on the CPU; leave it out`, 2);
  }
  const { config } = standaloneMetadata(await format.metadata(named), named);
  return { ...loadPortableConfig(config, resolve(named), options), kind: "exported", weights: named };
}

async function loadPacked(named: string, options: LoadOptions): Promise<NamedConfig> {
  const file = await openTensorFile(named);
  await file.close();
  const text = file.metadata[CONFIG_KEY];
  if (text === undefined) {
    throw new UserError(
      `${named}: weights without a config; name the folder of their run, or a config with --weights ${named}`,
    );
  }
  return { ...loadPortableConfig(text, resolve(named), options), kind: "packed", weights: named };
}
