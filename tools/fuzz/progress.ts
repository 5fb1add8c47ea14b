import { closeSync, openSync, readSync, writeSync } from "node:fs";

/*
 * The progress of a process that tries inputs. It is in memory shared with the process's watchdog, and is written to a file
 * before each input, so that it is known even if the process dies.
 */

const FIELDS = [
  "index",
  "accepted",
  "refused",
  "slowestMs",
  "slowestIndex",
  "mostBytes",
  /** When the input was started: milliseconds of the wall clock and of this process's processor time. */
  "startedWall",
  "startedCpu",
] as const;

export type Progress = Record<(typeof FIELDS)[number], number>;

const BYTES = FIELDS.length * 8;

/** A view of shared memory: new, or another thread's. */
export function sharedProgress(memory: SharedArrayBuffer = new SharedArrayBuffer(BYTES)): {
  readonly memory: SharedArrayBuffer;
  readonly progress: Progress;
} {
  const values = new Float64Array(memory);
  const progress = {} as Progress;
  for (const [i, field] of FIELDS.entries()) {
    Object.defineProperty(progress, field, { get: () => values[i], set: (value: number) => (values[i] = value) });
  }
  return { memory, progress };
}

/** Returns a function that writes progress to a file synchronously. */
export function progressWriter(path: string, memory: SharedArrayBuffer): () => void {
  const file = openSync(path, "w");
  const bytes = new Uint8Array(memory);
  return () => void writeSync(file, bytes, 0, BYTES, 0);
}

/** What a process wrote last; undefined if it did not get that far. */
export function readProgress(path: string): Progress | undefined {
  const values = new Float64Array(FIELDS.length);
  try {
    const file = openSync(path, "r");
    try {
      if (readSync(file, values, 0, BYTES, 0) < BYTES) return undefined;
    } finally {
      closeSync(file);
    }
  } catch {
    return undefined;
  }
  return Object.fromEntries(FIELDS.map((field, i) => [field, values[i]])) as Progress;
}

/** Processor time of this process in milliseconds, summed over its threads. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
