import { existsSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "../config/load.js";
import type { Config } from "../config/schema.js";
import { UserError } from "../errors.js";
import { otherSettings } from "../inference/evaluatedSettings.js";
import { findWeights } from "../runs/folder.js";
import { CONFIG_FILE } from "../runs/logs.js";
import { describeUnfinished } from "../runs/unfinished.js";
import { loadNamedConfig, type NamedConfig, type NamedOptions } from "./namedConfig.js";

/** A model as commands take it. */
export interface ResolvedModel {
  readonly config: Config;
  /** The path of its weights. */
  readonly weights: string;
  /** Remarks for the user, such as that its run has not ended. */
  readonly remarks: readonly string[];
}

/** What `resolveModel` should take in place of what the model brings. */
export interface ResolveModelOptions extends NamedOptions {
  /** A weights file, a checkpoint's folder or a run's folder (its best weights), in place of the model's own. */
  readonly weights?: string;
}

/**
 * The config and weights of a named model: a run's folder (its best weights, else its newest checkpoint's), a checkpoint's, a
 * packed or exported model, or a config file, whose weights must be given.
 *
 * @throws UserError where there is no such thing, or no weights belong to it
 */
export async function resolveModel(
  named: string,
  { weights, ...options }: ResolveModelOptions = {},
): Promise<ResolvedModel> {
  const found = await loadNamedConfig(named, options);
  const { config } = found;
  if (weights !== undefined) {
    const file = await findWeights(weights, options); // first, because it refuses what is no path
    return { config, weights: file, remarks: found.kind === "config" ? remarksOnRun(weights, named, config) : [] };
  }
  if (found.kind === "config") throw await weightsNeeded(named, config);
  if (found.kind !== "run") return { config, weights: found.weights, remarks: [] };
  const remark = found.folder === found.weights ? await describeUnfinished(found.folder) : undefined;
  return { config, weights: await ownWeights(found), remarks: remark === undefined ? [] : [remark] };
}

/** What of a config decides which image the network sees. */
const SEEN = ["data.transforms.test", "data.normalisation"];

/** A run's weights are for the images of its own config: where the named one gives others, that is told. */
function remarksOnRun(run: string, named: string, config: Config): string[] {
  const file = join(run, CONFIG_FILE);
  if (!existsSync(file)) return [];
  const own = configIn(file);
  const others = own === undefined ? [] : otherSettings(config, own).map(({ path }) => path);
  const seen = SEEN.filter((key) => others.some((path) => path === key || path.startsWith(`${key}.`)));
  return seen.map(
    (key) =>
      `${run} was trained with another ${key} than that of ${named}, which is used; name ${run} alone to use its own`,
  );
}

/** Undefined where it cannot be read, for instance since its plugins are gone: the weights can be used all the same. */
function configIn(file: string): Config | undefined {
  try {
    return loadConfig(file, { foreign: true }).config;
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

async function ownWeights({ folder, weights }: Extract<NamedConfig, { kind: "run" }>): Promise<string> {
  const found = await weightsIn(weights);
  if (found !== undefined) return found;
  throw new UserError(
    `${folder}: the run has no weights yet: the first are written after its first step; wait for them, train it, or give ` +
      "others with --weights (in the API weights)",
  );
}

async function weightsIn(folder: string): Promise<string | undefined> {
  try {
    return await findWeights(folder);
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

async function weightsNeeded(named: string, { output }: Config): Promise<UserError> {
  const own = (await weightsIn(output)) === undefined ? "" : `, such as --weights ${output}`;
  return new UserError(
    `${named}: a config has no weights: give them with --weights (in the API weights)${own}, or name the folder of a run or a packed model instead`,
    2,
  );
}
