import { z } from "zod";
import type { Size } from "../../pixels/image.js";
import { aboutMiddles, extentOf, rotation } from "../../pixels/warp.js";
import { flag, fraction } from "../../schemas/fields.js";
import type { Sample } from "../types.js";
import { warpSample } from "../warp.js";
import { colour, signedRange, transform } from "./transform.js";

const schema = z.strictObject({
  type: z.literal("randomRotation"),
  probability: fraction("Probability of a rotation").default(1),
  degrees: signedRange("Counter-clockwise, drawn between these").default([-10, 10]),
  angles: z
    .array(z.number())
    .min(1)
    .exactOptional()
    .describe("Degrees drawn from these instead, such as [0, 90, 180, 270]: right angles move pixels onto pixels"),
  expand: flag("The result holds the whole rotated image; without it, it has the image's size").default(false),
  fill: colour.exactOptional().describe("Red, green, blue of 0–255 outside the image; without it, the ImageNet mean"),
});

type Spec = z.output<typeof schema>;

/** Rotates about the middle. */
export const randomRotation = transform({
  schema,
  apply: (sample, spec, random) => {
    if (random.next() >= spec.probability) return sample;
    const { angles, degrees } = spec;
    return rotateSample(
      sample,
      angles === undefined ? random.uniform(...degrees) : angles[random.integer(angles.length)]!,
      spec,
    );
  },
  needsMasks: true,
});

/** In pixels: what sines and cosines are off by must not add a row. */
const HAIR = 1e-6;

/** @param degrees counter-clockwise */
export function rotateSample(sample: Sample, degrees: number, { expand, fill }: Pick<Spec, "expand" | "fill">): Sample {
  const { width, height } = sample.image;
  const turned = rotation(degrees);
  const [x1, y1, x2, y2] = extentOf(turned, [0, 0, width, height]);
  const size: Size = expand
    ? { width: Math.max(1, Math.ceil(x2 - x1 - HAIR)), height: Math.max(1, Math.ceil(y2 - y1 - HAIR)) }
    : { width, height };
  return warpSample(sample, { matrix: aboutMiddles(turned, sample.image, size), size, fill });
}
