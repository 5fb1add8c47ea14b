import { loadConfig, resolveConfig } from "../config/load.js";
import type { ConfigInput } from "../config/schema.js";
import { decodePicture } from "../images/decode.js";
import type { LabelMap, Picture } from "../images/picture.js";
import type { Rle } from "../masks/types.js";
import type { Detections } from "../models/predictions.js";
import { openPredictor } from "./predictor.js";

export interface LoadModelOptions {
  /** A weights file, a checkpoint's folder, or a run's folder (its best weights). */
  readonly weights: string;
  /** `a.b.c=value`, as --set on the command line. */
  readonly overrides?: readonly string[];
}

/** A file's path, its bytes, or a decoded picture. */
export type PictureInput = string | Uint8Array | Picture;

/** An object found in a picture; coordinates are pixels of the picture. */
export interface FoundInstance {
  /** The class's name, and its index. */
  readonly label: string;
  readonly classIndex: number;
  /** 0 … 1 */
  readonly score: number;
  readonly box: { readonly x1: number; readonly y1: number; readonly x2: number; readonly y2: number };
  /** Of the picture's size; absent where the model has no mask head. */
  readonly mask?: Rle;
}

export interface FoundClasses {
  /** Of the picture's size. */
  readonly labelMap: LabelMap;
  /** Class names by index. */
  readonly classes: readonly string[];
}

interface ModelOf<Task extends string, Result> {
  readonly task: Task;
  readonly classes: readonly string[];
  /** @throws UserError when the picture cannot be read */
  predict(picture: PictureInput): Promise<Result>;
  /** Gives the memory of the model's programs back. */
  dispose(): Promise<void>;
}

/** Finds objects; the best score comes first. */
export type InstancesModel = ModelOf<"instances", readonly FoundInstance[]>;
/** Gives every pixel a class. */
export type SemanticModel = ModelOf<"semantic", FoundClasses>;
export type Model = InstancesModel | SemanticModel;

/**
 * Loads a trained model. `model.task` tells which kind it is, and so what `predict` answers.
 *
 * @param config a config file's path, the name of one that comes with densekit, or a config as an object
 * @throws UserError when config or weights cannot be read, or do not belong together
 */
export async function loadModel(config: string | ConfigInput, options: LoadModelOptions): Promise<Model> {
  const { weights, overrides = [] } = options;
  const loaded = typeof config === "string" ? loadConfig(config, { overrides }) : resolveConfig(config, { overrides });
  const predictor = await openPredictor(loaded.config, weights);
  const { codec } = loaded.config.data;
  const { classes } = predictor.description;
  const { dispose } = predictor;
  const read = async (input: PictureInput): Promise<[Picture, string]> => {
    if (typeof input === "string") return [await decodePicture(input, { codec }), input];
    return [input instanceof Uint8Array ? await decodePicture(input, { codec }) : input, "picture"];
  };
  if (predictor.task === "instances") {
    return {
      task: "instances",
      classes,
      predict: async (input) => instancesOf(await predictor.predict(...(await read(input))), classes),
      dispose,
    };
  }
  return {
    task: "semantic",
    classes,
    predict: async (input) => ({ labelMap: await predictor.predict(...(await read(input))), classes }),
    dispose,
  };
}

function instancesOf({ boxes, scores, labels, masks }: Detections, classes: readonly string[]): FoundInstance[] {
  return Array.from(labels, (classIndex, i) => {
    const box = { x1: boxes[4 * i]!, y1: boxes[4 * i + 1]!, x2: boxes[4 * i + 2]!, y2: boxes[4 * i + 3]! };
    const mask = masks?.[i];
    const label = classes[classIndex] ?? String(classIndex);
    return { label, classIndex, score: scores[i]!, box, ...(mask !== undefined && { mask }) };
  });
}
