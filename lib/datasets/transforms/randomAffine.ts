import { z } from "zod";
import type { AffineMatrix } from "../../pixels/affine.js";
import { aboutMiddles, compose, rotation, translation } from "../../pixels/warp.js";
import { fraction } from "../../schemas/fields.js";
import { warpSample } from "../warp.js";
import { colour, range, signedRange, transform } from "./transform.js";

/** Beyond this a shear leaves next to nothing. */
const MOST_SHEAR = 80;

const schema = z.strictObject({
  type: z.literal("randomAffine"),
  probability: fraction("Probability of a change").default(1),
  degrees: signedRange("Rotation, counter-clockwise, drawn between these").default([-10, 10]),
  scale: range("Factor drawn between these")
    .refine(([least, most]) => least >= 0.01 && most <= 100, "must be within 0.01 and 100")
    .default([0.5, 1.5]),
  shear: signedRange("Angle in degrees, drawn between these for each direction", MOST_SHEAR).default([-2, 2]),
  translate: fraction("Largest shift either way, as a share of the side").default(0.1),
  fill: colour.exactOptional().describe("Red, green, blue of 0–255 outside the image; without it, the ImageNet mean"),
});

/**
 * Rotates, scales, shears and shifts about the middle, in MMDetection's order (YOLOX's RandomAffine): sheared first, then scaled,
 * rotated, shifted. The size stays.
 */
export const randomAffine = transform({
  schema,
  apply: (sample, spec, random) => {
    if (random.next() >= spec.probability) return sample;
    const turned = rotation(random.uniform(...spec.degrees));
    const factor = random.uniform(...spec.scale);
    const [across, down] = [tangent(random.uniform(...spec.shear)), tangent(random.uniform(...spec.shear))];
    const shift = (side: number): number => random.uniform(-spec.translate, spec.translate) * side;
    const { width, height } = sample.image;
    const sheared: AffineMatrix = [factor, factor * across, 0, factor * down, factor, 0];
    const moved = compose(translation(shift(width), shift(height)), compose(turned, sheared));
    const size = { width, height };
    // Shears both ways may fold an image into a line: it is left as it is.
    if (Math.abs(1 - across * down) < 1e-3) return sample;
    return warpSample(sample, { matrix: aboutMiddles(moved, size, size), size, fill: spec.fill });
  },
  needsMasks: true,
});

const tangent = (degrees: number): number => Math.tan((degrees * Math.PI) / 180);
