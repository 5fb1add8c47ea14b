import { z } from "zod";
import { flipRle, flipRleVertically } from "../../masks/transforms.js";
import { flipImage, flipImageVertically, flipLabelMap, flipLabelMapVertically } from "../../pixels/geometry.js";
import { fraction } from "../../schemas/fields.js";
import type { Instances, Sample, SampleMeta } from "../types.js";
import { transform } from "./transform.js";

const schema = z.strictObject({
  type: z.literal("randomFlip"),
  probability: fraction("Probability of a flip").default(0.5),
  direction: z
    .enum(["horizontal", "vertical"])
    .default("horizontal")
    .describe("horizontal: swaps left and right; vertical: top and bottom"),
});

export const randomFlip = transform({
  schema,
  apply: (sample, { probability, direction }, random) =>
    random.next() < probability ? flipSample(sample, direction) : sample,
});

/** Mirrors the image and its annotation: left and right, or top and bottom. */
export function flipSample(sample: Sample, direction: z.output<typeof schema>["direction"]): Sample {
  const { image, meta, instances, labelMap } = sample;
  const across = direction === "horizontal";
  const flippedMap = labelMap && (across ? flipLabelMap(labelMap) : flipLabelMapVertically(labelMap));
  return {
    ...sample,
    image: across ? flipImage(image) : flipImageVertically(image),
    meta: flippedMeta(meta, across),
    ...(instances === undefined ? {} : { instances: flipInstances(instances, across, image) }),
    ...(flippedMap === undefined ? {} : { labelMap: flippedMap }),
  };
}

/** An image flipped back is described as it was, without a trace of the flip. */
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
