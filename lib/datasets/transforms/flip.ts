import { flipLabelMap, flipPicture } from "../../images/geometry.js";
import { flipRle } from "../../masks/transforms.js";
import type { Instances, Sample } from "../types.js";

/** Mirrors the picture and what is annotated on it, left and right. */
export function flipSample(sample: Sample): Sample {
  const { picture, meta, instances, labelMap } = sample;
  return {
    ...sample,
    picture: flipPicture(picture),
    meta: { ...meta, flipped: !meta.flipped },
    ...(instances === undefined ? {} : { instances: flipInstances(instances, picture.width) }),
    ...(labelMap === undefined ? {} : { labelMap: flipLabelMap(labelMap) }),
  };
}

function flipInstances(instances: Instances, width: number): Instances {
  const { boxes, masks } = instances;
  const flipped = boxes.slice();
  for (let i = 0; i < boxes.length; i += 4) {
    flipped[i] = width - boxes[i + 2]!;
    flipped[i + 2] = width - boxes[i]!;
  }
  return { ...instances, boxes: flipped, masks: masks.map((mask) => mask && flipRle(mask)) };
}
