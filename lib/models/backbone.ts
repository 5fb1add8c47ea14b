import type { Backbone } from "../backbones/backbone.js";
import { type BackboneConfig, backboneLayers } from "../backbones/index.js";
import type { NormMode } from "../nn/context.js";
import { isWithin } from "../nn/parameters.js";

/** Side, in pixels, of the images that each task's models are designed for. */
export const IMAGE_SIDE = { detection: 800, segmentation: 512, classification: 224 } as const;

/** Of the names of a backbone's parameters in a model. */
export const BACKBONE_PREFIX = "backbone.";

type Freezing = Pick<BackboneConfig, "frozenStages">;

/**
 * Whether a parameter of the model is frozen: those of the stem and of the first `frozenStages` stages are.
 *
 * @param others that are too
 */
export function isFrozen(
  { stages }: Pick<Backbone, "stages">,
  { frozenStages }: Freezing,
  others: (parameterName: string) => boolean = () => false,
): (parameterName: string) => boolean {
  if (frozenStages === 0) return others;
  const paths = stages.slice(0, frozenStages + 1).flatMap((modules) => modules.map((path) => BACKBONE_PREFIX + path));
  return (name) => others(name) || paths.some((path) => isWithin(name, path));
}

/** How learning rates decay from layer to layer: each layer has `scale` times the rate of neck and heads. */
export interface LayerScales {
  readonly layers: number;
  /** The stem's, which is the smallest. */
  readonly least: number;
  /** By the name of a parameter of the model. */
  readonly scale: (parameterName: string) => number;
}

/**
 * BEiT's and timm's layer-wise decay (`param_groups_layer_decay`): layer i of n, counted from 0, has decayⁿ⁻ⁱ; what
 * belongs to no layer, such as heads, has 1.
 */
export function layerScales(backbone: Pick<Backbone, "stages">, config: BackboneConfig, decay: number): LayerScales {
  const layers = backboneLayers(config, backbone).map((paths) => paths.map((path) => BACKBONE_PREFIX + path));
  return {
    layers: layers.length,
    least: decay ** layers.length,
    scale(name) {
      const layer = layers.findIndex((paths) => paths.some((path) => isWithin(name, path)));
      return layer < 0 ? 1 : decay ** (layers.length - layer);
    },
  };
}

/** Frozen parts and backbones in evaluation mode normalise by running statistics, everything else by the batch's. */
export function normModeOf(
  config: Pick<BackboneConfig, "batchNorm">,
  frozen: (parameterName: string) => boolean,
): (parameterName: string) => NormMode {
  return (name) => {
    const fixed = name.startsWith(BACKBONE_PREFIX) && config.batchNorm === "evaluation";
    return fixed || frozen(name) ? "running" : "batch";
  };
}
