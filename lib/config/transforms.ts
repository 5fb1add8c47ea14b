import { z } from "zod";
import { count, flag, fraction, positive } from "./fields.js";

const interpolation = z
  .enum(["bilinear", "bilinear-antialias", "bicubic-antialias"])
  .default("bilinear")
  .describe("How pictures are resampled; label maps take the nearest value");

const scale = z.tuple([count("Pixels"), count("Pixels")]);
const range = (what: string) =>
  z
    .tuple([positive("From"), positive("To")])
    .refine(([low, high]) => low <= high, "the first number must not be above the second")
    .describe(what);

/** One step of a pipeline, as lib/datasets knows them. */
const transform = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("resize"),
    scale: scale.describe(
      "The long side becomes at most the larger number, the short side at most the smaller; with keepRatio false, [width, height]",
    ),
    keepRatio: flag("Keep the ratio of the sides").default(true),
    multipleOf: count("Both sides are raised to a multiple of this").default(1),
    interpolation,
  }),
  z.strictObject({
    type: z.literal("randomScale"),
    scale: scale.describe("As for resize, at ratio 1"),
    ratioRange: range("The scale is multiplied by a number drawn from this range"),
    interpolation,
  }),
  z.strictObject({
    type: z.literal("randomFlip"),
    probability: fraction("How often left and right are exchanged").default(0.5),
  }),
  z.strictObject({
    type: z.literal("randomCrop"),
    width: count("Of the window; a narrower picture keeps its own"),
    height: count("Of the window; a lower picture keeps its own"),
    maxClassShare: positive(
      "Of label maps: the window is drawn anew, up to ten times, while one class fills this share",
    )
      .max(1)
      .exactOptional(),
  }),
  z.strictObject({
    type: z.literal("photometricDistortion"),
    brightness: z.number().min(0).default(32).describe("Largest change, of 255"),
    contrast: range("Factor").default([0.5, 1.5]),
    saturation: range("Factor").default([0.5, 1.5]),
    hue: z.number().min(0).max(180).default(36).describe("Largest change, in degrees of 360"),
  }),
  z.strictObject({
    type: z.literal("pad"),
    width: count("At least"),
    height: count("At least"),
    fill: z
      .tuple([z.number(), z.number(), z.number()])
      .exactOptional()
      .describe("Red, green, blue of 0–255; without it, the ImageNet mean"),
  }),
]);

export const transforms = z.array(transform);

export type TransformConfig = z.output<typeof transform>;
