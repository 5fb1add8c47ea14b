import type { Config } from "../config/schema.js";
import { openEngine } from "../engines/index.js";
import type { Image } from "../pixels/image.js";
import type { ModelDescription } from "../tasks/description.js";
import { kindOf } from "../tasks/kinds.js";
import { prepare } from "./prepare.js";
import { checkDescription, openWeights } from "./weights.js";

/** A trained model that takes images of any size. Its answers depend on the task; see `ModelKind`. */
export interface Predictor<Answer = unknown> {
  readonly task: Config["task"];
  readonly description: ModelDescription;
  /** @param name of the image, for messages */
  predict(image: Image, name: string): Promise<Answer>;
  dispose(): Promise<void>;
}

/**
 * @param say is called with remarks on the weights @throws UserError when the weights cannot be read or are another
 *   model's
 */
export async function openPredictor(config: Config, weights: string, say?: (text: string) => void): Promise<Predictor> {
  const engine = await openEngine(config.engine);
  const file = await openWeights(weights);
  try {
    checkDescription(file, config);
    for (const text of file.remarks) say?.(text);
    const task = await kindOf(config).open(config, file.description, "val");
    const values = await file.read(task.parameters);
    const { predict, dispose } = task.predictor({ values, engine, folded: true });
    return {
      task: config.task,
      description: task.description,
      predict: async (image, name) => (await predict(prepare(image, name, config.data)))[0],
      dispose,
    };
  } finally {
    await file.close();
  }
}
