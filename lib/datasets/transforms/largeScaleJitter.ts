import { z } from "zod";
import type { Size } from "../../pixels/image.js";
import { side } from "../../schemas/fields.js";
import { cropSample, padSample, resizeSample } from "../geometry.js";
import { tightenBoxes } from "../instances.js";
import type { Sample } from "../types.js";
import { colour, interpolation, range, transform } from "./transform.js";

const schema = z.strictObject({
  type: z.literal("largeScaleJitter"),
  width: side("Of the result, cut out or padded"),
  height: side("Of the result, cut out or padded"),
  ratioRange: range("Factor on the scale at which the image just fits").default([0.1, 2]),
  fill: colour.exactOptional().describe("Red, green, blue of 0–255; without it, the ImageNet mean"),
  interpolation,
});

type Spec = z.output<typeof schema>;

/**
 * Large-scale jitter (Ghiasi et al., "Simple Copy-Paste", 2021): the image is scaled so that it fits into width ×
 * height, times a random factor; from a larger result a random window is cut out, a smaller one is padded to the size
 * at the right and bottom. Boxes are recomputed from what is left of their masks.
 */
export const largeScaleJitter = transform({
  schema,
  apply: (sample, spec, random) => {
    const factor = random.uniform(...spec.ratioRange);
    const place = [random.next(), random.next()] as const;
    return jitterScale(sample, spec, { factor, place });
  },
  size: (full, spec, random) => jitteredSize(full, spec, random.uniform(...spec.ratioRange)),
});

/** @param drawn.place where the window is, 0 at the left and top, 1 (exclusive) at the right and bottom */
export function jitterScale(
  sample: Sample,
  spec: Omit<Spec, "type" | "ratioRange">,
  drawn: { readonly factor: number; readonly place: readonly [x: number, y: number] },
): Sample {
  const resized = resizeSample(sample, jitteredSize(sample.image, spec, drawn.factor), spec);
  const { width, height } = resized.image;
  const window = { width: Math.min(width, spec.width), height: Math.min(height, spec.height) };
  const left = Math.floor(drawn.place[0] * (width - window.width + 1));
  const top = Math.floor(drawn.place[1] * (height - window.height + 1));
  const cropped = cropSample(resized, { ...window, left, top });
  const { instances } = cropped;
  const kept = instances === undefined ? cropped : { ...cropped, instances: tightenBoxes(instances) };
  return padSample(kept, spec);
}

/** The size before the window is cut out. */
export function jitteredSize({ width, height }: Size, into: Size, factor: number): Size {
  const scale = Math.min(into.width / width, into.height / height) * factor;
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}
