import { z } from "zod";
import { UserError } from "../../errors.js";
import type { Size } from "../../pixels/image.js";
import type { Random } from "../../random.js";
import { type KindSchema, KindTable, type SchemasOf } from "../../schemas/kinds.js";
import { runPart } from "../../schemas/origins.js";
import type { Sample } from "../types.js";
import { centreCrop } from "./centreCrop.js";
import { colourJitter } from "./colourJitter.js";
import { copyPaste } from "./copyPaste.js";
import { gaussianBlur } from "./gaussianBlur.js";
import { largeScaleJitter } from "./largeScaleJitter.js";
import { minIouCrop } from "./minIouCrop.js";
import { mixUp } from "./mixUp.js";
import { mosaic } from "./mosaic.js";
import { pad } from "./pad.js";
import { photometricDistortion } from "./photometricDistortion.js";
import { imageRandAugment, randAugment } from "./randAugment.js";
import { randomAffine } from "./randomAffine.js";
import { randomCrop } from "./randomCrop.js";
import { randomErasing } from "./randomErasing.js";
import { randomFlip } from "./randomFlip.js";
import { randomResize } from "./randomResize.js";
import { randomResizedCrop } from "./randomResizedCrop.js";
import { randomRotation } from "./randomRotation.js";
import { randomScale } from "./randomScale.js";
import { resize } from "./resize.js";
import type { Transform } from "./transform.js";

/** All transforms for configs. A new one is a file and a line here. */
const SHARED = [
  resize,
  randomScale,
  randomResize,
  largeScaleJitter,
  randomFlip,
  randomCrop,
  photometricDistortion,
  minIouCrop,
  colourJitter,
  randomErasing,
  copyPaste,
  mosaic,
  pad,
  randomRotation,
  randomAffine,
  gaussianBlur,
  mixUp,
] as const;

type Shared = typeof SHARED; // named, or the compiler would write out all of them for each list
export const TRANSFORMS: readonly [...Shared, typeof randAugment] = [...SHARED, randAugment];

/** Transforms only for images with a single label: what they cut away cannot be undone. */
export const CLASSIFICATION_TRANSFORMS = [randomResizedCrop, centreCrop] as const;

const ALL: readonly [...Shared, typeof imageRandAugment, ...typeof CLASSIFICATION_TRANSFORMS] = [
  ...SHARED,
  imageRandAugment,
  ...CLASSIFICATION_TRANSFORMS,
];

// Each takes its own steps; that tie is lost in this look-up.
const table = new KindTable<typeof TRANSFORMS, Transform>("transform", TRANSFORMS);
const withCrops = new KindTable<typeof ALL, Transform>("transform", ALL);

// Named, because types without a name are written out wherever a config has them.
export interface TransformSchema extends z.ZodDiscriminatedUnion<SchemasOf<typeof TRANSFORMS>, "type"> {}
export interface ImageTransformSchema extends z.ZodDiscriminatedUnion<SchemasOf<typeof ALL>, "type"> {}

/** A step of a config's pipeline. */
export const transformConfig = (): TransformSchema => table.config();

/** The same where images have a single label. */
export const classificationTransformConfig = (): ImageTransformSchema => withCrops.config();

/** The modules whose import adds transforms: threads that distort images import them first. */
const modules: string[] = []; // one for each transform
export const transformModules = (): readonly string[] => [...new Set(modules)];

/**
 * Adds a transform that configs can then name.
 *
 * @param module the URL of the module that does so when it is imported (`import.meta.url`), for the loader's threads
 * @returns a function that removes it again @throws UserError when one of its type already exists
 */
export function registerTransform<Schema extends KindSchema>(kind: Transform<Schema>, module: string): () => void {
  const any = kind as unknown as Transform;
  const removals = [withCrops.add(any), table.add(any)];
  modules.push(module);
  return () => {
    for (const remove of removals) remove();
    modules.splice(modules.indexOf(module), 1);
  };
}

/** A step as written: keys with a default may be left out. */
export type TransformInput = z.input<ReturnType<typeof classificationTransformConfig>>;

/** A step of a pipeline, complete, as plain data. */
export type TransformSpec = z.output<ReturnType<typeof classificationTransformConfig>>;

/** The transform of a step. */
export function transformOf(spec: Pick<TransformSpec, "type">): Transform {
  return withCrops.of(spec);
}

/** Steps completed with defaults. @throws UserError for one that is not valid in any config */
export function completeTransforms(steps: readonly TransformInput[]): TransformSpec[] {
  const { data, error } = z.array(classificationTransformConfig()).safeParse(steps);
  if (error !== undefined) throw new UserError(`transforms: ${z.prettifyError(error)}`);
  return data;
}

/**
 * Applies the steps in order. Each returns a new sample; all random choices come from `random`.
 *
 * @param partners by index of the step, what it mixes in; a mixing step without partners does nothing
 */
export function applyTransforms(
  sample: Sample,
  specs: readonly TransformSpec[],
  random: Random,
  partners: ReadonlyMap<number, readonly Sample[]> = new Map(),
): Sample {
  return specs.reduce((current, spec, i) => {
    const step = transformOf(spec);
    const apply = () => step.apply(current, spec, random, partners.get(i) ?? []);
    return runPart("transform", step, apply, current.meta.file);
  }, sample);
}

/**
 * The size that a pipeline's first step will give an image with these random draws; undefined for a step that does not
 * resize.
 */
export function firstSize(spec: TransformSpec, full: Size, random: Random): Size | undefined {
  return transformOf(spec).size?.(full, spec, random);
}
