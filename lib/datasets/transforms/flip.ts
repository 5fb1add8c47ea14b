import { flipLabelMap, flipLabelMapVertically, flipPicture, flipPictureVertically } from "../../images/geometry.js";
import { flipRle, flipRleVertically } from "../../masks/transforms.js";
import type { Instances, Sample, SampleMeta } from "../types.js";

export type FlipDirection = "horizontal" | "vertical";

/** Mirrors the picture and what is annotated on it: left and right, or top and bottom. */
export function flipSample(sample: Sample, direction: FlipDirection = "horizontal"): Sample {
  const { picture, meta, instances, labelMap } = sample;
  const across = direction === "horizontal";
  const flippedMap = labelMap && (across ? flipLabelMap(labelMap) : flipLabelMapVertically(labelMap));
  return {
    ...sample,
    picture: across ? flipPicture(picture) : flipPictureVertically(picture),
    meta: flippedMeta(meta, across),
    ...(instances === undefined ? {} : { instances: flipInstances(instances, across, picture) }),
    ...(flippedMap === undefined ? {} : { labelMap: flippedMap }),
  };
}

/** A picture flipped back is described as it was, without a trace of the flip. */
function flippedMeta(meta: SampleMeta, across: boolean): SampleMeta {
  if (across) return { ...meta, flipped: !meta.flipped };
  const { flippedVertically, ...rest } = meta;
  return flippedVertically === true ? rest : { ...rest, flippedVertically: true };
}

function flipInstances(
  instances: Instances,
  across: boolean,
  { width, height }: { readonly width: number; readonly height: number },
): Instances {
  const { boxes, masks } = instances;
  const [low, high, side] = across ? [0, 2, width] : [1, 3, height];
  const flipped = boxes.slice();
  for (let i = 0; i < boxes.length; i += 4) {
    flipped[i + low] = side - boxes[i + high]!;
    flipped[i + high] = side - boxes[i + low]!;
  }
  const flip = across ? flipRle : flipRleVertically;
  return { ...instances, boxes: flipped, masks: masks.map((mask) => mask && flip(mask)) };
}
