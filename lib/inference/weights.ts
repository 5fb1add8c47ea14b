import type { Config } from "../config/schema.js";
import { UserError } from "../errors.js";
import { openSafetensors } from "../formats/safetensors.js";
import { toFloat32 } from "../formats/tensor.js";
import type { ParameterValues } from "../nn/parameters.js";
import { fromMetadata, type ModelDescription } from "../tasks/description.js";
import { checkFit, findWeights } from "../training/checkpoint.js";

/** An open weights file. */
export interface Weights {
  readonly path: string;
  /** What the file says its model means; undefined for files of other programs. */
  readonly description: ModelDescription | undefined;
  /** Fills parameters and buffers. @throws UserError when the file holds the weights of another model */
  fill(values: ParameterValues): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens a safetensors file, a checkpoint's model, or the best model of a run's folder.
 *
 * @throws UserError when there is none or it is damaged
 */
export async function openWeights(path: string): Promise<Weights> {
  const found = await findWeights(path);
  const file = await openSafetensors(found);
  let description: ModelDescription | undefined;
  try {
    description = fromMetadata(file.metadata, found);
  } catch (error) {
    await file.close();
    throw error;
  }
  return {
    path: found,
    description,
    async fill(values) {
      // PyTorch counts the batches each norm has seen; nothing is computed from it.
      const entries = [...file.entries].filter(([name]) => !name.endsWith(".num_batches_tracked"));
      checkFit(
        found,
        values.parameters.map((parameter) => [parameter.name, parameter] as const),
        entries,
      );
      for (const [name, { dtype }] of entries) {
        const view = values.view(name);
        if (dtype === "F32") await file.readInto(name, view);
        else view.set(toFloat32(await file.read(name)));
        if (!view.every(Number.isFinite)) {
          throw new UserError(
            `${found}: ${name} holds NaN or Infinity; take weights of before that training went astray`,
          );
        }
      }
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
