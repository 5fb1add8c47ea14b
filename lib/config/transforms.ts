import { z } from "zod";
import { count, flag, fraction, pictureSize, positive } from "./fields.js";

const range = (description: string) => z.tuple([positive("From"), positive("To")]).describe(description);

/** One step of a pipeline; the keys of each are those of `TransformSpec` in lib/datasets. */
const transform = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("resize"),
    size: pictureSize(
      "Longer and shorter side the picture has to fit in, in pixels; [width, height] if keepRatio is false",
    ),
    keepRatio: flag("Keep the ratio of the sides").default(true),
  }),
  z.strictObject({
    type: z.literal("randomResize"),
    size: pictureSize("Longer and shorter side at ratio 1"),
    ratio: range("The size is multiplied by a number drawn from this range"),
  }),
  z.strictObject({
    type: z.literal("randomCrop"),
    size: pictureSize("[width, height] of the crop; smaller pictures stay as they are"),
    maxClassShare: fraction(
      "Crops of label maps are drawn again, up to ten times, while one class covers more",
    ).default(1),
  }),
  z.strictObject({ type: z.literal("flip"), probability: fraction("Of a horizontal flip").default(0.5) }),
  z.strictObject({
    type: z.literal("photometricDistortion"),
    brightness: z.number().min(0).default(32).describe("Largest change, on the scale of 0–255"),
    contrast: range("Factor").default([0.5, 1.5]),
    saturation: range("Factor").default([0.5, 1.5]),
    hue: z.number().min(0).default(18).describe("Largest change, in half degrees (0–180)"),
  }),
  z.strictObject({
    type: z.literal("resizeToMultiple"),
    multiple: count("Both sides are raised to a multiple of this by resizing").default(32),
  }),
]);

export const transforms = z.array(transform);
export type TransformConfig = z.output<typeof transform>;
