import { z } from "zod";
import { IGNORED_LABEL, type Image, type Window } from "../../pixels/image.js";
import { countLabels } from "../../pixels/labelCounts.js";
import type { Random } from "../../random.js";
import { positive, side } from "../../schemas/fields.js";
import { cropSample } from "../geometry.js";
import type { Sample } from "../types.js";
import { transform } from "./transform.js";

const TRIES = 10;

const schema = z.strictObject({
  type: z.literal("randomCrop"),
  width: side("Of the window; a narrower image keeps its width"),
  height: side("Of the window; a lower image keeps its height"),
  maxClassShare: positive("For label maps: the window is redrawn, up to ten times, while one class fills this share")
    .max(1)
    .exactOptional(),
});

type Spec = z.output<typeof schema>;

/** Cuts a window of at most width × height out at a random place. */
export const randomCrop = transform({ schema, apply: cropAnywhere });

function cropAnywhere(sample: Sample, spec: Spec, random: Random): Sample {
  const { image, labelMap } = sample;
  const { maxClassShare } = spec;
  let window = drawWindow(image, spec, random);
  if (labelMap !== undefined && maxClassShare !== undefined) {
    for (let i = 0; i < TRIES && isMonotonous(countLabels(labelMap, window), maxClassShare); i++) {
      window = drawWindow(image, spec, random);
    }
  }
  return cropSample(sample, window);
}

function drawWindow(image: Image, spec: Spec, random: Random): Window {
  const width = Math.min(spec.width, image.width);
  const height = Math.min(spec.height, image.height);
  const top = random.integer(image.height - height + 1);
  const left = random.integer(image.width - width + 1);
  return { left, top, width, height };
}

/** Whether one class has `share` of the valid pixels or more, or there is only one class. */
function isMonotonous(counts: Float64Array, share: number): boolean {
  const valid = counts.subarray(0, IGNORED_LABEL);
  const total = valid.reduce((sum, count) => sum + count, 0);
  const largest = Math.max(...valid);
  return largest === total || largest >= share * total;
}
