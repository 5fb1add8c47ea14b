import type { Config, DetectionConfig, SegmentationConfig } from "../config/schema.js";
import { createEngine } from "../engines/create.js";
import type { Engine } from "../engines/engine.js";
import type { LabelMap, Picture } from "../images/picture.js";
import { detector } from "../models/maskRcnn/detector.js";
import { maskRcnn } from "../models/maskRcnn/model.js";
import type { Detections } from "../models/predictions.js";
import { semanticFpn } from "../models/semanticFpn/model.js";
import { segmenter } from "../models/semanticFpn/segmenter.js";
import { ParameterValues } from "../nn/parameters.js";
import { checkTestTransforms } from "../tasks/data.js";
import type { ModelDescription } from "../tasks/description.js";
import { instancesTask } from "../tasks/instances.js";
import { semanticTask } from "../tasks/semantic.js";
import { prepare } from "./prepare.js";
import { checkTask, openWeights, type Weights } from "./weights.js";

interface PredictorOf<Name extends Config["task"], Answer> {
  readonly task: Name;
  readonly description: ModelDescription;
  /** @param name of the picture, for messages */
  predict(picture: Picture, name: string): Promise<Answer>;
  dispose(): Promise<void>;
}

/** A trained model that takes pictures of any size. */
export type Predictor = PredictorOf<"detection", Detections> | PredictorOf<"segmentation", LabelMap>;

/**
 * @param say is told what there is to know of the weights
 * @throws UserError when the weights cannot be read or are another model's
 */
export async function openPredictor(config: Config, weights: string, say?: (text: string) => void): Promise<Predictor> {
  checkTestTransforms(config);
  const engine = createEngine(config.engine);
  const file = await openWeights(weights);
  try {
    checkTask(file, config);
    for (const text of file.remarks) say?.(text);
    return config.task === "segmentation"
      ? await semanticPredictor(config, file, engine)
      : await instancesPredictor(config, file, engine);
  } finally {
    await file.close();
  }
}

async function semanticPredictor(config: SegmentationConfig, file: Weights, engine: Engine): Promise<Predictor> {
  const description = file.description ?? (await semanticTask(config, undefined, "val")).description;
  const model = semanticFpn(config.model, description.classes.length);
  const values = new ParameterValues(model.parameters);
  await file.fill(values);
  const { segment, dispose } = segmenter({ model, values, engine, folded: true });
  const predict = async (picture: Picture, name: string): Promise<LabelMap> =>
    (await segment(prepare(picture, name, config.data)))[0]!;
  return { task: "segmentation", description, predict, dispose };
}

async function instancesPredictor(config: DetectionConfig, file: Weights, engine: Engine): Promise<Predictor> {
  const description = file.description ?? (await instancesTask(config, undefined, "val")).description;
  const model = maskRcnn(config.model, description.classes.length, description.masks === true);
  const values = new ParameterValues(model.parameters);
  await file.fill(values);
  const { detect, dispose } = detector({ model, values, engine, folded: true });
  const predict = async (picture: Picture, name: string): Promise<Detections> =>
    (await detect(prepare(picture, name, config.data)))[0]!;
  return { task: "detection", description, predict, dispose };
}
