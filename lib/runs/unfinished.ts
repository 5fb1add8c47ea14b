import { existsSync } from "node:fs";
import { join } from "node:path";
import { readTextFile } from "../files.js";
import { counted } from "../words.js";
import { isRunLocked } from "./lock.js";
import { LOG_FILE } from "./logs.js";

/**
 * What to tell of a run whose training has not ended: that its weights are not its last. Undefined where it has ended, and
 * where its log does not say.
 */
export async function describeUnfinished(run: string): Promise<string | undefined> {
  const path = join(run, LOG_FILE);
  if (!existsSync(path)) return undefined;
  const log = await readTextFile(path);
  const wanted = lastNumber(log, /^\{"type":"start",.*?"steps":(\d+),/gm);
  const done = lastStep(log);
  if (wanted === undefined || done >= wanted || isStoppedEarly(log)) return undefined;
  const isTraining = await isRunLocked(run);
  const state = isTraining ? "is still being trained" : "was stopped before its end";
  return `${run}: the run ${state} (${done} of ${counted(wanted, "step")} done), so these are not its final weights`;
}

/** The last step of a log, 0 without; the log may be cut off, and of other lines nothing is asked. */
export const lastStep = (log: string): number => lastNumber(log, /^\{"type":"step","step":(\d+),/gm) ?? 0;

function lastNumber(log: string, pattern: RegExp): number | undefined {
  let last: number | undefined;
  for (const [, digits] of log.matchAll(pattern)) last = Number(digits);
  return last;
}

/** Whether the last start ended so. */
function isStoppedEarly(log: string): boolean {
  return log.slice(log.lastIndexOf('{"type":"start"')).includes('{"type":"message","text":"stopped early after step ');
}
