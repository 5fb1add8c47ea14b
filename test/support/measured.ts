import { writeSync } from "node:fs";
import { peakMemory } from "../../lib/profile/peakMemory.js";

/** The file descriptor on which a process that preloads this reports its cost at its end. */
export const REPORT = 3;

process.on("exit", () => {
  const { user, system } = process.cpuUsage();
  writeSync(REPORT, JSON.stringify({ cpuMs: (user + system) / 1000, bytes: peakMemory() }));
});
