import type { Backbone } from "../backbones/backbone.js";
import type { BackboneConfig } from "../backbones/index.js";
import type { NormMode } from "../nn/context.js";

/** Side, in pixels, of the images that the models of each task are made for. */
export const PICTURE_SIDE = { detection: 800, segmentation: 512 } as const;

const PREFIX = "backbone.";

type Freezing = Pick<BackboneConfig, "frozenStages">;

/** Whether a parameter of the model stays as it is: those of the stem and of the first `frozenStages` stages do. */
export function isFrozen({ stages }: Backbone, { frozenStages }: Freezing): (parameterName: string) => boolean {
  if (frozenStages === 0) return () => false;
  const paths = stages.slice(0, frozenStages + 1).flatMap((modules) => modules.map((path) => PREFIX + path));
  return (name) => paths.some((path) => name === path || name.startsWith(`${path}.`));
}

/** Frozen parts and backbones in evaluation mode normalise by running statistics, everything else by the batch's. */
export function normModeOf(
  backbone: Backbone,
  config: Freezing & Pick<BackboneConfig, "batchNorm">,
): (parameterName: string) => NormMode {
  const frozen = isFrozen(backbone, config);
  return (name) => {
    const fixed = name.startsWith(PREFIX) && config.batchNorm === "evaluation";
    return fixed || frozen(name) ? "running" : "batch";
  };
}
