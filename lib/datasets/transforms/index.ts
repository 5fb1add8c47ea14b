import { z } from "zod";
import { UserError } from "../../errors.js";
import type { Size } from "../../images/picture.js";
import type { Random } from "../../random.js";
import { anyOf, kindOf } from "../../schemas/kinds.js";
import type { Sample } from "../types.js";
import { centreCrop } from "./centreCrop.js";
import { colourJitter } from "./colourJitter.js";
import { copyPaste } from "./copyPaste.js";
import { largeScaleJitter } from "./largeScaleJitter.js";
import { minIouCrop } from "./minIouCrop.js";
import { mosaic } from "./mosaic.js";
import { pad } from "./pad.js";
import { photometricDistortion } from "./photometricDistortion.js";
import { randAugment } from "./randAugment.js";
import { randomCrop } from "./randomCrop.js";
import { randomErasing } from "./randomErasing.js";
import { randomFlip } from "./randomFlip.js";
import { randomResize } from "./randomResize.js";
import { randomResizedCrop } from "./randomResizedCrop.js";
import { randomScale } from "./randomScale.js";
import { resize } from "./resize.js";
import type { Transform } from "./transform.js";

/** The transforms there are, as configs offer them. A new one is a file of its own and a line here. */
export const TRANSFORMS = [
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
  randAugment,
  copyPaste,
  mosaic,
  pad,
] as const;

/** Those for pictures with a single label: what they cut away cannot be undone. */
export const CLASSIFICATION_TRANSFORMS = [randomResizedCrop, centreCrop] as const;

const ALL = [...TRANSFORMS, ...CLASSIFICATION_TRANSFORMS] as const;

/** A step of a config's pipeline. */
export const transformSchema = anyOf(TRANSFORMS);

/** The same where pictures have a single label. */
export const classificationTransformSchema = anyOf(ALL);

/** A step as it is written: what has a default may be left out. */
export type TransformInput = z.input<typeof classificationTransformSchema>;

/** A step of a pipeline, complete, as plain data. */
export type TransformSpec = z.output<typeof classificationTransformSchema>;

/** The transform that a step is of. */
export function transformOf(spec: Pick<TransformSpec, "type">): Transform {
  // Each takes its own steps; that tie is lost in this look-up.
  return kindOf(ALL as readonly unknown[] as readonly Transform[], spec);
}

/** Steps with the defaults of what they leave out. @throws UserError for one that no config may have */
export function completeTransforms(steps: readonly TransformInput[]): TransformSpec[] {
  const { data, error } = z.array(classificationTransformSchema).safeParse(steps);
  if (error !== undefined) throw new UserError(`transforms: ${z.prettifyError(error)}`);
  return data;
}

/**
 * Applies the steps in order. Each returns a new sample; all random choices come from `random`.
 *
 * @param partners by number of the step, what it mixes in; a mixing step without partners does nothing
 */
export function applyTransforms(
  sample: Sample,
  specs: readonly TransformSpec[],
  random: Random,
  partners: ReadonlyMap<number, readonly Sample[]> = new Map(),
): Sample {
  return specs.reduce(
    (current, spec, i) => transformOf(spec).apply(current, spec, random, partners.get(i) ?? []),
    sample,
  );
}

/** The size a pipeline's first step will give a picture with these draws; undefined for a step that does not resize. */
export function firstSize(spec: TransformSpec, full: Size, random: Random): Size | undefined {
  return transformOf(spec).size?.(full, spec, random);
}
