import { z } from "zod";
import { changeHsv, scaleValues } from "../../pixels/colour.js";
import type { Image } from "../../pixels/image.js";
import type { Random } from "../../random.js";
import { range, transform } from "./transform.js";

const schema = z.strictObject({
  type: z.literal("photometricDistortion"),
  brightness: z.number().min(0).default(32).describe("Largest change, of 255"),
  contrast: range("Factor").default([0.5, 1.5]),
  saturation: range("Factor").default([0.5, 1.5]),
  hue: z.number().min(0).max(180).default(36).describe("Largest change, in degrees of 360, by steps of 2"),
});

/** The random draws of a distortion; changes that were not drawn are absent. */
export interface Distortion {
  /** Added to all values. */
  readonly brightness?: number;
  /** Factor on all values, before saturation and hue or after them. */
  readonly contrast?: { readonly factor: number; readonly first: boolean };
  readonly saturation?: number;
  /** Degrees. */
  readonly hue?: number;
}

/**
 * The distortion of SSD training (Liu et al., 2016) in the order MMSegmentation applies it: brightness; contrast here
 * or at the end, with equal probability; saturation; hue; each with probability one half. The hue rotates by whole
 * steps of 2°, the unit of OpenCV's 8-bit images, from −hue to below hue.
 */
export const photometricDistortion = transform({
  schema,
  apply: (sample, spec, random) => ({ ...sample, image: distort(sample.image, drawDistortion(spec, random)) }),
});

export function drawDistortion(spec: Omit<z.output<typeof schema>, "type">, random: Random): Distortion {
  const coin = (): boolean => random.next() < 0.5;
  const { contrast: gain, brightness: largest } = spec;
  const brightness = coin() ? { brightness: random.uniform(-largest, largest) } : {};
  const first = coin();
  const contrastNow = () => (coin() ? { contrast: { factor: random.uniform(...gain), first } } : {});
  const early = first ? contrastNow() : {};
  const saturation = coin() ? { saturation: random.uniform(...spec.saturation) } : {};
  const steps = Math.trunc(spec.hue / 2);
  const hue = coin() && steps > 0 ? { hue: 2 * (random.integer(2 * steps) - steps) } : {};
  return { ...brightness, ...early, ...saturation, ...hue, ...(first ? {} : contrastNow()) };
}

/** Saturation and hue change in one pass, without the rounding to 8-bit HSV that OpenCV does between. */
export function distort(image: Image, { brightness = 0, contrast, saturation = 1, hue = 0 }: Distortion): Image {
  const { factor = 1, first = true } = contrast ?? {};
  let current = image;
  if (brightness !== 0) current = scaleValues(current, 1, brightness);
  if (factor !== 1 && first) current = scaleValues(current, factor, 0);
  if (saturation !== 1 || hue !== 0) current = changeHsv(current, { saturation, hue });
  if (factor !== 1 && !first) current = scaleValues(current, factor, 0);
  return current;
}
