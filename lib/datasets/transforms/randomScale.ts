import { z } from "zod";
import type { Random } from "../../random.js";
import { resizeSample, type Scale, scaledSize } from "../geometry.js";
import { interpolation, range, scale, transform } from "./transform.js";

const schema = z.strictObject({
  type: z.literal("randomScale"),
  scale: scale.describe("As for resize, at ratio 1"),
  ratioRange: range("The scale is multiplied by a number drawn from this range"),
  interpolation,
});

/** Resizes to a scale times a random factor. */
export const randomScale = transform({
  schema,
  apply: (sample, spec, random) => resizeSample(sample, scaledSize(sample.image, drawRatio(spec, random)), spec),
  size: (full, spec, random) => scaledSize(full, drawRatio(spec, random)),
});

/**
 * A scale times a factor from the range, the sides truncated to whole pixels (MMCV's RandomResize with a ratio range).
 */
function drawRatio({ scale, ratioRange }: z.output<typeof schema>, random: Random): Scale {
  const factor = random.uniform(...ratioRange);
  const [first, second] = scale.map((side) => Math.max(1, Math.trunc(side * factor))) as [number, number];
  return [first, second];
}
