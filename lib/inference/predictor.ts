import type { Config } from "../config/schema.js";
import { openEngine } from "../engines/index.js";
import type { BatchPredictor, InferenceBatch } from "../models/predictions.js";
import type { Image } from "../pixels/image.js";
import type { ModelDescription } from "../tasks/description.js";
import { kindOf } from "../tasks/kinds.js";
import { joinEqual, prepare } from "./prepare.js";
import { checkDescription, openWeights } from "./weights.js";

/** A trained model that takes images of any size. Its answers depend on the task; see `ModelKind`. */
export interface Predictor<Answer = unknown> {
  readonly task: Config["task"];
  readonly description: ModelDescription;
  /** How many images are best predicted at once. */
  readonly batch: number;
  /** @param name of the image, for messages */
  predict(image: Image, name: string): Promise<Answer>;
  /** One answer per image. Neighbours that have one size when they are prepared are predicted at once. */
  predictAll(images: readonly NamedPixels[]): Promise<Answer[]>;
  dispose(): Promise<void>;
}

/** An image with its name, for messages. */
export interface NamedPixels {
  readonly image: Image;
  readonly name: string;
}

/** The calls of a predictor, by those of batches. @param prepared makes a batch of one */
export function predictCalls<Answer>(
  { predict }: Pick<BatchPredictor<Answer>, "predict">,
  prepared: (image: Image, name: string) => InferenceBatch,
): Pick<Predictor<Answer>, "predict" | "predictAll"> {
  const predictAll = async (images: readonly NamedPixels[]): Promise<Answer[]> => {
    const answers: Answer[] = [];
    for (const batch of joinEqual(images.map(({ image, name }) => prepared(image, name)))) {
      answers.push(...(await predict(batch)));
    }
    return answers;
  };
  return { predictAll, predict: async (image, name) => (await predictAll([{ image, name }]))[0]! };
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
    const predictor = task.predictor({ values, engine, folded: true });
    return {
      task: config.task,
      description: task.description,
      batch: config.data.testBatchSize,
      ...predictCalls(predictor, (image, name) => prepare(image, name, config.data)),
      dispose: () => predictor.dispose(),
    };
  } finally {
    await file.close();
  }
}
