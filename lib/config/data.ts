import { z } from "zod";
import { SIZE_MULTIPLE } from "../datasets/loader/padding.js";
import { classificationTransformConfig, transformConfig, transformOf } from "../datasets/transforms/index.js";
import { IMAGENET_NORMALISATION } from "../pixels/normalise.js";
import { count, filePath, flag, fraction, positive } from "../schemas/fields.js";

function strideMultiple(description: string) {
  return count(description).refine(
    (side) => side % SIZE_MULTIPLE === 0,
    `must be a multiple of ${SIZE_MULTIPLE}, the backbone's largest stride`,
  );
}

const TRANSFORMS = "Steps applied to an image, in order, before it is normalised, padded and batched";

const transformsOf = () => {
  const steps = z.array(transformConfig()).default([]);
  return z.strictObject({ train: steps, test: steps }).prefault({}).describe(TRANSFORMS);
};
/** Named, as are the kinds of data below: the compiler would write out what it stands for at every use. */
export interface Transforms extends ReturnType<typeof transformsOf> {}
const transforms = (): Transforms => transformsOf();

const shared = () => ({
  transforms: transforms(),
  normalisation: z
    .strictObject({
      mean: z
        .tuple([z.number(), z.number(), z.number()])
        .default([...IMAGENET_NORMALISATION.mean])
        .describe("Red, green, blue subtracted from pixels of 0–255; by default ImageNet's"),
      std: z
        .tuple([positive("Red"), positive("Green"), positive("Blue")])
        .default([...IMAGENET_NORMALISATION.std])
        .describe("Red, green, blue by which the difference is divided; by default ImageNet's"),
    })
    .prefault({})
    .describe("From pixels to the network's input"),
  batchSize: count("Images per batch in training", 1, 4096).default(2),
  testBatchSize: count("Images per batch at test time", 1, 4096).default(1),
  grouping: z
    .enum(["none", "aspect"])
    .default("none")
    .describe("aspect: a training batch holds only landscape or only portrait images, so that less is padded"),
  workers: count("Threads that decode and transform; 0: the main thread does it", 0, 256).default(2),
  prefetch: count("Batches prefetched", 1, 1024).default(4),
  codec: z
    .enum(["auto", "sharp", "javascript"])
    .default("auto")
    .describe("Decodes images; auto: the fastest available"),
  decode: z
    .enum(["full", "reduced"])
    .default("full")
    .describe(
      "reduced: in training, JPEGs that the first transform shrinks to half or less are decoded at a smaller scale; faster, " +
        "with results that differ from the reference's",
    ),
  padding: z
    .strictObject({
      multipleOf: strideMultiple("Both sides of a batch are rounded up to a multiple of this").default(SIZE_MULTIPLE),
      sizes: z
        .array(z.strictObject({ width: strideMultiple("Pixels"), height: strideMultiple("Pixels") }))
        .default([])
        .describe("Preferred sizes: the smallest that holds the batch is used, so that few programs are compiled"),
    })
    .prefault({})
    .describe("The common size of a batch"),
});

const channel = z.int().min(0).max(255);

const limit = count("Use only this many images, the first ones; without it, all").exactOptional();

const classNames = z
  .array(z.string().min(1))
  .min(1)
  .refine((names) => new Set(names).size === names.length, "a name occurs twice");

/** What all sets of objects have. */
const objects = () => ({
  classes: classNames
    .exactOptional()
    .describe(
      "Category names to learn, in order; without it, all categories of the training annotations in order of their ids",
    ),
  dropEmpty: flag("Leave images without objects out of training").default(false),
  repeatThreshold: positive(
    "Repeat-factor sampling (Gupta et al. 2019): an image comes max(1, √(this / f)) times in an epoch, f being the share of images with the rarest of its classes; LVIS has 0.001; without it, each comes once",
  )
    .max(1)
    .exactOptional(),
  backgroundShare: z
    .number()
    .min(0)
    .lt(1)
    .exactOptional()
    .describe("Share of images without objects among those of an epoch; without it, all of them come once"),
  ...shared(),
});

type Objects = ReturnType<typeof objects>;

/** The two sets of a config. */
const splits = <T extends z.ZodType>(split: T) => ({
  train: split.describe("The training set"),
  val: split.describe("The validation set"),
});

const cocoSplit = z.strictObject({
  annotations: filePath("COCO instances JSON"),
  images: filePath("Folder that its file names are relative to"),
  limit,
});

const cocoData = (own: Objects) => z.strictObject({ type: z.literal("coco"), ...splits(cocoSplit), ...own });
export interface CocoData extends ReturnType<typeof cocoData> {}

