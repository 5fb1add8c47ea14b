import { z } from "zod";
import { padImage, padLabelMap } from "../../pixels/geometry.js";
import type { Image } from "../../pixels/image.js";
import { betaOf } from "../../random.js";
import { fraction, positive } from "../../schemas/fields.js";
import { IMAGENET_MEAN } from "../geometry.js";
import { joinInstances, placeMasks } from "../instances.js";
import type { Sample } from "../types.js";
import { colour, transform } from "./transform.js";

const schema = z.strictObject({
  type: z.literal("mixUp"),
  probability: fraction("Probability of blending another image in").default(0.5),
  alpha: positive("Of the beta distribution of the first image's share; the larger, the nearer to half").default(1.5),
  fill: colour
    .exactOptional()
    .describe("Red, green, blue of 0–255 beyond the smaller image; without it, the ImageNet mean"),
});

/**
 * MixUp for detection (Zhang et al., "Bag of Freebies for Training Object Detection", 2019): two images are blended, top left corner
 * on top left corner, without resizing, on a canvas that holds both; the objects of both stay, with full weight. A label map is that of
 * the image with the larger share, ignored where that image is not.
 */
export const mixUp = transform({
  schema,
  apply: (sample, spec, random, [other]) =>
    other === undefined ? sample : blendSamples(sample, other, betaOf(spec.alpha, random), spec.fill),
  mixes: ({ probability }) => ({ images: 1, probability }),
  notForClasses: "mixUp keeps the objects of two images, but an image has one class; data.mixing.mixup mixes those",
});

/** @param own the share of the first image, 0 … 1 */
export function blendSamples(
  sample: Sample,
  other: Sample,
  own: number,
  fill: readonly [number, number, number] = IMAGENET_MEAN,
): Sample {
  const { image, meta, instances } = sample;
  const size = {
    width: Math.max(image.width, other.image.width),
    height: Math.max(image.height, other.image.height),
  };
  const labelMap = (own >= 0.5 ? sample : other).labelMap;
  return {
    ...sample,
    image: blended(padImage(image, size, fill), padImage(other.image, size, fill), own),
    meta: { ...meta, ...size },
    ...(instances === undefined || other.instances === undefined
      ? {}
      : {
          instances: joinInstances(
            [instances, other.instances].map((each) => ({ ...each, masks: placeMasks(each.masks, size) })),
          ),
        }),
    ...(labelMap === undefined ? {} : { labelMap: padLabelMap(labelMap, size) }),
  };
}

function blended(a: Image, b: Image, own: number): Image {
  return { ...a, data: a.data.map((value, i) => Math.round(own * value + (1 - own) * b.data[i]!)) };
}
