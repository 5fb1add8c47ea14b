// The process that tries inputs; run.ts starts it with its task as an argument in JSON.

import { appendFileSync, writeFileSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { UserError } from "../../lib/errors.js";
import { claimProcess } from "../../lib/process.js";
import { peakMemory } from "../../lib/profile/peakMemory.js";
import { Random } from "../../lib/random.js";
import { type ChildTask, EXIT } from "./childTask.js";
import { overLimit } from "./limits.js";
import { cpuMs, progressWriter, sharedProgress } from "./progress.js";
import type { FuzzSession, FuzzTargets } from "./target.js";
import type { WatchdogData } from "./watchdog.js";

claimProcess();
const task: ChildTask = JSON.parse(process.argv[2]!);
const { TARGETS }: { readonly TARGETS: FuzzTargets } = await import(task.table);
const { target } = await TARGETS[task.name]!();
const session = await target.open(task.folder);
const inputOf = (index: number): Uint8Array => session.make(Random.of(task.seed, "fuzz", task.name, index));

if (task.save !== undefined) writeFileSync(task.save, inputOf(task.from));
else process.exit(await tryAll(session));

async function tryAll({ attempt }: FuzzSession): Promise<number> {
  const { memory, progress } = sharedProgress();
  const write = progressWriter(task.progress, memory);
  const fail = (error: unknown): void => {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    appendFileSync(task.failures, `${JSON.stringify({ index: progress.index, message })}\n`);
  };
  process.on("uncaughtException", fail);
  process.on("unhandledRejection", fail);
  const workerData: WatchdogData = { memory, limits: task.limits, report: task.report };
  new Worker(new URL("./watchdog.js", import.meta.url), { workerData });
  for (let index = task.from; index < task.to; index++) {
    progress.index = index;
    const input = inputOf(index);
    progress.startedCpu = cpuMs();
    progress.startedWall = Date.now();
    write();
    let end: "accepted" | "refused" | undefined;
    try {
      await attempt(input);
      end = "accepted";
    } catch (error) {
      if (error instanceof UserError) end = "refused";
      else fail(error);
    }
    await turn(); // lets rejections surface that nothing awaited
    const ms = cpuMs() - progress.startedCpu;
    progress.startedWall = 0;
    const bytes = peakMemory();
    const problem = overLimit(task.limits, { cpuMs: ms, wallMs: 0, bytes });
    if (problem !== undefined) {
      writeFileSync(task.report, problem);
      return EXIT.over;
    }
    progress.mostBytes = bytes;
    if (ms > progress.slowestMs) [progress.slowestMs, progress.slowestIndex] = [ms, index];
    if (end !== undefined) progress[end]++;
    write();
  }
  return EXIT.done;
}
