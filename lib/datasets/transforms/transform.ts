import { z } from "zod";
import type { Size } from "../../pixels/image.js";
import type { Random } from "../../random.js";
import { positive, side } from "../../schemas/fields.js";
import type { KindSchema } from "../../schemas/kinds.js";
import type { Sample } from "../types.js";

/**
 * Everything the project knows about a transform, a step of a pipeline. lib/datasets/transforms/index.ts has the table
 * of them.
 */
export interface Transform<Schema extends z.ZodType = KindSchema> {
  /** Its keys, their meaning and their defaults, which are nowhere else. */
  readonly schema: Schema;
  /**
   * Returns a new sample; the given one is not changed.
   *
   * @param random all its random choices come from here
   * @param partners other images of the data set, as many as `mixes` says, or none
   */
  readonly apply: (sample: Sample, spec: z.output<Schema>, random: Random, partners: readonly Sample[]) => Sample;
  /** If it begins with resizing: the size it will give an image with the same random draws. */
  readonly size?: (full: Size, spec: z.output<Schema>, random: Random) => Size;
  /** If it mixes in other images: how many, and how often. */
  readonly mixes?: (spec: z.output<Schema>) => { readonly images: number; readonly probability: number };
  /** It uses the masks of objects, which must be drawn even if the network is not trained on masks. */
  readonly needsMasks?: true;
  /** Why it is not for images with a label map. */
  readonly notForLabelMaps?: string;
  /** Why it is not for images with one class as a whole. */
  readonly notForClasses?: string;
}

/** Describes a transform; the types follow from the schema. */
export const transform = <Schema extends z.ZodType>(parts: Transform<Schema>): Transform<Schema> => parts;

export const interpolation = z
  .enum(["bilinear", "bilinear-antialias", "bicubic-antialias"])
  .default("bilinear")
  .describe("How images are resampled; label maps always use nearest");

export const scale = z.tuple([side("Pixels"), side("Pixels")]);

export const range = (what: string) =>
  z
    .tuple([positive("From"), positive("To")])
    .refine(([low, high]) => low <= high, "the first number must not be above the second")
    .describe(what);

/** @param most how far either end may be from 0 */
export const signedRange = (what: string, most = 360) =>
  z
    .tuple([z.number().min(-most).max(most).describe("From"), z.number().min(-most).max(most).describe("To")])
    .refine(([low, high]) => low <= high, "the first number must not be above the second")
    .describe(what);

export const colour = z.tuple([z.number(), z.number(), z.number()]);
