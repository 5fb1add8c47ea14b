import { anyAdapters } from "../backbones/index.js";
import type { NamedShape, WeightAdapter } from "../nn/weightNames.js";
import type { StoredTensor, TensorFile } from "../tensors/tensorFile.js";
import { isNotNeeded, pieceName, translate } from "./names.js";
import { describeChoice, modelPart } from "./parts.js";

/** How a tensor of a file becomes a parameter. */
export interface Load {
  readonly name: string;
  readonly shape: readonly number[];
  readonly tensor: StoredTensor;
  /** Tensors of the file whose rows go below that tensor's, if it has the parameter in pieces. */
  readonly below?: readonly StoredTensor[];
  /** Rows of the file's tensor, if they are not taken in order. */
  readonly rows?: readonly number[];
  /** Makes the parameter from the tensor's values if its shape differs; and the adapter that says so. */
  readonly change?: (values: Float32Array) => Float32Array;
  readonly adapter?: WeightAdapter;
}

export interface Reshaped {
  readonly name: string;
  readonly found: readonly number[];
  readonly wanted: readonly number[];
}

/** What would be loaded from a file into a model, by our names. No tensor has been read. */
export interface LoadPlan {
  readonly path: string;
  /** The naming of the file's tensors. */
  readonly naming: string | undefined;
  readonly loads: readonly Load[];
  /** The model has them, the file does not. */
  readonly missing: readonly string[];
  /**
   * Those that the file has in another form that is not loaded, so that they keep their initial values on purpose; and
   * the adapter that says so.
   */
  readonly initial: readonly { readonly name: string; readonly adapter: WeightAdapter }[];
  /** The file has them, the model does not. */
  readonly unexpected: readonly string[];
  readonly reshaped: readonly Reshaped[];
  /** The file has them, with an element type that densekit does not compute with. */
  readonly unreadable: readonly { readonly name: string; readonly type: string }[];
  /** Which part of the file was chosen by a rule although another could be meant. */
  readonly choice: string | undefined;
  /** In the file, but used by no model: counters, index tables, what an adapter calls idle. */
  readonly notNeeded: readonly string[];
}

export interface PlanOptions {
  readonly file: TensorFile;
  /** The model's parameters and buffers, or those of its backbone. */
  readonly wanted: readonly NamedShape[];
  /** The part of the file that is the model; default: chosen by its name. */
  readonly part?: string;
  /**
   * What is known about checkpoints that differ by design; default: the adapters of all backbones with their defaults.
   */
  readonly adapters?: readonly WeightAdapter[];
}

const BACKBONE = "backbone.";

/**
 * Compares a file with a model. Names are translated by the rules of rules.ts; "backbone." is added or removed as the
 * model needs it.
 *
 * @throws UserError when the file has no model
 */
export function planLoad({ file, wanted, part, adapters = anyAdapters() }: PlanOptions): LoadPlan {
  const model = modelPart(file, part);
  const skipped = unreadableOf(file, model.name);
  const { naming, ours, rowsOf } = translate([...model.tensors.keys(), ...skipped.keys()]);
  const move = placing([...ours.values()], wanted);
  const renamed = <T>(map: ReadonlyMap<string, T>) => new Map([...map].map(([name, x]) => [move(ours.get(name)!), x]));
  const given = renamed(model.tensors);
  const types = renamed(skipped);
  const loads: Load[] = [];
  const missing: string[] = [];
  const initial: LoadPlan["initial"][number][] = [];
  const reshaped: Reshaped[] = [];
  const unreadable: LoadPlan["unreadable"][number][] = [];
  const used = new Set<string>();
  for (const { name, shape } of wanted) {
    const tensor = given.get(name);
    const load = tensor && fit({ name, shape }, tensor, rowsOf(name));
    if (tensor !== undefined) used.add(name);
    if (load !== undefined) {
      loads.push(load);
      continue;
    }
    const pieces = piecesOf({ name, shape }, given);
    if (pieces !== undefined) {
      const [first, ...below] = pieces;
      for (const i of pieces.keys()) used.add(pieceName(name, i));
      loads.push({ name, shape, tensor: first, below });
      continue;
    }
    const known = adaptation({ name, shape }, given, adapters);
    if (known?.how === "initial") initial.push({ name, adapter: known.adapter });
    else if (known !== undefined) {
      const { how, adapter } = known;
      loads.push({ name, shape, tensor: given.get(how.from)!, change: how.change, adapter });
    } else if (tensor !== undefined) reshaped.push({ name, found: tensor.shape, wanted: shape });
    else if (types.has(name)) unreadable.push({ name, type: types.get(name)! });
    else missing.push(name);
  }
  const isIdle = (name: string) => isNotNeeded(name) || adapters.some((adapter) => adapter.isIdle(name, wanted));
  const left = [...given.keys()].filter((name) => !used.has(name));
  return {
    path: file.path,
    naming,
    loads,
    missing,
    initial,
    reshaped,
    unreadable,
    choice: describeChoice(file, model),
    unexpected: left.filter((name) => !isIdle(name)),
    notNeeded: left.filter(isIdle),
  };
}

