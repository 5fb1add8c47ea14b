import { existsSync } from "node:fs";
import { join } from "node:path";
import { boundedWork, type SetWork, WORK_VARIABLE } from "../masks/work.js";

/**
 * The work of a data set, which grows with what is read of it.
 *
 * @param images how many there are on the disk, asked for when a file's own bytes do not suffice
 * @throws UserError when the environment's variable is no number
 */
export const setWork = (images?: () => number): SetWork => boundedWork(process.env[WORK_VARIABLE], images);

/** How many of the files, each counted once, are in the folder. */
export function countPresent(folder: string, files: Iterable<string>): number {
  let count = 0;
  for (const file of new Set(files)) if (!file.includes("\0") && existsSync(join(folder, file))) count++;
  return count;
}
