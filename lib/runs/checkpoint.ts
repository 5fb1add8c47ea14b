import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { UserError } from "../errors.js";
import { describeFileError, makeFolder, openFile, readTextFile, writeFileAtomic } from "../files.js";
import { isFiniteThroughout } from "../kernels/optimizers.js";
import { readSafetensors, writeSafetensors } from "../tensorfiles/safetensors.js";
import type { Tensor } from "../tensors/tensor.js";
import { counted, pick } from "../words.js";
import { checkpointName, checkpointNames, stepOf } from "./folder.js";
import { type BestModel, type Checksums, parseState, type TrainingState, writeState } from "./state.js";

/*
 * RUN/checkpoints/step-00000300/ holds model.safetensors (parameters and buffers under their names), ema.safetensors if
 * weights are averaged (the average under the same names), optimizer.safetensors (the optimiser's flat arrays) and
 * state.json, with checksums of the others and of itself. The folder gets its name when all are written, so a
 * checkpoint is never half there. step-00000300.diverged is one that training gave up (see saver.ts): no run continues
 * from it. RUN/best.safetensors holds the best model so far.
 */

export interface Checkpoint {
  readonly state: TrainingState;
  readonly model: ReadonlyMap<string, Tensor>;
  readonly optimizer: ReadonlyMap<string, Tensor>;
  /** The weights' moving average, where there is one. */
  readonly average?: ReadonlyMap<string, Tensor>;
}

type Tensors = Iterable<readonly [name: string, tensor: Tensor]>;

/** A model's tensors and their file's metadata. */
export interface SavedModel {
  readonly tensors: Tensors;
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface SaveOptions {
  readonly state: TrainingState;
  /** May be views of the flat arrays: nothing is copied, so they must not change until the promise resolves. */
  readonly model: Tensors;
  readonly optimizer: Readonly<Record<string, Float32Array>>;
  /** The weights' moving average, where there is one. */
  readonly average?: SavedModel;
  /** The metadata of the model's file. */
  readonly metadata?: Readonly<Record<string, string>>;
}

const MODEL = "model.safetensors";
const AVERAGE = "ema.safetensors";
const OPTIMIZER = "optimizer.safetensors";
const STATE = "state.json";

/** Saves a checkpoint of a run. Others are kept; see `removeOldCheckpoints`. @returns its folder */
export async function saveCheckpoint(
  run: string,
  { state, model, optimizer, metadata, average }: SaveOptions,
): Promise<{ readonly folder: string; readonly files: Checksums }> {
  const folder = join(run, "checkpoints");
  const target = join(folder, checkpointName(state.step));
  const temporary = join(folder, `.tmp-${process.pid}-${state.step}`);
  try {
    await rm(temporary, { recursive: true, force: true });
    await makeFolder(temporary);
    const flat = Object.entries(optimizer).map(
      ([name, data]) => [name, { dtype: "F32", shape: [data.length], data }] as const,
    );
    const files = {
      [MODEL]: await writeSummed(join(temporary, MODEL), model, { ...metadata, format: "pt" }),
      [OPTIMIZER]: await writeSummed(join(temporary, OPTIMIZER), flat),
      ...(average && {
        [AVERAGE]: await writeSummed(join(temporary, AVERAGE), average.tensors, { ...average.metadata, format: "pt" }),
      }),
    };
    await writeFileAtomic(join(temporary, STATE), writeState(state, files));
    if (existsSync(target)) await rename(target, `${temporary}-replaced`); // a checkpoint that could not be read
    await rename(temporary, target);
    await syncFolder(folder);
    await removeLeftovers(folder);
    return { folder: target, files };
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
    throw describeFileError(error, target, "write");
  }
}

/** @returns the file's checksum */
async function writeSummed(
  path: string,
  tensors: Iterable<readonly [name: string, tensor: Tensor]>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<string> {
  const hash = createHash("sha256");
  await writeSafetensors(path, tensors, metadata, (bytes) => hash.update(bytes));
  return hash.digest("hex");
}

/** Makes sure that names are on the disk before anything older is removed. Windows cannot open folders. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r").catch(() => undefined);
  await folder?.sync().catch(() => undefined);
  await folder?.close();
}

/** Rewrites the state of a checkpoint when more is known about it. */
export async function updateState(run: string, state: TrainingState, files: Checksums): Promise<void> {
  await writeFileAtomic(join(run, "checkpoints", checkpointName(state.step), STATE), writeState(state, files));
}

/** Removes what killed runs left half-written. */
async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name.startsWith(".tmp-")) await rm(join(folder, name), { recursive: true, force: true });
  }
}

