import { writeSync } from "node:fs";
import { peakMemory } from "../../lib/profile/peakMemory.js";

/** Where a process that loads this beforehand says at its end what it took. */
export const REPORT = 3;

process.on("exit", () => {
  const { user, system } = process.cpuUsage();
  writeSync(REPORT, JSON.stringify({ cpuMs: (user + system) / 1000, bytes: peakMemory() }));
});
