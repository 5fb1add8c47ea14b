import { readFileSync } from "node:fs";

/** Peak resident memory of this process in bytes. Linux's own counter comes first, because getrusage's is inherited. */
export function peakMemory(): number {
  if (process.platform !== "linux") return process.resourceUsage().maxRSS * 1024;
  const status = readFileSync("/proc/self/status", "utf8");
  return Number(/^VmHWM:\s*(\d+)/m.exec(status)?.[1]) * 1024;
}
