import { z } from "zod";
import { count, filePath, fraction } from "../../schemas/fields.js";
import { classificationTransformConfig } from "../transforms/index.js";
import {
  checkSteps,
  classNames,
  limit,
  notForLabelMaps,
  type SetSchema,
  type Shared,
  setSchema,
  shared,
  TRANSFORMS,
} from "./keys.js";

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

/** What all sets of images with one class each have, besides those of all data sets. */
const ofLabels = () => ({
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
      mixup: z.number().min(0).default(0).describe("MixUp (Zhang et al. 2018): α of the beta distribution; 0: none"),
      cutmix: z.number().min(0).default(0).describe("CutMix (Yun et al. 2019): α of the beta distribution; 0: none"),
      probability: fraction("Share of the batches that are mixed").default(1),
      switchProbability: fraction("Where both are on, share of the mixed batches that get CutMix").default(0.5),
    })
    .prefault({})
    .describe("Images and labels of a training batch are mixed with those of the reversed batch"),
});

export type ImageLabelKeys = ReturnType<typeof ofLabels> &
  Omit<Shared, "transforms"> & { readonly transforms: ClassificationTransforms };
export const imageLabelKeys = (): ImageLabelKeys => ({
  ...ofLabels(),
  ...shared(),
  transforms: classificationTransforms(),
});

/** For a schema's `superRefine`. */
export const checkImageSteps = checkSteps((step) => step.notForClasses ?? notForLabelMaps(step));

const ownKeys = {
  type: z.literal("imageLabels"),
  train: labelledSplit.describe("The training set"),
  val: labelledSplit.describe("The validation set"),
};

export interface ImageLabelData extends SetSchema<typeof ownKeys, ImageLabelKeys> {}

export const imageLabels = (): ImageLabelData => setSchema(ownKeys, imageLabelKeys()).superRefine(checkImageSteps);
