import type { StoredTensor, TensorFile } from "../formats/tensorFile.js";
import { isOffsetTable } from "./attentionBias.js";
import { isNotNeeded, translate } from "./names.js";
import { modelPart } from "./parts.js";

/** A parameter of a model, as far as loading goes. */
export interface WantedTensor {
  readonly name: string;
  readonly shape: readonly number[];
}

/** How a tensor of a file becomes a parameter. */
export interface Load {
  readonly name: string;
  readonly shape: readonly number[];
  readonly tensor: StoredTensor;
  /** Rows of the file's tensor, where they are not taken in order. */
  readonly rows?: readonly number[];
  /** The table of attention biases is resampled to another side. */
  readonly resampled?: true;
}

export interface Reshaped {
  readonly name: string;
  readonly found: readonly number[];
  readonly wanted: readonly number[];
}

/** What would be loaded from a file into a model, by our names. Nothing has been read. */
export interface LoadPlan {
  readonly path: string;
  /** Whose names the file has. */
  readonly naming: string | undefined;
  readonly loads: readonly Load[];
  /** The model has them, the file does not. */
  readonly missing: readonly string[];
  /** Attention biases of a dense model for which the file has a classifier's, and which keep their start from zero. */
  readonly fromZero: readonly string[];
  /** The file has them, the model does not. */
  readonly unexpected: readonly string[];
  readonly reshaped: readonly Reshaped[];
  /** Of the file, and used by no model: counters, index tables, a classifier's biases beside a dense model's. */
  readonly notNeeded: readonly string[];
}

export interface PlanOptions {
  readonly file: TensorFile;
  /** The model's parameters and buffers, or those of its backbone. */
  readonly wanted: readonly WantedTensor[];
  /** The part of the file that is the model; chosen by its name where left out. */
  readonly part?: string;
  /** What a dense model's attention biases become where the file has those of another size; default zeros. */
  readonly attentionBias?: "zeros" | "resampled";
}

const BACKBONE = "backbone.";

/**
 * Compares a file with a model. Names are translated by the rules of rules.ts; "backbone." is added or taken off as the
 * model needs it.
 *
 * @throws UserError when the file holds no model
 */
export function planLoad({ file, wanted, part, attentionBias = "zeros" }: PlanOptions): LoadPlan {
  const { tensors } = modelPart(file, part);
  const { naming, ours, rowsOf } = translate([...tensors.keys()]);
  const given = placed(new Map([...tensors].map(([name, tensor]) => [ours.get(name)!, tensor])), wanted);
  const loads: Load[] = [];
  const missing: string[] = [];
  const fromZero: string[] = [];
  const reshaped: Reshaped[] = [];
  const used = new Set<string>();
  for (const { name, shape } of wanted) {
    const tensor = given.get(name);
    const load = tensor && fit({ name, shape }, tensor, rowsOf(name));
    if (tensor !== undefined) used.add(name);
    if (load !== undefined) {
      loads.push(load);
      continue;
    }
    const table = tensor ?? given.get(classifierName(name));
    if (attentionBias === "resampled" && table !== undefined && isOffsetTable(name, table.shape, shape)) {
      loads.push({ name, shape, tensor: table, resampled: true });
    } else if (tensor !== undefined) reshaped.push({ name, found: tensor.shape, wanted: shape });
    else if (table !== undefined) fromZero.push(name);
    else missing.push(name);
  }
  const isDense = wanted.some(({ name }) => name.endsWith(DENSE_BIAS));
  const isIdle = (name: string) => isNotNeeded(name) || (isDense && name.endsWith(".attention_biases"));
  const left = [...given.keys()].filter((name) => !used.has(name));
  return {
    path: file.path,
    naming,
    loads,
    missing,
    fromZero,
    reshaped,
    unexpected: left.filter((name) => !isIdle(name)),
    notNeeded: left.filter(isIdle),
  };
}

const DENSE_BIAS = ".attention_biases_seg";
const classifierName = (name: string): string => (name.endsWith(DENSE_BIAS) ? name.replace(/_seg$/, "") : "");

/** A backbone's names begin with "backbone." in a whole model, and with nothing in a file of their own. */
function placed(given: ReadonlyMap<string, StoredTensor>, wanted: readonly WantedTensor[]): Map<string, StoredTensor> {
  const hasBackbone = [...given.keys()].some((name) => name.startsWith(BACKBONE));
  const wantsBackbone = wanted.some(({ name }) => name.startsWith(BACKBONE));
  if (hasBackbone === wantsBackbone) return new Map(given);
  const move = (name: string): string => {
    if (wantsBackbone) return BACKBONE + name;
    return name.startsWith(BACKBONE) ? name.slice(BACKBONE.length) : name;
  };
  return new Map([...given].map(([name, tensor]) => [move(name), tensor]));
}

function fit(
  { name, shape }: WantedTensor,
  tensor: StoredTensor,
  pick: ReturnType<ReturnType<typeof translate>["rowsOf"]>,
): Load | undefined {
  const same = (found: readonly number[]) => String(found) === String(shape);
  if (pick === undefined) return same(tensor.shape) ? { name, shape, tensor } : undefined;
  const [found, ...rest] = tensor.shape;
  const rows = found === undefined ? undefined : pick(found, shape[0] ?? 0);
  return rows !== undefined && same([rows.length, ...rest]) ? { name, shape, tensor, rows } : undefined;
}
