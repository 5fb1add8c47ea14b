import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type ChildTask, EXIT } from "./childTask.js";
import { type FuzzLimits, isMemory, LIMITS } from "./limits.js";
import { type Progress, readProgress } from "./progress.js";

export interface FuzzOptions {
  /** URL of a module with a table TARGETS, and the name of one of its targets. */
  readonly table: string;
  readonly name: string;
  readonly seed: number;
  /** Inputs from `first` (default 0) on. */
  readonly count: number;
  readonly first?: number;
  readonly limits?: FuzzLimits;
  /** Where failing inputs are saved. */
  readonly saveTo: string;
  readonly onProgress?: (done: number) => void;
}

export interface FuzzFailure {
  readonly index: number;
  readonly message: string;
  /** The saved input. */
  readonly file: string;
}

export interface FuzzResult {
  readonly name: string;
  readonly inputs: number;
  readonly accepted: number;
  readonly refused: number;
  /** Processor time of the slowest input that finished, and its number. */
  readonly slowestMs: number;
  readonly slowestIndex: number;
  /** Peak resident memory of a process that tried inputs. */
  readonly mostBytes: number;
  readonly failures: readonly FuzzFailure[];
}

/** Inputs per process, so that what inputs leave behind does not accumulate. */
const BATCH = 2000;
const MOST_FAILURES = 20;

/** Tries inputs in processes of their own. Stops early if many fail. */
export async function runFuzz(options: FuzzOptions): Promise<FuzzResult> {
  const { name, seed, count, first = 0, limits = LIMITS, saveTo, onProgress } = options;
  const scratch = mkdtempSync(join(tmpdir(), "densekit-fuzz-"));
  const total = { accepted: 0, refused: 0, slowestMs: 0, slowestIndex: first, mostBytes: 0 };
  const failures: FuzzFailure[] = [];
  const keep = async ({ index, message }: Failure): Promise<void> => {
    await mkdir(saveTo, { recursive: true });
    const file = join(saveTo, `${name}-seed${seed}-${index}.bin`);
    await startChild({ ...childTask({ ...options, limits, scratch, from: index, to: index + 1 }), save: file });
    failures.push({ index, message, file });
  };
  try {
    let next = first;
    while (next < first + count && failures.length < MOST_FAILURES) {
      const to = Math.min(first + count, next + BATCH);
      const result = await runBatch({ ...options, limits, scratch, from: next, to });
      for (const failure of result.failures) await keep(failure);
      total.accepted += result.accepted;
      total.refused += result.refused;
      total.mostBytes = Math.max(total.mostBytes, result.mostBytes);
      if (result.slowestMs > total.slowestMs) {
        [total.slowestMs, total.slowestIndex] = [result.slowestMs, result.slowestIndex];
      }
      next = result.next;
      onProgress?.(next - first);
    }
    return { name, inputs: next - first, ...total, failures };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

interface Failure {
  readonly index: number;
  readonly message: string;
}

interface BatchOptions extends FuzzOptions {
  readonly limits: FuzzLimits;
  readonly scratch: string;
  readonly from: number;
  readonly to: number;
}

interface Batch extends Pick<Progress, "accepted" | "refused" | "slowestMs" | "slowestIndex" | "mostBytes"> {
  /** The first input that was not tried. */
  readonly next: number;
  readonly failures: readonly Failure[];
}

function childTask({ table, name, seed, from, to, limits, scratch }: BatchOptions): ChildTask {
  const folder = mkdtempSync(join(scratch, "inputs-"));
  const file = (kind: string): string => `${folder}.${kind}`;
  const paths = { folder, progress: file("progress"), failures: file("failures"), report: file("report") };
  return { table, name, seed, from, to, limits, ...paths };
}

async function runBatch(options: BatchOptions): Promise<Batch> {
  const task = childTask(options);
  const { code, said } = await startChild(task);
  const progress = readProgress(task.progress);
  if (progress === undefined) throw new Error(`${options.name} cannot be tried: ${said}`);
  const failures: Failure[] = textOf(task.failures)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
  if (code === EXIT.done) return { ...progress, failures, next: options.to };
  const message = textOf(task.report) || `the process died (${code}): ${said}`;
  // Earlier inputs may have left memory behind: only the first input of a new process counts.
  if (isMemory(message) && progress.index > options.from) return { ...progress, failures, next: progress.index };
  return { ...progress, failures: [...failures, { index: progress.index, message }], next: progress.index + 1 };
}

const CHILD = fileURLToPath(new URL("./child.js", import.meta.url));
const LAST_WORDS = 2000;

/** @returns the exit code or signal, and the end of the process's output */
function startChild(task: ChildTask): Promise<{ readonly code: number | string | null; readonly said: string }> {
  const child = spawn(process.execPath, [CHILD, JSON.stringify(task)], { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  const listen = (text: Buffer): void => {
    said = (said + text.toString("utf8")).slice(-LAST_WORDS);
  };
  child.stdout.on("data", listen);
  child.stderr.on("data", listen);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code: code ?? signal, said }));
  });
}

const textOf = (path: string): string => (existsSync(path) ? readFileSync(path, "utf8") : "");