const yoloSplit = (split: string) =>
  z.strictObject({
    annotations: filePath("data.yaml of the data set, or the folder with it"),
    split: z.string().min(1).default(split).describe("Key of the data.yaml that lists the images"),
    limit,
  });

const yoloData = (own: Objects) =>
  z.strictObject({
    type: z.literal("yolo"),
    train: yoloSplit("train").describe("The training set"),
    val: yoloSplit("val").describe("The validation set"),
    clip: flag(
      "Coordinates more than 0.001 of a side outside the image are clipped; without it, they are errors",
    ).default(false),
    ...own,
  });
export interface YoloData extends ReturnType<typeof yoloData> {}

const vocSplit = z.strictObject({
  annotations: filePath("Folder of the XML files, or the one above it, with Annotations and JPEGImages"),
  images: filePath("Folder of the images; without it, JPEGImages beside the XML files, or their own").exactOptional(),
  list: filePath("Names to take, one per line, as ImageSets/Main/train.txt; without it, all").exactOptional(),
  limit,
});

const vocData = (own: Objects) =>
  z.strictObject({
    type: z.literal("voc"),
    ...splits(vocSplit),
    corners: z
      .enum(["pixels", "edges"])
      .default("pixels")
      .describe(
        "pixels: corners are the first and last pixel, from 1, as in VOC; edges: borders from 0, as LabelImg's",
      ),
    difficult: z
      .enum(["keep", "crowd", "drop"])
      .default("keep")
      .describe("Objects marked difficult; crowd: neither trained on nor judged"),
    ...own,
  });
export interface VocData extends ReturnType<typeof vocData> {}

const labelmeSplit = z.strictObject({
  annotations: filePath("Folder of the JSON files"),
  images: filePath("Folder of the images; without it, the JSON files'").exactOptional(),
  limit,
});

const labelmeData = (own: Objects) => z.strictObject({ type: z.literal("labelme"), ...splits(labelmeSplit), ...own });
export interface LabelmeData extends ReturnType<typeof labelmeData> {}

const cvatSplit = z.strictObject({
  annotations: filePath('XML file of an export "CVAT for images 1.1"'),
  images: filePath("Folder of the images; without it, images beside the file, or its own").exactOptional(),
  limit,
});

const cvatData = (own: Objects) => z.strictObject({ type: z.literal("cvat"), ...splits(cvatSplit), ...own });
export interface CvatData extends ReturnType<typeof cvatData> {}

const masksSplit = z.strictObject({
  annotations: filePath("Folder of the PNGs"),
  images: filePath("Folder of the images"),
  classMaps: filePath("Of layout instances: folder of PNGs with the class of each pixel").exactOptional(),
  limit,
});

const masksData = (own: Objects) =>
  z.strictObject({
    type: z.literal("masks"),
    ...splits(masksSplit),
    layout: z
      .enum(["instances", "objects", "classes"])
      .describe(
        "instances: pixels are object numbers; objects: one PNG per object; classes: pixels are classes, each connected region an object",
      ),
    names: classNames
      .exactOptional()
      .describe("Names of the labels, the first that of 0; or of the one class that all objects have"),
    objectInfo: filePath("Instead of names: table of class names like ADE20K's").exactOptional(),
    reduceZeroLabel: flag("Label 0 has no name, the first name is that of 1").default(false),
    ignoreLabel: channel.default(255).describe("Pixels of this value in 8-bit PNGs belong to no object"),
    classDivisor: count("Of layout instances: the class is the pixel's value divided by this").exactOptional(),
    suffix: z.string().min(1).default(".png").describe("What follows an image's name in its PNG's"),
    pattern: z
      .string()
      .min(1)
      .exactOptional()
      .describe('Of layout objects: regular expression with groups "image" and "class" for the PNGs\' names'),
    minArea: count("Objects with fewer pixels are left out").default(1),
    ...own,
  });
export interface MasksData extends ReturnType<typeof masksData> {}

/** Sets of objects, by their format. */
export function objectSets(): readonly [CocoData, YoloData, VocData, LabelmeData, CvatData, MasksData] {
  const own = objects(); // the same for all, so that the JSON Schema has it once
  return [cocoData(own), yoloData(own), vocData(own), labelmeData(own), cvatData(own), masksData(own)];
}

const labelMapSplit = z.strictObject({
  images: filePath("Folder of images"),
  labelMaps: filePath("Folder of label maps: PNGs named like the images, one class index per pixel"),
  limit,
});

