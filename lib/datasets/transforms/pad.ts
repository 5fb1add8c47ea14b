import { padLabelMap, padPicture } from "../../images/geometry.js";
import { cropRle } from "../../masks/transforms.js";
import type { Sample } from "../types.js";
import type { PadSpec } from "./specs.js";

export const IMAGENET_MEAN = [124, 116, 104] as const;

/** Pads right and below; the valid size in `meta` stays the picture's before padding. */
export function padSample(sample: Sample, spec: PadSpec): Sample {
  const { instances, labelMap } = sample;
  const picture = padPicture(sample.picture, spec, spec.fill ?? IMAGENET_MEAN);
  const window = { x: 0, y: 0, width: picture.width, height: picture.height };
  return {
    ...sample,
    picture,
    ...(instances === undefined
      ? {}
      : { instances: { ...instances, masks: instances.masks.map((mask) => mask && cropRle(mask, window)) } }),
    ...(labelMap === undefined ? {} : { labelMap: padLabelMap(labelMap, picture) }),
  };
}
