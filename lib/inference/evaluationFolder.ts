import { existsSync, readdirSync, realpathSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { loadConfig } from "../config/load.js";
import type { Config } from "../config/schema.js";
import { UserError } from "../errors.js";
import { findWeights } from "../runs/folder.js";
import { CONFIG_FILE } from "../runs/logs.js";
import { splitPart } from "../tensorfiles/open.js";
import { otherSettings } from "./evaluatedSettings.js";

export interface EvaluationFolderOptions {
  /** Its output is the folder of a run. */
  readonly config: Config;
  /** The weights file measured. */
  readonly weights: string;
  /** The folder to use, if given. */
  readonly output?: string | undefined;
}

/**
 * Where an evaluation's files go: into the given folder, or else into `evaluation` in the run's folder.
 *
 * @throws UserError when metrics of other weights or settings would replace a run's own, or the given folder has
 *   something other than an evaluation
 */
export async function evaluationFolder({ config, weights, output }: EvaluationFolderOptions): Promise<string> {
  const run = config.output;
  const folder = join(run, "evaluation");
  if (output !== undefined) {
    if (resolve(output) !== resolve(folder)) refuseForeign(output);
    return resolve(output);
  }
  const own = await ownWeights(run);
  if (own === undefined) return folder;
  if (!isSame(own, weights)) {
    throw new UserError(
      `${folder}: this folder has the metrics of the run's own weights, ${own}; those of ${weights} would overwrite them: ${ADVICE}`,
    );
  }
  const [other, ...others] = otherSettings(config, ownConfig(run) ?? config);
  if (other === undefined) return folder;
  const more = others.length === 0 ? "" : ` (and ${others.map(({ path }) => path).join(", ")})`;
  throw new UserError(
    `${folder}: this folder has the metrics of the run's own config, in which ${other.path} is ${other.own}; those with ` +
      `${other.here}${more} would overwrite them: ${ADVICE}`,
  );
}

const ADVICE = "say with --out FOLDER where they go (output in the API)";

/** As the run was trained; undefined where the folder does not say. */
function ownConfig(run: string): Config | undefined {
  const file = join(run, CONFIG_FILE);
  if (!existsSync(file)) return undefined;
  try {
    return loadConfig(file).config;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`${error.message}; whether the run was evaluated by the same config cannot be told: ${ADVICE}`);
  }
}

/** The weights a run is judged by; undefined where the folder holds no run. */
async function ownWeights(run: string): Promise<string | undefined> {
  try {
    return await findWeights(run);
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

function isSame(a: string, b: string): boolean {
  const [one, other] = [a, b].map((path) => realpathSync(splitPart(path).file));
  return one === other;
}

/** An evaluation writes a config.yaml, which would replace that of a run in the same folder. */
function refuseForeign(folder: string): void {
  if (!existsSync(folder)) return;
  const isFolder = statSync(folder).isDirectory();
  if (isFolder && (readdirSync(folder).length === 0 || existsSync(join(folder, "metrics.json")))) return;
  throw new UserError(
    `${folder}: ${isFolder ? "this folder holds something other than an evaluation" : "this is a file"}; choose another folder`,
  );
}