const labelMapData = () =>
  z
    .strictObject({
      type: z.literal("labelMaps"),
      train: labelMapSplit.describe("The training set"),
      val: labelMapSplit.describe("The validation set"),
      labelSuffix: z
        .string()
        .min(1)
        .default(".png")
        .describe("What follows an image's name (without extension) in its label map's"),
      classes: classNames.exactOptional().describe("Class names in order of their index"),
      objectInfo: filePath(
        "Table of class names like ADE20K's; without it and classes, the one beside the images",
      ).exactOptional(),
      palette: z
        .array(z.tuple([channel, channel, channel]))
        .exactOptional()
        .describe("A colour [red, green, blue] for each class; without it, ADE20K's for its classes, else generated"),
      reduceZeroLabel: flag("Label 0 means no class and is ignored; 1 becomes class 0, and so on").default(false),
      ignoreLabel: channel
        .default(255)
        .describe("Label, as stored, of pixels that belong to no class: they are left out of training and metrics"),
      ...shared(),
    })
    .superRefine(({ classes, objectInfo, palette, transforms }, context) => {
      for (const [i, step] of transforms.train.entries()) {
        const why = transformOf(step).notForLabelMaps;
        if (why === undefined) continue;
        const message = `${why}; it is for data of type coco`;
        context.addIssue({ code: "custom", path: ["transforms", "train", i, "type"], message });
      }
      if (classes !== undefined && objectInfo !== undefined) {
        const message = "classes and objectInfo are both set; delete one by setting it to null";
        context.addIssue({ code: "custom", path: ["objectInfo"], message });
      }
      if (palette !== undefined && classes !== undefined && palette.length !== classes.length) {
        const message = `has ${palette.length} colours for ${classes.length} classes`;
        context.addIssue({ code: "custom", path: ["palette"], message });
      }
    });

export interface LabelMapData extends ReturnType<typeof labelMapData> {}
export const labelMaps = (): LabelMapData => labelMapData();

const labelledSplit = z.strictObject({
  images: filePath(
    "Folder of images: with a folder for each class, at any depth; or with the images that labels lists",
  ),
  labels: filePath(
    "List of the images and their classes (.csv, .txt, .json); without it, the folders' names are the classes",
  ).exactOptional(),
  limit,
});

const classificationTransformsOf = () => {
  const steps = z.array(classificationTransformConfig()).default([]);
  return z.strictObject({ train: steps, test: steps }).prefault({}).describe(TRANSFORMS);
};
export interface ClassificationTransforms extends ReturnType<typeof classificationTransformsOf> {}
const classificationTransforms = (): ClassificationTransforms => classificationTransformsOf();

const imageLabelData = () =>
  z
    .strictObject({
      type: z.literal("imageLabels"),
      train: labelledSplit.describe("The training set"),
      val: labelledSplit.describe("The validation set"),
      classes: classNames
        .exactOptional()
        .describe("Class names in order of their index; without it, those of the training set in order of their names"),
      repeats: count(
        "Repeated augmentation (Hoffer et al. 2020): this many differently augmented copies of each image; the epoch stays as long",
        1,
        64,
      ).default(1),
      sampling: z
        .enum(["all", "balanced"])
        .default("all")
        .describe("all: each image once per epoch; balanced: redrawn so that every class is equally frequent"),
      mixing: z
        .strictObject({
          mixup: z
            .number()
            .min(0)
            .default(0)
            .describe("MixUp (Zhang et al. 2018): α of the beta distribution; 0: none"),
          cutmix: z
            .number()
            .min(0)
            .default(0)
            .describe("CutMix (Yun et al. 2019): α of the beta distribution; 0: none"),
          probability: fraction("Share of the batches that are mixed").default(1),
          switchProbability: fraction("Where both are on, share of the mixed batches that get CutMix").default(0.5),
        })
        .prefault({})
        .describe("Images and labels of a training batch are mixed with those of the reversed batch"),
      ...shared(),
      transforms: classificationTransforms(),
    })
    .superRefine(({ transforms }, context) => {
      for (const [i, step] of transforms.train.entries()) {
        const { notForClasses, notForLabelMaps: why } = transformOf(step);
        const message = notForClasses ?? (why === undefined ? undefined : `${why}; it is for data of type coco`);
        if (message === undefined) continue;
        context.addIssue({ code: "custom", path: ["transforms", "train", i, "type"], message });
      }
    });
export interface ImageLabelData extends ReturnType<typeof imageLabelData> {}
export const imageLabels = (): ImageLabelData => imageLabelData();
