import { existsSync, readdirSync, realpathSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { UserError } from "../errors.js";
import { findWeights } from "../runs/folder.js";
import { splitPart } from "../tensorfiles/open.js";

export interface EvaluationFolderOptions {
  /** The folder of the config's run. */
  readonly run: string;
  /** The weights file measured. */
  readonly weights: string;
  /** The folder to use, if given. */
  readonly output?: string | undefined;
}

/**
 * Where an evaluation's files go: into the given folder, or else into `evaluation` in the run's folder.
 *
 * @throws UserError when metrics of other weights would replace a run's own, or the given folder has something other
 *   than an evaluation
 */
export async function evaluationFolder({ run, weights, output }: EvaluationFolderOptions): Promise<string> {
  if (output !== undefined) {
    refuseForeign(output);
    return resolve(output);
  }
  const folder = join(run, "evaluation");
  const own = await ownWeights(run);
  if (own === undefined || isSame(own, weights)) return folder;
  throw new UserError(
    `${folder}: this folder has the metrics of the run's own weights, ${own}; those of ${weights} would overwrite them: say with ` +
      "--out FOLDER where they go (output in the API)",
  );
}

/** The weights that a run is judged by; undefined if the folder has no run. */
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
