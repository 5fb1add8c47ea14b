import type { Backbone } from "../backbones/backbone.js";
import { EFFICIENTFORMER_SIZES, efficientFormer } from "../backbones/efficientformer.js";
import type { BackboneConfig } from "../config/schema.js";
import type { NormMode } from "../nn/context.js";
import type { ParameterScope } from "../nn/parameters.js";

/** Side, in tokens, of the pictures the attention bias was made for: 800-pixel ones for detection, 512 for segmentation. */
const BIAS_SIDE = { instances: 25, semantic: 16 } as const;

/** The backbones there are. */
const BACKBONES: {
  readonly [Type in BackboneConfig["type"]]: (
    scope: ParameterScope,
    config: Extract<BackboneConfig, { type: Type }>,
    task: keyof typeof BIAS_SIDE,
  ) => Backbone;
} = {
  efficientformer: (scope, { variant, dropPath, layerScaleInit }, task) =>
    efficientFormer(scope, {
      size: EFFICIENTFORMER_SIZES[variant],
      dropPath,
      layerScaleInit,
      biasSide: BIAS_SIDE[task],
    }),
};

export function makeBackbone(scope: ParameterScope, config: BackboneConfig, task: keyof typeof BIAS_SIDE): Backbone {
  return BACKBONES[config.type](scope, config, task);
}

/** Whether a parameter of the backbone stays as it is: the stem and the first `frozenStages` stages, each with its embedding. */
export function isFrozen(name: string, { frozenStages }: BackboneConfig): boolean {
  if (frozenStages === 0) return false;
  if (name.startsWith("backbone.patch_embed.")) return true;
  const entry = /^backbone\.network\.(\d+)\./.exec(name)?.[1];
  return entry !== undefined && Number(entry) <= 2 * (frozenStages - 1);
}

/** Frozen parts and backbones in evaluation mode normalise by running statistics, everything else by the batch's. */
export function normModeOf(config: BackboneConfig): (parameterName: string) => NormMode {
  return (name) => {
    const fixed = name.startsWith("backbone.") && config.batchNorm === "evaluation";
    return fixed || isFrozen(name, config) ? "running" : "batch";
  };
}
