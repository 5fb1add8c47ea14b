import { z } from "zod";
import type { Size } from "../../pixels/image.js";
import type { Random } from "../../random.js";
import { flag } from "../../schemas/fields.js";
import { resizeSample, type Scale, scaledSize } from "../geometry.js";
import { interpolation, scale, transform } from "./transform.js";

const schema = z.strictObject({
  type: z.literal("randomResize"),
  scales: z.array(scale).min(1).describe("As for resize; one is drawn"),
  sampling: z
    .enum(["choice", "range"])
    .default("choice")
    .describe("choice: one of the scales; range: long and short side each between the smallest and the largest"),
  keepRatio: flag("Keep the aspect ratio").default(true),
  interpolation,
});

type Spec = z.output<typeof schema>;

/** Resizes to one of several scales, or to one between them. */
export const randomResize = transform({
  schema,
  apply: (sample, spec, random) => resizeSample(sample, drawSize(sample.image, spec, random), spec),
  size: drawSize,
});

function drawSize(full: Size, spec: Spec, random: Random): Size {
  const [width, height] = drawScale(spec, random);
  return spec.keepRatio ? scaledSize(full, [width, height]) : { width, height };
}

/**
 * One of the scales (MMCV's RandomChoiceResize, detectron2's "choice"), or between the smallest and the largest, the
 * long and the short side drawn separately (MMCV's RandomResize between two scales, detectron2's "range").
 */
export function drawScale({ scales, sampling }: Pick<Spec, "scales" | "sampling">, random: Random): Scale {
  if (sampling === "choice") return scales[random.integer(scales.length)]!;
  const between = (sides: readonly number[]): number => {
    const low = Math.min(...sides);
    return low + random.integer(Math.max(...sides) - low + 1);
  };
  const long = between(scales.map((scale) => Math.max(...scale)));
  const short = between(scales.map((scale) => Math.min(...scale)));
  return [long, short];
}
