import { cpus, totalmem } from "node:os";
import { ownVersion } from "../version.js";
import type { Machine } from "./types.js";

export function describeMachine(): Machine {
  const processors = cpus();
  return {
    processor: processors[0]?.model.trim() || "unknown processor",
    cores: processors.length,
    memoryBytes: totalmem(),
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
    densekit: ownVersion(),
  };
}

/**
 * Watches the load on the processors.
 *
 * @returns a function that gives the share of all processors, 0 … 1, that other processes have used since; undefined
 *   where the system does not count it
 */
export function watchLoad(): () => number | undefined {
  const [before, own] = [times(), process.cpuUsage()];
  return () => {
    const now = times();
    const all = now.busy + now.idle - before.busy - before.idle;
    const { user, system } = process.cpuUsage(own);
    if (!(all > 0)) return undefined;
    return Math.min(1, Math.max(0, (now.busy - before.busy - (user + system) / 1000) / all));
  };
}

/** Milliseconds of all processors since boot. */
function times(): { readonly busy: number; readonly idle: number } {
  let [busy, idle] = [0, 0];
  for (const { times: one } of cpus()) {
    busy += one.user + one.nice + one.sys + one.irq;
    idle += one.idle;
  }
  return { busy, idle };
}
