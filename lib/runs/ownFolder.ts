import { readdir } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, resolve } from "node:path";
import { UserError } from "../errors.js";
import { LOCK_FILE } from "./lock.js";
import { CONFIG_FILE, LOG_FILE } from "./logs.js";

/** One of these identifies a run's folder; other files may be beside them. */
const OF_A_RUN = [LOG_FILE, CONFIG_FILE, LOCK_FILE, "best.safetensors", "checkpoints", "tensorboard", "evaluation"];
const NAMED = 3;

/**
 * A mistake in `output` must not put a run among unrelated files: a run writes, and `--restart` deletes.
 *
 * @throws UserError for a root folder, the user's home folder, and one that has other files and no run
 */
export async function refuseOtherFolders(output: string): Promise<void> {
  const path = resolve(output);
  const advice = "a run needs a folder of its own: choose another (--set output=...)";
  if (dirname(path) === path) throw new UserError(`${output}: this is the root of a file system; ${advice}`, 2);
  if (path === resolve(homedir())) throw new UserError(`${output}: this is your home folder; ${advice}`, 2);
  const names = await readdir(path).catch(() => []); // making the folder reports what is wrong with it
  if (names.some((name) => OF_A_RUN.includes(name))) return;
  const others = names.filter((name) => !name.startsWith(".")).sort();
  if (others.length === 0) return;
  const some = `${others.slice(0, NAMED).join(", ")}${others.length > NAMED ? ", …" : ""}`;
  throw new UserError(`${output}: this folder holds other files (${some}) and no run; ${advice}`, 2);
}
