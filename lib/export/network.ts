import type { Config } from "../config/schema.js";
import type { Value } from "../graph/index.js";
import { checkTask, openWeights } from "../inference/weights.js";
import { type DetectionInputs, detectionGraph } from "../models/maskRcnn/detectionGraph.js";
import { maskRcnn } from "../models/maskRcnn/model.js";
import { semanticFpn } from "../models/semanticFpn/model.js";
import type { Context } from "../nn/context.js";
import { ParameterValues } from "../nn/parameters.js";
import type { ModelDescription } from "../tasks/description.js";
import { instancesTask } from "../tasks/instances.js";
import { semanticTask } from "../tasks/semantic.js";

/** A trained model as functions that record its graph. */
export interface Network {
  readonly description: ModelDescription;
  readonly values: ParameterValues;
  /** The weights file. */
  readonly weights: string;
  /** Of a model that finds objects: the least score kept, and the probability from which a pixel belongs to a mask. */
  readonly scoreThreshold?: number;
  readonly maskThreshold?: number;
  /** @returns the backbone's maps by name (`c2` has stride 2² = 4) */
  readonly backbone: (images: Value, context: Context) => Readonly<Record<string, Value>>;
  /** @returns the pyramid's maps by name, `p2` and on */
  readonly neck: (images: Value, context: Context) => Readonly<Record<string, Value>>;
  /** @returns `boxes`, `scores`, `labels`, `count` and `masks`, or `logits` */
  readonly model: (inputs: DetectionInputs, context: Context) => Readonly<Record<string, Value>>;
}

/**
 * The model of a config with trained weights.
 *
 * @throws UserError when the weights cannot be read or are another model's
 */
export async function openNetwork(config: Config, weights: string): Promise<Network> {
  const file = await openWeights(weights);
  try {
    checkTask(file, config);
    const made = await describe(config, file.description);
    const values = new ParameterValues(made.parameters);
    await file.fill(values);
    return { ...made, values, weights: file.path };
  } finally {
    await file.close();
  }
}

async function describe(config: Config, known: ModelDescription | undefined) {
  if (config.task === "segmentation") {
    const description = known ?? (await semanticTask(config, undefined, "val")).description;
    const network = semanticFpn(config.model, description.classes.length);
    return {
      description,
      parameters: network.parameters,
      backbone: namedMaps("c", network.backbone.strides, network.backbone.forward),
      neck: namedMaps("p", network.strides, network.features),
      model: ({ images }: DetectionInputs, context: Context) => ({ logits: network.forward(images, context) }),
    };
  }
  const description = known ?? (await instancesTask(config, undefined, "val")).description;
  const network = maskRcnn(config.model, description.classes.length, description.masks === true);
  return {
    description,
    parameters: network.parameters,
    scoreThreshold: config.model.head.test.scoreThreshold,
    maskThreshold: config.model.head.test.maskThreshold,
    backbone: namedMaps("c", network.backbone.strides, network.backbone.forward),
    neck: namedMaps("p", network.strides, network.features),
    model: (inputs: DetectionInputs, context: Context) => ({ ...detectionGraph(network, context, inputs) }),
  };
}

type Maps = (images: Value, context: Context) => readonly Value[];

function namedMaps(letter: string, strides: readonly number[], forward: Maps): Network["backbone"] {
  return (images, context) =>
    Object.fromEntries(forward(images, context).map((map, i) => [`${letter}${Math.log2(strides[i]!)}`, map]));
}
