import { z } from "zod";
import { countLabels } from "../../images/labelCounts.js";
import { IGNORED_LABEL, type Picture, type Window } from "../../images/picture.js";
import type { Random } from "../../random.js";
import { positive, side } from "../../schemas/fields.js";
import { cropSample } from "../geometry.js";
import type { Sample } from "../types.js";
import { transform } from "./transform.js";

const TRIES = 10;

const schema = z.strictObject({
  type: z.literal("randomCrop"),
  width: side("Of the window; a narrower picture keeps its own"),
  height: side("Of the window; a lower picture keeps its own"),
  maxClassShare: positive("Of label maps: the window is drawn anew, up to ten times, while one class fills this share")
    .max(1)
    .exactOptional(),
});

type Spec = z.output<typeof schema>;

/** Cuts a window of at most width × height out at a random place. */
export const randomCrop = transform({ schema, apply: cropAnywhere });

function cropAnywhere(sample: Sample, spec: Spec, random: Random): Sample {
  const { picture, labelMap } = sample;
  const { maxClassShare } = spec;
  let window = drawWindow(picture, spec, random);
  if (labelMap !== undefined && maxClassShare !== undefined) {
    for (let i = 0; i < TRIES && isMonotonous(countLabels(labelMap, window), maxClassShare); i++) {
      window = drawWindow(picture, spec, random);
    }
  }
  return cropSample(sample, window);
}

function drawWindow(picture: Picture, spec: Spec, random: Random): Window {
  const width = Math.min(spec.width, picture.width);
  const height = Math.min(spec.height, picture.height);
  const top = random.integer(picture.height - height + 1);
  const left = random.integer(picture.width - width + 1);
  return { left, top, width, height };
}

/** Whether one class has `share` of the valid pixels or more, or there is but one. */
function isMonotonous(counts: Float64Array, share: number): boolean {
  const valid = counts.subarray(0, IGNORED_LABEL);
  const total = valid.reduce((sum, count) => sum + count, 0);
  const largest = Math.max(...valid);
  return largest === total || largest >= share * total;
}
