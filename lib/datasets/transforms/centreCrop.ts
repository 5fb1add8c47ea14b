import { z } from "zod";
import { side } from "../../schemas/fields.js";
import { cropSample, middleWindow, resizeSample } from "../geometry.js";
import { interpolation, transform } from "./transform.js";

const schema = z.strictObject({
  type: z.literal("centreCrop"),
  resize: side("The short side before the centre crop"),
  size: side("Side of the cropped square"),
  interpolation,
});

/** For classification: resizes the short side, then cuts the middle square out. */
export const centreCrop = transform({
  schema,
  apply: (sample, spec) => {
    const { width, height } = sample.image;
    const factor = spec.resize / Math.min(width, height);
    const size = { width: Math.round(width * factor), height: Math.round(height * factor) };
    const resized = resizeSample(sample, size, spec);
    return cropSample(resized, middleWindow(size, { width: spec.size, height: spec.size }));
  },
});