/** The tensors that make a parameter, one below the other, if the file has it in pieces. */
function piecesOf(
  { name, shape: [rows, ...rest] }: NamedShape,
  given: ReadonlyMap<string, StoredTensor>,
): [StoredTensor, ...StoredTensor[]] | undefined {
  const pieces: StoredTensor[] = [];
  for (
    let piece = given.get(pieceName(name, 0));
    piece !== undefined;
    piece = given.get(pieceName(name, pieces.length))
  ) {
    pieces.push(piece);
  }
  const [first, ...below] = pieces;
  const fits = pieces.every(({ shape: [, ...own] }) => sameElements(own, rest));
  const found = pieces.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0);
  return first !== undefined && fits && found === rows ? [first, ...below] : undefined;
}

/** The first adapter that knows what to do for a parameter which no tensor of the file fits. */
function adaptation(wanted: NamedShape, given: ReadonlyMap<string, StoredTensor>, adapters: readonly WeightAdapter[]) {
  for (const adapter of adapters) {
    const how = adapter.adapt(wanted, (name) => given.get(name)?.shape);
    if (how !== undefined) return { how, adapter };
  }
  return undefined;
}

/** Element types by the names of the tensors in a part that cannot be read. */
function unreadableOf({ others }: TensorFile, part: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const { group, name, type } of others) {
    if (type === undefined) continue;
    const full = [...group, name].join(".");
    if (part === "" || full.startsWith(`${part}.`)) found.set(part === "" ? full : full.slice(part.length + 1), type);
  }
  return found;
}

/** A backbone's names begin with "backbone." in a whole model, and without a prefix in a file of their own. */
function placing(given: readonly string[], wanted: readonly NamedShape[]): (name: string) => string {
  const hasBackbone = given.some((name) => name.startsWith(BACKBONE));
  const wantsBackbone = wanted.some(({ name }) => name.startsWith(BACKBONE));
  if (hasBackbone === wantsBackbone) return (name) => name;
  if (wantsBackbone) return (name) => BACKBONE + name;
  return (name) => (name.startsWith(BACKBONE) ? name.slice(BACKBONE.length) : name);
}

function fit(
  { name, shape }: NamedShape,
  tensor: StoredTensor,
  pick: ReturnType<ReturnType<typeof translate>["rowsOf"]>,
): Load | undefined {
  const same = (found: readonly number[]) => sameElements(found, shape);
  if (pick === undefined) return same(tensor.shape) ? { name, shape, tensor } : undefined;
  const [found, ...rest] = tensor.shape;
  const rows = found === undefined ? undefined : pick(found, shape[0] ?? 0);
  return rows !== undefined && same([rows.length, ...rest]) ? { name, shape, tensor, rows } : undefined;
}

/** Whether two shapes only differ in axes of size 1 at their ends, as a factor per channel [C] and [C, 1, 1] do. */
function sameElements(a: readonly number[], b: readonly number[]): boolean {
  const length = Math.max(a.length, b.length);
  return Array.from({ length }, (_, i) => (a[i] ?? 1) === (b[i] ?? 1)).every((same) => same);
}
