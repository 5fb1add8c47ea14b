import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { parseJson } from "../../json.js";
import type { KernelTime } from "../engine.js";

/** An entry of onnxruntime's profiler; times in microseconds. */
interface TraceEvent {
  readonly cat: string;
  readonly name: string;
  readonly ts: number;
  readonly dur: number;
  readonly args?: { readonly op_name?: string };
}

/**
 * Runs a model with onnxruntime's profiler on.
 *
 * @param bytes of the model @param run runs a session once
 */
export async function timeKernels(
  bytes: Uint8Array,
  options: ort.InferenceSession.SessionOptions,
  run: (session: ort.InferenceSession) => Promise<void>,
  runs: number,
): Promise<KernelTime[]> {
  const folder = await mkdtemp(join(tmpdir(), "densekit-"));
  try {
    const profileFilePrefix = join(folder, "profile");
    const session = await ort.InferenceSession.create(bytes, { ...options, enableProfiling: true, profileFilePrefix });
    try {
      for (let i = 0; i <= runs; i++) await run(session);
      session.endProfiling();
    } finally {
      await session.release();
    }
    const [file] = await readdir(folder);
    return summed(parseJson(await readFile(join(folder, file!), "utf8")) as readonly TraceEvent[], runs);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** @param events of `runs` runs and one before them, which is left out */
export function summed(events: readonly TraceEvent[], runs: number): KernelTime[] {
  const starts = events.filter(({ name }) => name === "model_run").map(({ ts }) => ts);
  const [, second = 0] = starts.toSorted((a, b) => a - b);
  const kernels = new Map<string, { count: number; us: number }>();
  for (const { cat, name, ts, dur, args } of events) {
    if (cat !== "Node" || ts < second || !name.endsWith("_kernel_time")) continue;
    const kernel = args?.op_name ?? "other";
    const entry = kernels.get(kernel) ?? { count: 0, us: 0 };
    entry.count++;
    entry.us += dur;
    kernels.set(kernel, entry);
  }
  const all = Array.from(kernels, ([name, { count, us }]) => ({ name, count: count / runs, ms: us / 1000 / runs }));
  return all.sort((a, b) => b.ms - a.ms);
}
