import { join } from "node:path";
import { UserError } from "../errors.js";
import { type Holder, isLocked, type Lock, tryLock } from "../locks.js";

export type RunLock = Lock;

export const LOCK_FILE = "run.lock";

/** Locks a run's folder for this process. @throws UserError when another training run writes into the folder */
export async function lockRun(run: string): Promise<RunLock> {
  const path = join(run, LOCK_FILE);
  const attempt = await tryLock(path);
  if ("lock" in attempt) return attempt.lock;
  throw inUse(run, path, attempt.holder);
}

/** Whether a training run writes into the folder now. */
export const isRunLocked = (run: string): Promise<boolean> => isLocked(join(run, LOCK_FILE));

function inUse(run: string, path: string, holder: Holder | undefined): UserError {
  const who =
    holder === undefined ? "another process" : `process ${holder.pid} on ${holder.host}, since ${holder.since},`;
  return new UserError(
    `${run}: ${who} trains in this folder; wait until it ends or choose another folder (--set output=...). ` +
      `If nothing trains there, delete ${path}`,
  );
}