export interface KeepOptions {
  /** The step of the checkpoint saved last. It and later ones are kept and do not count. */
  readonly newest: number;
  /** The number of checkpoints up to that one to keep. */
  readonly keep: number;
  /** The step of one more checkpoint to keep. */
  readonly besides?: number;
  /** Names of checkpoints that could not be read: they do not count and are removed. */
  readonly damaged?: readonly string[];
}

/** Removes the oldest checkpoints beyond a number. */
export async function removeOldCheckpoints(
  run: string,
  { newest, keep, besides, damaged = [] }: KeepOptions,
): Promise<void> {
  const names = (await checkpointNames(run)).filter((name) => stepOf(name) <= newest);
  const sound = names.filter((name) => stepOf(name) === newest || !damaged.includes(name));
  const staying = new Set(sound.slice(0, Math.max(1, keep)));
  for (const name of names) {
    if (staying.has(name) || stepOf(name) === besides) continue;
    const path = join(run, "checkpoints", name);
    await rm(path, { recursive: true, force: true }).catch((error: unknown) => {
      throw describeFileError(error, path, "write");
    });
  }
}

/**
 * Sets checkpoints after a step aside, so that no run continues from them; they remain as `step-….diverged`. @returns
 * their steps
 */
export async function setAsideAfter(run: string, step: number): Promise<number[]> {
  const names = (await checkpointNames(run)).filter((name) => stepOf(name) > step).reverse();
  for (const name of names) {
    const path = join(run, "checkpoints", name);
    await rm(`${path}.diverged`, { recursive: true, force: true });
    await rename(path, `${path}.diverged`);
  }
  return names.map(stepOf);
}

/** Writes RUN/best.safetensors. @returns its path */
export async function saveBest(
  run: string,
  model: Iterable<readonly [name: string, tensor: Tensor]>,
  best: BestModel,
  metadata: Readonly<Record<string, string>> = {},
): Promise<string> {
  const path = join(run, "best.safetensors");
  const { metric, value, step } = best;
  await writeSafetensors(path, model, { ...metadata, format: "pt", metric, value: String(value), step: String(step) });
  return path;
}

/**
 * Whether `value` beats the best so far: lower for losses, higher for everything else. An undefined value never does:
 * NaN, or COCO's −1 where there is nothing to find.
 *
 * @param by the margin by which it must be better; default 0
 */
export function isBetter(metric: string, value: number, best: number | undefined, by = 0): boolean {
  const isLoss = isLowerBetter(metric);
  if (Number.isNaN(value) || (!isLoss && value < 0)) return false;
  if (best === undefined) return true;
  return isLoss ? value < best - by : value > best + by;
}

export const isLowerBetter = (metric: string): boolean => metric.toLowerCase().endsWith("loss");

