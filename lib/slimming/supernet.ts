import type { EfficientFormerSize } from "../backbones/efficientformerSizes.js";
import { type PathChoice, pathsOfSupernet, SUPERNET_NAMES } from "../backbones/efficientformerSupernet.js";
import type { Config } from "../config/schema.js";
import { UserError } from "../errors.js";
import { checkDescription, openWeights } from "../inference/weights.js";
import { BACKBONE_PREFIX } from "../models/backbone.js";
import type { ParameterValues } from "../nn/parameters.js";
import type { ModelDescription } from "../tasks/description.js";
import { kindOf } from "../tasks/kinds.js";

/** A trained supernet. */
export interface TrainedSupernet {
  readonly config: Config;
  /** The largest network. */
  readonly size: EfficientFormerSize;
  readonly values: ParameterValues;
  readonly description: ModelDescription;
}

/** @throws UserError where a config's backbone is not a supernet */
export function supernetSize({ model: { backbone } }: Config): EfficientFormerSize {
  if (backbone.type === "efficientformerSupernet") return backbone.size;
  throw new UserError(
    `model.backbone: type ${backbone.type} has nothing to choose; a search needs type efficientformerSupernet`,
  );
}

/**
 * @param weights a weights file, a checkpoint's folder, or a run's folder (its best weights)
 * @throws UserError where the config's model is not a supernet, or the weights cannot be read or are another model's
 */
export async function openSupernet(config: Config, weights: string): Promise<TrainedSupernet> {
  const size = supernetSize(config);
  const file = await openWeights(weights);
  try {
    checkDescription(file, config);
    const { parameters, description } = await kindOf(config).open(config, file.description, "val");
    return { config, size, values: await file.read(parameters), description };
  } finally {
    await file.close();
  }
}

/**
 * The importance of each choice of each MetaPath, by stage and block: softmax(α), positive numbers that sum to 1 and whose
 * ratios are those of exp(α).
 */
export function importancesOf({
  size,
  values,
}: Pick<TrainedSupernet, "size" | "values">): Partial<Record<PathChoice, number>>[][] {
  const stages: Partial<Record<PathChoice, number>>[][] = size.depths.map(() => []);
  for (const path of pathsOfSupernet(size)) {
    const weights = values.view(BACKBONE_PREFIX + SUPERNET_NAMES.alpha(path)).map(Math.exp);
    const sum = weights.reduce((a, b) => a + b, 0);
    stages[path.stage]!.push(Object.fromEntries(path.choices.map((choice, i) => [choice, weights[i]! / sum])));
  }
  return stages;
}
