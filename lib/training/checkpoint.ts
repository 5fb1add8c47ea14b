import { existsSync, statSync } from "node:fs";
import { readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Config } from "../config/schema.js";
import { UserError } from "../errors.js";
import { describeFileError, makeFolder, writeFileAtomic } from "../files.js";
import { FOLDER_FILES } from "../formats/openTensorFile.js";
import { readSafetensors, writeSafetensors } from "../formats/safetensors.js";
import type { Tensor } from "../formats/tensor.js";

/*
 * RUN/checkpoints/step-00000300/ holds model.safetensors (parameters and buffers under their names),
 * optimizer.safetensors (the optimiser's flat arrays) and state.json. The folder gets its name when all three are
 * written, so there is none that is half there. RUN/best.safetensors holds the best model so far.
 */

/** What besides the tensors a run needs to go on exactly where it was. */
export interface TrainingState {
  /** Optimiser updates done. */
  readonly step: number;
  readonly epoch: number;
  /** Named states of random streams. */
  readonly random: Readonly<Record<string, readonly [key: number, counter: number]>>;
  /** The last validation's. */
  readonly metrics: Readonly<Record<string, number>>;
  /** The step of that validation; 0 if there was none. */
  readonly evaluatedStep: number;
  readonly best?: BestModel;
  readonly config: Config;
}

export interface BestModel {
  readonly metric: string;
  readonly value: number;
  readonly step: number;
}

export interface Checkpoint {
  readonly state: TrainingState;
  readonly model: ReadonlyMap<string, Tensor>;
  readonly optimizer: ReadonlyMap<string, Tensor>;
}

export interface SaveOptions {
  readonly state: TrainingState;
  /** Views of the flat arrays will do: nothing is copied, so nothing may change until the promise is kept. */
  readonly model: Iterable<readonly [name: string, tensor: Tensor]>;
  readonly optimizer: Readonly<Record<string, Float32Array>>;
  /** Of the model's file: what the model means. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Checkpoints left after this one is saved, itself included. */
  readonly keep: number;
}

const FORMAT = 1;

/** Saves a checkpoint of a run and removes the oldest beyond `keep`. @returns its folder */
export async function saveCheckpoint(
  run: string,
  { state, model, optimizer, metadata, keep }: SaveOptions,
): Promise<string> {
  const folder = join(run, "checkpoints");
  const target = join(folder, `step-${String(state.step).padStart(8, "0")}`);
  const temporary = join(folder, `.tmp-${process.pid}-${state.step}`);
  try {
    await rm(temporary, { recursive: true, force: true });
    await makeFolder(temporary);
    await writeSafetensors(join(temporary, "model.safetensors"), model, { ...metadata, format: "pt" });
    const flat = Object.entries(optimizer).map(
      ([name, data]) => [name, { dtype: "F32", shape: [data.length], data }] as const,
    );
    await writeSafetensors(join(temporary, "optimizer.safetensors"), flat);
    await writeFileAtomic(join(temporary, "state.json"), `${JSON.stringify({ format: FORMAT, ...state }, null, 2)}\n`);
    if (existsSync(target)) await rename(target, `${temporary}-replaced`);
    await rename(temporary, target);
    const names = await checkpointNames(run);
    for (const name of names.slice(Math.max(1, keep))) await rm(join(folder, name), { recursive: true, force: true });
    await removeLeftovers(folder);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
    throw describeFileError(error, target, "write");
  }
  return target;
}

/** What killed runs left half-written. */
async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name.startsWith(".tmp-")) await rm(join(folder, name), { recursive: true, force: true });
  }
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

/** Whether `value` beats the best so far: lower for losses, higher for everything else; NaN never does. */
export function isBetter(metric: string, value: number, best: number | undefined): boolean {
  if (Number.isNaN(value)) return false;
  if (best === undefined) return true;
  return metric.toLowerCase().endsWith("loss") ? value < best : value > best;
}

/** @throws UserError when a file of the checkpoint is missing, truncated or damaged */
export async function loadCheckpoint(folder: string): Promise<Checkpoint> {
  const state = await readState(join(folder, "state.json"));
  const { tensors: model } = await readSafetensors(join(folder, "model.safetensors"));
  const { tensors: optimizer } = await readSafetensors(join(folder, "optimizer.safetensors"));
  return { state, model, optimizer };
}

async function readState(path: string): Promise<TrainingState> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw describeFileError(error, path, "read");
  });
  let state: Partial<TrainingState & { format: number }>;
  try {
    state = JSON.parse(text);
  } catch {
    throw new UserError(`${path}: the checkpoint's state is truncated or no JSON`);
  }
  if (state.format !== FORMAT || typeof state.step !== "number" || state.config === undefined) {
    throw new UserError(`${path}: no checkpoint state this version of densekit can read`);
  }
  return state as TrainingState;
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
): Promise<{ readonly checkpoint: Checkpoint; readonly folder: string } | undefined> {
  const names = await checkpointNames(run);
  for (const name of names) {
    const folder = join(run, "checkpoints", name);
    try {
      return { checkpoint: await loadCheckpoint(folder), folder };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      onMessage(`${error.message}; skipping the checkpoint ${name} and trying the one before it`);
    }
  }
  if (names.length === 0) return undefined;
  throw new UserError(
    `${run}: all ${names.length} checkpoints are damaged; delete the folder, and start again without --resume`,
  );
}

/** The names of a run's complete checkpoint folders, newest first. */
export async function checkpointNames(run: string): Promise<string[]> {
  const folder = join(run, "checkpoints");
  if (!existsSync(folder)) return [];
  const names = (await readdir(folder)).filter((name) => /^step-\d+$/.test(name));
  return names.sort((a, b) => Number(b.slice(5)) - Number(a.slice(5)));
}

/**
 * The weights file a path stands for: a file itself; a checkpoint's model; of a run's folder the best model, else the
 * newest checkpoint's.
 *
 * @throws UserError when the path is missing or a folder without weights
 */
export async function findWeights(path: string): Promise<string> {
  if (!existsSync(path)) throw new UserError(`cannot read the weights ${path}: no such file or folder`);
  if (statSync(path).isFile()) return path;
  const newest = (await checkpointNames(path))[0];
  const candidates = [
    ...FOLDER_FILES.map((name) => join(path, name)),
    join(path, "best.safetensors"),
    ...(newest === undefined ? [] : [join(path, "checkpoints", newest, "model.safetensors")]),
  ];
  const found = candidates.find(existsSync);
  if (found !== undefined) return found;
  throw new UserError(
    `${path}: neither a checkpoint nor a run's folder: it holds no best.safetensors and no checkpoints`,
  );
}

/** The name and shape of a tensor, whatever else is known of it. */
export type NamedShape = readonly [name: string, tensor: { readonly shape: readonly number[] }];

/**
 * Checks that weights are those of a model: the same names with the same shapes.
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
    `${where}: weights of another model: of its ${wanted.size} tensors ${faults.join("; ")}. Use the config the weights were trained with`,
  );
}

function fault(names: readonly string[], what: string): string | undefined {
  if (names.length === 0) return undefined;
  const shown = 3;
  return `${names.length} ${what} (${names.slice(0, shown).join(", ")}${names.length > shown ? ", …" : ""})`;
}
