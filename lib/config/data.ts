import { z } from "zod";
import { count, filePath, flag, pictureSize } from "./fields.js";
import { transforms } from "./transforms.js";

/** Sides of pictures that enter a backbone are multiples of this: its deepest stage has stride 32. */
export const SIZE_MULTIPLE = 32;

const channelValues = z.tuple([z.number(), z.number(), z.number()]);

const shared = {
  transforms: z
    .strictObject({ train: transforms.default([]), test: transforms.default([]) })
    .prefault({})
    .describe("What happens to a picture, in order, before it is normalised, padded and batched"),
  mean: channelValues
    .default([123.675, 116.28, 103.53])
    .describe("Red, green, blue subtracted from pixels of 0–255; the default is ImageNet's"),
  std: z
    .tuple([z.number().positive(), z.number().positive(), z.number().positive()])
    .default([58.395, 57.12, 57.375])
    .describe("Red, green, blue the difference is divided by; the default is ImageNet's"),
  batchSize: count("Pictures a batch in training").default(2),
  testBatchSize: count("Pictures a batch at test").default(1),
  workers: count("Threads that decode and transform; 0: the main thread does it", 0).default(2),
  prefetch: count("Batches prepared ahead").default(4),
  buckets: z
    .array(
      pictureSize("[width, height] in pixels").refine(
        (sides) => sides.every((side) => side % SIZE_MULTIPLE === 0),
        `width and height must be multiples of ${SIZE_MULTIPLE}, the backbone's largest stride`,
      ),
    )
    .default([])
    .describe(
      `Sizes batches are padded to, the smallest that holds the pictures; one program is compiled for each. Empty: the next multiple of ${SIZE_MULTIPLE}`,
    ),
};

const cocoSplit = z.strictObject({
  annotations: filePath("COCO instances JSON"),
  pictures: filePath("Folder its file names are relative to"),
});

const classNames = z
  .array(z.string().min(1))
  .min(1)
  .refine((names) => new Set(names).size === names.length, "a name occurs twice");

export const coco = z.strictObject({
  type: z.literal("coco"),
  train: cocoSplit.describe("The training set"),
  val: cocoSplit.describe("The validation set"),
  classes: classNames
    .optional()
    .describe("Category names to learn, in order; without it, all of the training annotations in order of their ids"),
  dropEmpty: flag("Leave pictures without objects out of training").default(false),
  ...shared,
});

const labelMapSplit = z.strictObject({
  pictures: filePath("Folder of pictures"),
  labels: filePath("Folder of label maps: PNGs of the same names, one class index a pixel"),
});

export const labelMaps = z
  .strictObject({
    type: z.literal("labelMaps"),
    train: labelMapSplit.describe("The training set"),
    val: labelMapSplit.describe("The validation set"),
    classes: classNames.optional().describe("Class names in order of their index"),
    classesFile: filePath("Class names as an ADE20K objectInfo table, or one a line; instead of classes").optional(),
    reduceZeroLabel: flag("Label 0 means no class and is ignored; 1 becomes class 0, and so on").default(false),
    ...shared,
  })
  .superRefine(({ classes, classesFile }, context) => {
    if (classes === undefined && classesFile === undefined) {
      context.addIssue({ code: "custom", message: "needs classes or classesFile" });
    }
    if (classes !== undefined && classesFile !== undefined) {
      context.addIssue({
        code: "custom",
        path: ["classesFile"],
        message: "classes and classesFile are both set; delete one by setting it to null",
      });
    }
  });
