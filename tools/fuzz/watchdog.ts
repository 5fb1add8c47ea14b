// A thread beside the one that tries inputs: it ends the process if an input takes too much time or memory.

import { writeFileSync } from "node:fs";
import { workerData } from "node:worker_threads";
import { type FuzzLimits, overLimit, WATCH_MS } from "./limits.js";
import { cpuMs, sharedProgress } from "./progress.js";

export interface WatchdogData {
  readonly memory: SharedArrayBuffer;
  readonly limits: FuzzLimits;
  /** The file for the reason. */
  readonly report: string;
}

const { memory, limits, report }: WatchdogData = workerData;
const { progress } = sharedProgress(memory);

setInterval(() => {
  const { startedWall, startedCpu } = progress; // read once: the other thread goes on
  if (startedWall === 0) return;
  const reason = overLimit(limits, {
    cpuMs: cpuMs() - startedCpu,
    wallMs: Date.now() - startedWall,
    bytes: process.memoryUsage.rss(),
  });
  if (reason === undefined) return;
  writeFileSync(report, reason);
  process.kill(process.pid, "SIGKILL");
}, WATCH_MS);