/** @throws UserError when a file of the checkpoint is missing, truncated or damaged */
export async function loadCheckpoint(folder: string): Promise<Checkpoint & { readonly files: Checksums }> {
  const { state, files } = parseState(await readTextFile(join(folder, STATE)), join(folder, STATE));
  if (/\bstep-\d+$/.test(folder) && !folder.endsWith(checkpointName(state.step))) {
    throw new UserError(`${join(folder, STATE)}: the state is that of step ${state.step}`);
  }
  const isAveraged = files?.[AVERAGE] !== undefined;
  const sums: Checksums = {
    [MODEL]: await sumOf(join(folder, MODEL)),
    [OPTIMIZER]: await sumOf(join(folder, OPTIMIZER)),
    ...(isAveraged && { [AVERAGE]: await sumOf(join(folder, AVERAGE)) }),
  };
  const model = await readSound(join(folder, MODEL));
  const optimizer = await readSound(join(folder, OPTIMIZER));
  const average = isAveraged ? await readSound(join(folder, AVERAGE)) : undefined;
  for (const [name, expected] of Object.entries(files ?? {})) {
    if (sums[name] === expected) continue;
    throw new UserError(`${join(folder, name)}: the file has changed since it was written: its checksum differs`);
  }
  return { state, model, optimizer, ...(average && { average }), files: sums };
}

/** The checksum of a file on the disk. */
async function sumOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  try {
    await pipeline((await openFile(path)).createReadStream(), hash);
  } catch (error) {
    throw describeFileError(error, path, "read");
  }
  return hash.digest("hex");
}

async function readSound(path: string): Promise<ReadonlyMap<string, Tensor>> {
  const { tensors } = await readSafetensors(path);
  for (const [name, { data }] of tensors) {
    if (!(data instanceof Float32Array) || isFiniteThroughout(data)) continue;
    throw new UserError(`${path}: ${name} holds NaN or Infinity`);
  }
  return tensors;
}

export interface LatestCheckpoint {
  readonly checkpoint: Checkpoint & { readonly files: Checksums };
  readonly folder: string;
  /** Names of later checkpoints that could not be read. */
  readonly damaged: readonly string[];
}

/**
 * The newest checkpoint of a run that can be read; undefined if the run has none. A damaged one is skipped, with a
 * message.
 *
 * @throws UserError when there are checkpoints but all are damaged
 */
export async function loadLatestCheckpoint(
  run: string,
  onMessage: (text: string) => void,
): Promise<LatestCheckpoint | undefined> {
  const names = await checkpointNames(run);
  for (const [i, name] of names.entries()) {
    const folder = join(run, "checkpoints", name);
    try {
      return { checkpoint: await loadCheckpoint(folder), folder, damaged: names.slice(0, i) };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      onMessage(`${error.message}; skipping the checkpoint ${name} and trying the one before it`);
    }
  }
  if (names.length === 0) return undefined;
  throw new UserError(
    `${run}: ${pick(names.length, "its only checkpoint is", `all ${names.length} checkpoints are`)} damaged; start over with --restart, which deletes this run`,
  );
}

/** The name and shape of a tensor, without regard to the rest. */
export type NamedShape = readonly [name: string, tensor: { readonly shape: readonly number[] }];

/**
 * Checks that weights match a model: the same names with the same shapes.
 *
 * @throws UserError counting what does not fit and naming the first of each kind
 */
export function checkFit(where: string, expected: Iterable<NamedShape>, found: Iterable<NamedShape>): void {
  const wanted = new Map(expected);
  const given = new Map(found);
  const missing = [...wanted.keys()].filter((name) => !given.has(name));
  const unknown = [...given.keys()].filter((name) => !wanted.has(name));
  const reshaped = [...wanted]
    .filter(([name, { shape }]) => given.has(name) && String(given.get(name)?.shape) !== String(shape))
    .map(([name, { shape }]) => `${name} is [${given.get(name)?.shape.join(", ")}], not [${shape.join(", ")}]`);
  const faults = [
    fault(missing, "missing"),
    fault(unknown, "not of this model"),
    fault(reshaped, "of another shape"),
  ].filter((text) => text !== undefined);
  if (faults.length === 0) return;
  throw new UserError(
    `${where}: weights of another model: of its ${counted(wanted.size, "tensor")} ${faults.join("; ")}. Use the config the weights were trained with`,
  );
}

function fault(names: readonly string[], what: string): string | undefined {
  if (names.length === 0) return undefined;
  const shown = 3;
  return `${names.length} ${what} (${names.slice(0, shown).join(", ")}${names.length > shown ? ", …" : ""})`;
}
