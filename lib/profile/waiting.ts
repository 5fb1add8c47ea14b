import { readdirSync, readFileSync } from "node:fs";

/**
 * Watches how long this process's threads wait for a processor that others have.
 *
 * @returns tells the milliseconds since, of all threads together; undefined where the system does not count them
 */
export function watchWaiting(): () => number | undefined {
  const before = waitedMs();
  return () => {
    const now = waitedMs();
    return before === undefined || now === undefined ? undefined : Math.max(0, now - before);
  };
}

const TASKS = "/proc/self/task";

/** Linux's count of the time that threads were able to run and did not, the second figure of their `schedstat`. */
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
