import { z } from "zod";
import { blurImage } from "../../pixels/blur.js";
import { fraction } from "../../schemas/fields.js";
import { range, transform } from "./transform.js";

/** The time it takes grows with this. */
const MOST_SIGMA = 50;

const schema = z.strictObject({
  type: z.literal("gaussianBlur"),
  probability: fraction("Probability of blurring").default(0.5),
  sigma: range("Standard deviation in pixels, drawn between these")
    .refine(([, most]) => most <= MOST_SIGMA, `must not be above ${MOST_SIGMA}`)
    .default([0.1, 2]),
});

/** Blurs the image; its annotation stays. */
export const gaussianBlur = transform({
  schema,
  apply: (sample, { probability, sigma }, random) =>
    random.next() < probability ? { ...sample, image: blurImage(sample.image, random.uniform(...sigma)) } : sample,
});
