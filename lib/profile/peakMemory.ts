import { readFileSync } from "node:fs";

/** The most memory this process ever had resident, bytes. Linux's own counter first: getrusage's is inherited. */
export function peakMemory(): number {
  if (process.platform !== "linux") return process.resourceUsage().maxRSS * 1024;
  const status = readFileSync("/proc/self/status", "utf8");
  return Number(/^VmHWM:\s*(\d+)/m.exec(status)?.[1]) * 1024;
}
