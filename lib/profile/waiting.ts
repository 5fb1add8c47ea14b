import { readdirSync, readFileSync } from "node:fs";

/**
 * Watches how long this process's threads wait for a processor that other programs use.
 *
 * @returns a function that gives the milliseconds since, summed over threads; undefined where the system does not count them
 */
export function watchWaiting(): () => number | undefined {
  const before = waitedMs();
  return () => {
    const now = waitedMs();
    return before === undefined || now === undefined ? undefined : Math.max(0, now - before);
  };
}

const TASKS = "/proc/self/task";

/** Linux's count of the time that threads were runnable but not running, the second number of their `schedstat`. */
function waitedMs(): number | undefined {
  if (process.platform !== "linux") return undefined;
  try {
    let total = 0;
    for (const task of readdirSync(TASKS))
      total += Number(readFileSync(`${TASKS}/${task}/schedstat`, "utf8").split(" ")[1]);
    return total / 1e6;
  } catch {
    return undefined; // a kernel without it, or a thread that has just ended
  }
}
