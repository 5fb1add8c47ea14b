import { z } from "zod";
import { IMAGENET_NORMALISATION } from "../../pixels/normalise.js";
import { count, flag, positive } from "../../schemas/fields.js";
import { SIZE_MULTIPLE } from "../loader/padding.js";
import { type TransformSpec, transformConfig, transformOf } from "../transforms/index.js";
import type { Transform } from "../transforms/transform.js";

function strideMultiple(description: string) {
  return count(description).refine(
    (side) => side % SIZE_MULTIPLE === 0,
    `must be a multiple of ${SIZE_MULTIPLE}, the backbone's largest stride`,
  );
}

export const TRANSFORMS = "Steps applied to an image, in order, before it is normalised, padded and batched";

const transformsOf = () => {
  const steps = z.array(transformConfig()).default([]);
  return z.strictObject({ train: steps, test: steps }).prefault({}).describe(TRANSFORMS);
};
/** Named, as are the kinds of data: the compiler would write out what it stands for at every use. */
export interface Transforms extends ReturnType<typeof transformsOf> {}
const transforms = (): Transforms => transformsOf();

/**
 * For a schema's `superRefine`: refuses steps of training.
 *
 * @param reasonAgainst says why a step is not for such data; undefined if it is
 */
export const checkSteps =
  (reasonAgainst: (step: Transform) => string | undefined) =>
  ({ transforms }: { readonly transforms: { readonly train: readonly TransformSpec[] } }, context: z.RefinementCtx) => {
    for (const [i, step] of transforms.train.entries()) {
      const message = reasonAgainst(transformOf(step));
      if (message !== undefined)
        context.addIssue({ code: "custom", path: ["transforms", "train", i, "type"], message });
    }
  };

/** Why a step is not for label maps. */
export const notForLabelMaps = ({ notForLabelMaps: why }: Transform): string | undefined =>
  why === undefined ? undefined : `${why}; it is for data of type coco`;

/** What all data sets have. */
export const shared = () => ({
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

export type Shared = ReturnType<typeof shared>;

export const channel = z.int().min(0).max(255);

export const limit = count("Use only this many images, the first ones; without it, all").exactOptional();

export const classNames = z
  .array(z.string().min(1))
  .min(1)
  .refine((names) => new Set(names).size === names.length, "a name occurs twice");

/** What all sets of objects have, besides those of all data sets. */
const ofObjects = () => ({
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
});

export type Objects = ReturnType<typeof ofObjects> & Shared;
export const objects = (): Objects => ({ ...ofObjects(), ...shared() });

/** The schema of a set with keys of its own and those of its task: the compiler would write out all of them for each. */
export type SetSchema<Own extends z.ZodRawShape, Keys extends z.ZodRawShape> = z.ZodObject<Own & Keys, z.core.$strict>;

export const setSchema = <Own extends z.ZodRawShape, Keys extends z.ZodRawShape>(
  own: Own,
  keys: Keys,
): SetSchema<Own, Keys> => z.strictObject({ ...own, ...keys }) as unknown as SetSchema<Own, Keys>;

/** The two sets of a config. */
export const splits = <T extends z.ZodType>(split: T) => ({
  train: split.describe("The training set"),
  val: split.describe("The validation set"),
});
