import type { Config } from "../config/schema.js";
import { UserError } from "../errors.js";
import { type Parameter, ParameterValues } from "../nn/parameters.js";
import { findWeights } from "../runs/folder.js";
import { fromMetadata, type ModelDescription } from "../tasks/description.js";
import { openTensorFile } from "../tensorfiles/open.js";
import { describedByMeta } from "../weights/description.js";
import { fillFrom } from "../weights/load.js";
import { describeChoice, modelPart } from "../weights/parts.js";
import { planLoad } from "../weights/plan.js";
import { requireAll } from "../weights/report.js";

/** An open weights file. */
export interface Weights {
  readonly path: string;
  /** The file's description of its model; undefined if it has none. */
  readonly description: ModelDescription | undefined;
  /** The texts beside its tensors. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Remarks for the user, such as which of two models in it is read. */
  readonly remarks: readonly string[];
  /**
   * The numbers of a model's parameters and buffers.
   *
   * @throws UserError when the file holds the weights of another model, before there is memory for that one's
   */
  read(parameters: readonly Parameter[]): Promise<ParameterValues>;
  close(): Promise<void>;
}

/**
 * Opens a file of weights of any known format, a checkpoint's model, or the best model of a run's folder.
 *
 * @throws UserError when there is no such file or it is damaged
 */
export async function openWeights(path: string): Promise<Weights> {
  const found = await findWeights(path);
  const file = await openTensorFile(found);
  let description: ModelDescription | undefined;
  let choice: string | undefined;
  try {
    choice = describeChoice(file, modelPart(file));
    description = fromMetadata(file.metadata, found) ?? describedByMeta(file);
  } catch (error) {
    await file.close();
    throw error;
  }
  return {
    path: found,
    description,
    metadata: file.metadata,
    remarks: choice === undefined ? [] : [choice],
    async read(parameters) {
      const plan = planLoad({ file, wanted: parameters });
      requireAll(plan);
      const values = new ParameterValues(parameters);
      await fillFrom(file, plan, values);
      return values;
    },
    close: () => file.close(),
  };
}

/**
 * @throws UserError when the weights are those of a model of another kind than the config's, or of other classes than it names: a
 *   model's classes are its own, whatever a config says
 */
export function checkDescription({ path, description }: Weights, { task, data }: Config): void {
  if (description === undefined) return;
  if (description.task !== task) {
    throw new UserError(
      `${path}: these are the weights of a model of the task ${description.task}, but the config's task is ${task}`,
    );
  }
  const [own, named] = [description.classes, data.classes];
  if (named === undefined) return;
  const first = [...named, undefined].findIndex((name, k) => name !== own[k]);
  if (first < 0) return;
  throw new UserError(
    `${path}: the classes of this model are ${listed(own)}, but data.classes of the config names ${listed(named)} ` +
      `(the first that differs has index ${first}); leave data.classes out (--set data.classes=null), or name the model's in its order`,
  );
}

const MOST_NAMED = 20;

function listed(names: readonly string[]): string {
  const shown = names.slice(0, MOST_NAMED).join(", ");
  return names.length > MOST_NAMED ? `${shown}, … (${names.length})` : shown;
}
