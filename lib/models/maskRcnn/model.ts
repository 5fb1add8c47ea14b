import type { Backbone } from "../../backbones/backbone.js";
import { type BackboneConfig, makeBackbone } from "../../backbones/index.js";
import type { Value } from "../../graph/index.js";
import { type BoxHead, boxHead } from "../../heads/boxHead.js";
import type { MaskRcnnConfig } from "../../heads/index.js";
import { type MaskHead, maskHead } from "../../heads/maskHead.js";
import { type RpnHead, rpnHead } from "../../heads/rpnHead.js";
import { makeNeck, type NeckConfig } from "../../necks/index.js";
import type { Context } from "../../nn/context.js";
import { type Parameter, ParameterList } from "../../nn/parameters.js";
import { IMAGE_SIDE } from "../backbone.js";

/** Mask R-CNN (He et al. 2017) on a feature pyramid: backbone, neck, region proposals, box head, mask head. */
export interface MaskRcnn {
  readonly config: MaskRcnnConfig;
  readonly classes: number;
  readonly parameters: readonly Parameter[];
  readonly backbone: Backbone;
  /** Channels of the pyramid. */
  readonly channels: number;
  /** Strides of all pyramid levels; RoIs are pooled from all but the last. */
  readonly strides: readonly number[];
  /** @param images [B, 3, H, W] normalised @returns the pyramid, one [B, channels, H / stride, W / stride] per level */
  readonly features: (images: Value, context: Context) => Value[];
  readonly rpn: RpnHead;
  readonly boxes: BoxHead;
  /** Absent where the model finds boxes only. */
  readonly masks?: MaskHead;
}

/** The configs of its parts. */
export interface MaskRcnnParts {
  readonly backbone: BackboneConfig;
  readonly neck: NeckConfig;
  readonly head: MaskRcnnConfig;
}

/** The parts of a Mask R-CNN that a config describes. `masks`: with a mask head, or for boxes alone. */
export function maskRcnn(config: MaskRcnnParts, classes: number, masks: boolean): MaskRcnn {
  const list = new ParameterList();
  const { rpn, roi } = config.head;
  const backbone = makeBackbone(list.scope("backbone"), config.backbone, { imageSide: IMAGE_SIDE.detection });
  const neck = makeNeck(list.scope("neck"), config.neck, { inputs: backbone, extraLevel: true });
  const { channels } = neck;
  const anchors = rpn.anchorRatios.length;
  const proposals = rpnHead(list.scope("rpn_head"), { in: channels, channels: rpn.channels, anchors });
  const boxes = boxHead(list.scope("roi_head.bbox_head"), {
    in: channels,
    poolSize: roi.boxPoolSize,
    layers: roi.boxHead ?? { type: "linear", width: roi.boxWidth, layers: 2 },
    classes,
  });
  const mask = masks
    ? maskHead(list.scope("roi_head.mask_head"), {
        in: channels,
        poolSize: roi.maskPoolSize,
        layers: roi.maskHead ?? { type: "convolutions", count: roi.maskConvolutions, channels: roi.maskChannels },
        classes,
      })
    : undefined;
  return {
    config: config.head,
    classes,
    parameters: list.all,
    backbone,
    channels,
    strides: neck.strides,
    features: (images, context) => neck.forward(backbone.forward(images, context), context),
    rpn: proposals,
    boxes,
    ...(mask && { masks: mask }),
  };
}

/** Strides of the levels RoIs are pooled from. */
export function roiStrides(model: MaskRcnn): readonly number[] {
  return model.strides.slice(0, -1);
}
