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

/** @throws UserError when the weights are those of a model of another kind than the config's */
export function checkTask({ path, description }: Weights, { task }: Config): void {
  if (description === undefined || description.task === task) return;
  throw new UserError(
    `${path}: these are the weights of a model of the task ${description.task}, but the config's task is ${task}`,
  );
}
