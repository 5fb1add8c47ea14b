import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import type { Worker } from "node:worker_threads";
import { move, Piscina, transferableSymbol, valueSymbol } from "piscina";
import { UserError } from "./errors.js";
import { isOwnProcess, OWN_PROCESS } from "./process.js";

/** What a worker thread answers. An error loses its class between threads, so a user error is sent as data. */
export type Answer<T> =
  | { readonly value: T }
  | { readonly problem: { readonly message: string; readonly exitCode: 1 | 2 } };

/**
 * In a worker thread: wraps the result of a piece of work. Arrays in it are moved, not copied; shared ones stay shared.
 *
 * @param owned arrays of the result that are the only users of their memory although they fill only part of it: it is
 *   moved as well
 */
export async function answerOf<T>(
  work: () => T | Promise<T>,
  owned: (value: T) => readonly ArrayBufferView[] = () => [],
): Promise<object> {
  const answer = await attempt(work);
  return moved(answer, "value" in answer ? owned(answer.value) : []);
}

async function attempt<T>(work: () => T | Promise<T>): Promise<Answer<T>> {
  try {
    return { value: await work() };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { problem: { message: error.message, exitCode: error.exitCode } };
  }
}

function moved(value: object, owned: readonly ArrayBufferView[]): object {
  const buffers = new Set<ArrayBuffer>();
  for (const { buffer } of owned) if (buffer instanceof ArrayBuffer) buffers.add(buffer);
  collectBuffers(value, buffers);
  return move({ [transferableSymbol]: Array.from(buffers), [valueSymbol]: value });
}

function collectBuffers(value: unknown, buffers: Set<ArrayBuffer>): void {
  if (ArrayBuffer.isView(value)) {
    if (value.buffer instanceof ArrayBuffer && isWhole(value)) buffers.add(value.buffer);
  } else if (typeof value === "object" && value !== null) {
    for (const member of Object.values(value)) collectBuffers(member, buffers);
  }
}

/** A view of a part (such as Node's pooled buffers) is copied: others may use the rest of the memory. */
function isWhole(view: ArrayBufferView): boolean {
  return view.byteOffset === 0 && view.byteLength === view.buffer.byteLength;
}

/** Functions of a worker's module by name; they return their results through `answerOf`. */
export type Answering = Readonly<Record<string, (task: never) => Promise<object>>>;

/** Which function to call, and with what. */
export interface Question {
  readonly name: string;
  readonly task: never;
}

/** What a worker's module exports as `default`. */
export function answering(functions: Answering): (question: Question) => Promise<object> {
  return ({ name, task }) => functions[name]!(task);
}

export interface ThreadPool {
  /**
   * Runs a function that the worker's module gives to `answering`.
   *
   * @param given memory in the task to be moved to the thread instead of copied
   * @throws the UserError of the work; the signal's reason when aborted
   */
  run<T>(name: string, task: object, given?: readonly ArrayBuffer[]): Promise<T>;
  /** Ends the threads; until then the process does not exit. */
  close(): Promise<void>;
}

/** As many threads as the machine can run at once. */
export const defaultThreads = (): number => availableParallelism();

/** @param module the worker's, such as `new URL("./worker.js", import.meta.url)` */
export function startPool(module: URL, threads: number, signal?: AbortSignal): ThreadPool {
  const pool = new Piscina({
    filename: fileURLToPath(module),
    minThreads: threads,
    maxThreads: threads,
    ...(isOwnProcess() && { workerData: OWN_PROCESS }),
  });
  const started = allStarted(pool);
  return {
    async run<T>(name: string, task: object, given: readonly ArrayBuffer[] = []): Promise<T> {
      signal?.throwIfAborted();
      const answer: Answer<T> = await pool.run({ name, task }, { transferList: [...given] });
      signal?.throwIfAborted();
      if ("value" in answer) return answer.value;
      throw new UserError(answer.problem.message, answer.problem.exitCode);
    },
    async close() {
      for (const thread of pool.threads) thread.ref(); // or the process might end while it waits for them
      await started;
      pool.on("error", () => undefined); // an answer to a question that was abandoned
      await pool.destroy();
    },
  };
}

/**
 * Resolves when every thread has reported that it is ready (its first message), or has ended. Ending a thread while it
 * loads its module ends the process too (Node's `require` of ES modules, as of Node 20). Once it has started it may be
 * ended at any time: Piscina looks up the default export once, but other exports with every task.
 */
async function allStarted({ threads }: Piscina): Promise<void> {
  const startOf = (thread: Worker) =>
    new Promise<void>((resolve) => {
      for (const event of ["message", "error", "exit"]) thread.once(event, () => resolve());
    });
  await Promise.all(threads.map(startOf));
}

/** A copy of an array in memory that threads share, so that it is not copied for each. */
export function shared<C extends Float64Array | Int32Array>(array: C): C {
  const memory = new SharedArrayBuffer(array.byteLength);
  const copy = array instanceof Float64Array ? new Float64Array(memory) : new Int32Array(memory);
  copy.set(array);
  return copy as C;
}
