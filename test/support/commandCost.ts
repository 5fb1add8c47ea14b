import { spawn } from "node:child_process";
import type { Cost } from "../../tools/fuzz/limits.js";
import { type CommandResult, finished, MAIN } from "./commandLine.js";

const MEASURED = new URL("./measured.js", import.meta.url).href;
/** Far beyond the limits, so that the test reports the excess instead of waiting. */
const LONGEST_MS = 40_000;

export interface MeasuredCommand extends CommandResult {
  /** Undefined if the process ended before it could report: killed, or out of memory. */
  readonly cost: Cost | undefined;
}

/** Runs the real command in a process of its own, and measures its time and memory. */
export async function measuredCommand(args: readonly string[]): Promise<MeasuredCommand> {
  const start = performance.now();
  const child = spawn(process.execPath, ["--import", MEASURED, MAIN, ...args], {
    stdio: ["ignore", "pipe", "pipe", "pipe"],
    timeout: LONGEST_MS,
    killSignal: "SIGKILL",
  });
  let report = "";
  child.stdio[3]?.on("data", (text) => (report += text));
  const result = await finished(child);
  const wallMs = performance.now() - start;
  const told = report === "" ? undefined : (JSON.parse(report) as Omit<Cost, "wallMs">);
  return { ...result, cost: told && { ...told, wallMs } };
}
