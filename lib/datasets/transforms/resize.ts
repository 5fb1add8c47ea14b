import { z } from "zod";
import type { Size } from "../../pixels/image.js";
import { flag, side } from "../../schemas/fields.js";
import { resizeSample, scaledSize } from "../geometry.js";
import { interpolation, scale, transform } from "./transform.js";

const schema = z.strictObject({
  type: z.literal("resize"),
  scale: scale.describe(
    "The long side becomes at most the larger number, the short side at most the smaller; with keepRatio false, [width, height]",
  ),
  keepRatio: flag("Keep the aspect ratio").default(true),
  multipleOf: side("Both sides are rounded up to a multiple of this").default(1),
  interpolation,
});

/** Resizes to a scale, directly to the size rounded up to a multiple, in one interpolation. */
export const resize = transform({
  schema,
  apply: (sample, spec) => {
    const { width, height } = sizeOf(sample.image, spec);
    const multiple = spec.keepRatio ? spec.multipleOf : 1;
    const raise = (side: number): number => Math.ceil(side / multiple) * multiple;
    return resizeSample(sample, { width: raise(width), height: raise(height) }, spec);
  },
  size: sizeOf,
});

/** The size before it is rounded up to a multiple. */
function sizeOf(full: Size, { scale: [width, height], keepRatio }: z.output<typeof schema>): Size {
  return keepRatio ? scaledSize(full, [width, height]) : { width, height };
}
