import type { Config } from "../config/schema.js";
import { UserError } from "../errors.js";
import { formatNamed } from "../export/formats/index.js";
import { standaloneMetadata } from "../export/metadata.js";
import { filePredictor } from "../export/verify/filePredictor.js";
import { preparedFor } from "../export/verify/images.js";
import { openPredictor as openTrained, type Predictor, predictCalls } from "../inference/predictor.js";
import { kindOf } from "../tasks/kinds.js";

/**
 * A model that takes images of any size, from its weights or from a file exported from it, whose graph is then run.
 *
 * @param say receives remarks on the weights
 * @throws UserError when the weights or the file cannot be read or are another model's
 */
export async function openPredictor(config: Config, weights: string, say?: (text: string) => void): Promise<Predictor> {
  const format = formatNamed(weights);
  if (format === undefined) return openTrained(config, weights, say);
  const file = await format.open(weights, { threads: config.engine.threads });
  try {
    const { settings, description } = standaloneMetadata(file.metadata, weights);
    if (description.task !== config.task) {
      throw new UserError(
        `${weights}: a model for the task ${description.task}, but the config's task is ${config.task}`,
      );
    }
    const task = await kindOf(config).open(config, description, "val");
    const predictor = filePredictor(file, settings, config.data.normalisation, task);
    const single = { ...settings, batch: "free" } as const; // filled up where the file's batch is fixed
    return {
      task: config.task,
      description: task.description,
      batch: settings.batch === "free" ? config.data.testBatchSize : settings.batch,
      ...predictCalls(predictor, (image, name) => preparedFor(single, image, name, config.data)),
      dispose: () => file.dispose(),
    };
  } catch (error) {
    await file.dispose();
    throw error;
  }
}
