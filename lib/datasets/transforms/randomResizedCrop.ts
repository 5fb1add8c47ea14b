import { z } from "zod";
import type { Size, Window } from "../../pixels/image.js";
import type { Random } from "../../random.js";
import { side } from "../../schemas/fields.js";
import { cropSample, middleWindow, resizeSample } from "../geometry.js";
import { interpolation, range, transform } from "./transform.js";

const TRIES = 10;

const schema = z.strictObject({
  type: z.literal("randomResizedCrop"),
  size: side("Side of the resulting square"),
  area: range("Share of the image's area").default([0.08, 1]),
  aspect: range("Width over height").default([3 / 4, 4 / 3]),
  interpolation,
});

/** For classification, the inception crop: a window of random area and aspect, resized to a square. */
export const randomResizedCrop = transform({
  schema,
  apply: (sample, spec, random) => {
    const window = drawWindow(sample.image, spec, random);
    return resizeSample(cropSample(sample, window), { width: spec.size, height: spec.size }, spec);
  },
});

/** Up to ten draws, then the largest middle window of allowed aspect. */
function drawWindow({ width, height }: Size, spec: z.output<typeof schema>, random: Random): Window {
  const [narrow, wide] = spec.aspect;
  for (let i = 0; i < TRIES; i++) {
    const area = width * height * random.uniform(...spec.area);
    const aspect = Math.exp(random.uniform(Math.log(narrow), Math.log(wide)));
    const across = Math.round(Math.sqrt(area * aspect));
    const tall = Math.round(Math.sqrt(area / aspect));
    if (across < 1 || tall < 1 || across > width || tall > height) continue;
    const top = random.integer(height - tall + 1);
    const left = random.integer(width - across + 1);
    return { left, top, width: across, height: tall };
  }
  const across = Math.min(width, Math.round(height * wide));
  const tall = Math.min(height, Math.round(width / narrow));
  return middleWindow({ width, height }, { width: across, height: tall });
}
