import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Size } from "../pixels/image.js";

const TRIAL = fileURLToPath(new URL("./memoryTrial.js", import.meta.url));

/** What the child process is to run. */
export interface MemoryTask {
  readonly model: string;
  readonly overrides: readonly string[];
  readonly allowPlugins?: boolean;
  readonly classes?: number;
  readonly batch: number;
  readonly size: Size;
}

/** Peak resident memory in bytes. */
export interface MemoryUse {
  /** Of the whole process: Node, the runtime, the model and its activations. */
  readonly peak: number;
  /** Before the model was opened. */
  readonly before: number;
}

/**
 * Runs a model a few times in a process that does nothing else.
 *
 * @returns undefined where that process fails, for instance for lack of memory
 * @throws the signal's reason when aborted
 */
export async function memoryOf(task: MemoryTask, signal?: AbortSignal): Promise<MemoryUse | undefined> {
  signal?.throwIfAborted();
  const use = await new Promise<MemoryUse | undefined>((resolve) => {
    const child = fork(TRIAL, [JSON.stringify(task)], { execArgv: [], stdio: ["ignore", "ignore", "ignore", "ipc"] });
    const kill = () => void child.kill("SIGKILL");
    signal?.addEventListener("abort", kill, { once: true });
    child.once("message", (told) => resolve(told as MemoryUse));
    child.once("error", () => resolve(undefined));
    child.once("exit", () => {
      signal?.removeEventListener("abort", kill);
      resolve(undefined);
    });
  });
  signal?.throwIfAborted();
  return use;
}
