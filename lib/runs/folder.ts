import { existsSync, statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../errors.js";
import { absence } from "../files.js";
import { localFile, type Watch } from "../hub/index.js";
import { FOLDER_FILES, splitPart } from "../tensorfiles/open.js";

/** The folder of a step's checkpoint, in `checkpoints/`. */
export const checkpointName = (step: number): string => `step-${String(step).padStart(8, "0")}`;

/** The step that a checkpoint's folder is named after. */
export const stepOf = (name: string): number => Number(name.slice("step-".length));

/** The names of a run's complete checkpoint folders, newest first. */
export async function checkpointNames(run: string): Promise<string[]> {
  const folder = join(run, "checkpoints");
  if (!existsSync(folder)) return [];
  const names = (await readdir(folder)).filter((name) => /^step-\d+$/.test(name));
  return names.sort((a, b) => stepOf(b) - stepOf(a));
}

/**
 * The weights file that a path or an address stands for: a file itself, downloaded if need be; for a checkpoint its model,
 * or the average of its weights if it has one; for a run's folder the best model, or else the newest checkpoint's.
 *
 * @throws UserError when the path is missing or a folder without weights
 */
export async function findWeights(named: string | undefined, watch: Watch = {}): Promise<string> {
  if (typeof named !== "string") {
    throw new UserError("weights is missing: the path of a weights file, a checkpoint or a run's folder"); // from JavaScript
  }
  const path = await localFile(named, watch);
  const { file } = splitPart(path);
  if (!existsSync(file)) throw new UserError(`cannot read the weights ${file}: ${absence(file)}`);
  if (file !== path || statSync(path).isFile()) return path;
  const newest = (await checkpointNames(path))[0];
  const candidates = [
    ...FOLDER_FILES.map((name) => join(path, name)),
    join(path, "best.safetensors"),
    ...(newest === undefined ? [] : FOLDER_FILES.map((name) => join(path, "checkpoints", newest, name))),
  ];
  const found = candidates.find(existsSync);
  if (found !== undefined) return found;
  throw new UserError(
    `${path}: neither a checkpoint nor a run's folder: it holds no best.safetensors and no checkpoints`,
  );
}
