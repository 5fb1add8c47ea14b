import { z } from "zod";
import { count, flag, fraction, positive, side } from "../schemas/fields.js";

const interpolation = z
  .enum(["bilinear", "bilinear-antialias", "bicubic-antialias"])
  .default("bilinear")
  .describe("How pictures are resampled; label maps take the nearest value");

const scale = z.tuple([side("Pixels"), side("Pixels")]);
const range = (what: string) =>
  z
    .tuple([positive("From"), positive("To")])
    .refine(([low, high]) => low <= high, "the first number must not be above the second")
    .describe(what);

const colour = z.tuple([z.number(), z.number(), z.number()]);

/** One step of a pipeline, as lib/datasets knows them. */
const transform = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("resize"),
    scale: scale.describe(
      "The long side becomes at most the larger number, the short side at most the smaller; with keepRatio false, [width, height]",
    ),
    keepRatio: flag("Keep the ratio of the sides").default(true),
    multipleOf: side("Both sides are raised to a multiple of this").default(1),
    interpolation,
  }),
  z.strictObject({
    type: z.literal("randomScale"),
    scale: scale.describe("As for resize, at ratio 1"),
    ratioRange: range("The scale is multiplied by a number drawn from this range"),
    interpolation,
  }),
  z.strictObject({
    type: z.literal("randomResize"),
    scales: z.array(scale).min(1).describe("As for resize; one is drawn"),
    sampling: z
      .enum(["choice", "range"])
      .default("choice")
      .describe("choice: one of the scales; range: long and short side each between the smallest and the largest"),
    keepRatio: flag("Keep the ratio of the sides").default(true),
    interpolation,
  }),
  z.strictObject({
    type: z.literal("largeScaleJitter"),
    width: side("Of the result, cut out or padded"),
    height: side("Of the result, cut out or padded"),
    ratioRange: range("Factor on the scale at which the picture just fits").default([0.1, 2]),
    fill: colour.exactOptional().describe("Red, green, blue of 0–255; without it, the ImageNet mean"),
    interpolation,
  }),
  z.strictObject({
    type: z.literal("randomFlip"),
    probability: fraction("How often the sides are exchanged").default(0.5),
    direction: z
      .enum(["horizontal", "vertical"])
      .default("horizontal")
      .describe("horizontal: left and right change places; vertical: top and bottom"),
  }),
  z.strictObject({
    type: z.literal("randomCrop"),
    width: side("Of the window; a narrower picture keeps its own"),
    height: side("Of the window; a lower picture keeps its own"),
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
    hue: z.number().min(0).max(180).default(36).describe("Largest change, in degrees of 360, by steps of 2"),
  }),
  z.strictObject({
    type: z.literal("minIouCrop"),
    minIous: z
      .array(fraction("IoU"))
      .default([0.1, 0.3, 0.5, 0.7, 0.9])
      .describe("The window's least IoU with every box is drawn from these, 0, and no crop at all"),
    minSize: positive("Least share of the picture's width and height").max(1).default(0.3),
  }),
  z.strictObject({
    type: z.literal("colourJitter"),
    brightness: z.number().min(0).default(0).describe("Factor drawn from 1 ± this"),
    contrast: z.number().min(0).default(0).describe("Factor drawn from 1 ± this"),
    saturation: z.number().min(0).default(0).describe("Factor drawn from 1 ± this"),
    hue: z.number().min(0).max(0.5).default(0).describe("Largest turn, in shares of the circle"),
  }),
  z.strictObject({
    type: z.literal("randomErasing"),
    probability: fraction("How often a rectangle is covered").default(0.5),
    area: range("Share of the picture's area").default([0.02, 0.33]),
    aspect: range("Height over width").default([0.3, 3.3]),
    fill: z
      .union([colour, z.literal("noise")])
      .exactOptional()
      .describe("Red, green, blue of 0–255, or noise; without it, the ImageNet mean"),
    maxCovered: positive("An object goes from this covered share of its box on").max(1).default(0.9),
  }),
  z.strictObject({
    type: z.literal("randAugment"),
    operations: count("How many a picture").default(2),
    magnitude: count("Strength, from 0 to bins − 1", 0).default(9),
    bins: count("Steps of the strength", 2).default(31),
    geometric: z
      .literal(false)
      .default(false)
      .describe("Only changes of colour: operations that move pixels would leave boxes, masks and labels behind"),
  }),
  z.strictObject({
    type: z.literal("copyPaste"),
    probability: fraction("How often objects of another picture are laid on this one").default(1),
    maxObjects: count("Their number is drawn from below this").default(100),
    maxBoxShift: z
      .number()
      .min(0)
      .default(10)
      .describe("An object beneath stays if its box changed by at most so many pixels, or …"),
    minVisible: count("… if more pixels than this are still seen", 0).default(300),
  }),
  z.strictObject({
    type: z.literal("mosaic"),
    probability: fraction("How often four pictures are put together").default(1),
    width: side("Each picture is scaled to fit; the result is twice as wide"),
    height: side("Each picture is scaled to fit; the result is twice as high"),
    centre: range("Where the four meet, in widths and heights").default([0.5, 1.5]),
    fill: colour.default([114, 114, 114]).describe("Red, green, blue of 0–255 where no picture is"),
    interpolation,
  }),
  z.strictObject({
    type: z.literal("pad"),
    width: side("At least"),
    height: side("At least"),
    fill: colour.exactOptional().describe("Red, green, blue of 0–255; without it, the ImageNet mean"),
  }),
]);

export const transforms = z.array(transform);

export type TransformConfig = z.output<typeof transform>;
