import type { Backbone } from "../../backbones/backbone.js";
import { type BackboneConfig, makeBackbone } from "../../backbones/index.js";
import type { Value } from "../../graph/index.js";
import { makeSegmentationHead, type SegmentationHeadConfig } from "../../heads/index.js";
import { makeNeck, type NeckConfig } from "../../necks/index.js";
import type { Context } from "../../nn/context.js";
import { type Parameter, ParameterList } from "../../nn/parameters.js";
import { IMAGE_SIDE } from "../backbone.js";

/** Semantic FPN: backbone, pyramid, semantic head. */
export interface SemanticFpn {
  readonly classes: number;
  readonly parameters: readonly Parameter[];
  readonly backbone: Backbone;
  /** Strides of the pyramid's levels. */
  readonly strides: readonly number[];
  /** images [B, 3, H, W] → the pyramid's maps, one per stride. */
  readonly features: (images: Value, context: Context) => Value[];
  /** @param images [B, 3, H, W] normalised @returns logits [B, classes, H / 4, W / 4] */
  readonly forward: (images: Value, context: Context) => Value;
}

/** The configs of its parts. */
export interface SemanticFpnParts {
  readonly backbone: BackboneConfig;
  readonly neck: NeckConfig;
  readonly head: SegmentationHeadConfig;
}

/** The parts of a Semantic FPN that a config describes. */
export function semanticFpn(config: SemanticFpnParts, classes: number): SemanticFpn {
  const list = new ParameterList();
  const backbone = makeBackbone(list.scope("backbone"), config.backbone, { imageSide: IMAGE_SIDE.segmentation });
  const neck = makeNeck(list.scope("neck"), config.neck, { inputs: backbone, extraLevel: false });
  const head = makeSegmentationHead(list.scope("decode_head"), config.head, {
    in: neck.channels,
    strides: neck.strides,
    classes,
  });
  const features = (images: Value, context: Context) => neck.forward(backbone.forward(images, context), context);
  return {
    classes,
    parameters: list.all,
    backbone,
    strides: neck.strides,
    features,
    forward: (images, context) => head.forward(features(images, context), context),
  };
}
