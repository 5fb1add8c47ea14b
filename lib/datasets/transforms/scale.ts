import type { Size } from "../../images/picture.js";
import type { Random } from "../../random.js";
import type { Sample } from "../types.js";
import { cropSample } from "./crop.js";
import { tightenBoxes } from "./instances.js";
import { padSample } from "./pad.js";
import { resizeByScale, resizeSample, scaledSize } from "./resize.js";
import type { LargeScaleJitterSpec, RandomResizeSpec, RandomScaleSpec, TransformSpec } from "./specs.js";

type Scale = readonly [number, number];

/** A scale times a factor of the range, the sides cut to whole pixels (MMCV's RandomResize with a ratio range). */
export function drawRatio({ scale, ratioRange }: RandomScaleSpec, random: Random): Scale {
  const factor = random.uniform(...ratioRange);
  const [first, second] = scale.map((side) => Math.max(1, Math.trunc(side * factor))) as [number, number];
  return [first, second];
}

/**
 * One of the scales (MMCV's RandomChoiceResize, detectron2's "choice"), or between the smallest and the largest, the
 * long and the short side drawn each on its own (MMCV's RandomResize between two scales, detectron2's "range").
 */
export function drawScale({ scales, sampling }: RandomResizeSpec, random: Random): Scale {
  if (sampling !== "range") return scales[random.integer(scales.length)]!;
  const between = (sides: readonly number[]): number => {
    const low = Math.min(...sides);
    return low + random.integer(Math.max(...sides) - low + 1);
  };
  const long = between(scales.map((scale) => Math.max(...scale)));
  const short = between(scales.map((scale) => Math.min(...scale)));
  return [long, short];
}

/**
 * Large-scale jitter (Ghiasi et al., "Simple Copy-Paste", 2021): the picture is scaled so that it fits into width ×
 * height, times a factor of 0.1–2; of a larger one a window is cut out anywhere, a smaller one is padded to the size
 * to the right and below. Boxes are drawn anew about what is left of their masks.
 */
export function largeScaleJitter(sample: Sample, spec: LargeScaleJitterSpec, random: Random): Sample {
  const factor = random.uniform(...(spec.ratioRange ?? [0.1, 2]));
  const place = [random.next(), random.next()] as const;
  return jitterScale(sample, spec, { factor, place });
}

/** @param drawn.place where the window lies, 0 at the left and top, 1 (exclusive) at the right and bottom */
export function jitterScale(
  sample: Sample,
  spec: LargeScaleJitterSpec,
  drawn: { readonly factor: number; readonly place: readonly [x: number, y: number] },
): Sample {
  const resized = resizeSample(sample, jitteredSize(sample.picture, spec, drawn.factor), spec);
  const { width, height } = resized.picture;
  const window = { width: Math.min(width, spec.width), height: Math.min(height, spec.height) };
  const left = Math.floor(drawn.place[0] * (width - window.width + 1));
  const top = Math.floor(drawn.place[1] * (height - window.height + 1));
  const cropped = cropSample(resized, { ...window, left, top });
  const { instances } = cropped;
  const kept = instances === undefined ? cropped : { ...cropped, instances: tightenBoxes(instances) };
  return padSample(kept, { ...spec, type: "pad" });
}

/** The size before the window is cut out. */
export function jitteredSize({ width, height }: Size, spec: LargeScaleJitterSpec, factor: number): Size {
  const scale = Math.min(spec.width / width, spec.height / height) * factor;
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

/** Resizes by a scale as "resize" does. */
export function resizeTo(sample: Sample, scale: Scale, spec: RandomResizeSpec): Sample {
  const [width, height] = scale;
  return spec.keepRatio === false
    ? resizeSample(sample, { width, height }, spec)
    : resizeByScale(sample, { ...spec, scale });
}

/** The size a pipeline's first step will give a picture with these draws; undefined for a step that does not resize. */
export function firstSize(spec: TransformSpec, full: Size, random: Random): Size | undefined {
  const exactly = ([width, height]: Scale): Size => ({ width, height });
  switch (spec.type) {
    case "resize":
      return spec.keepRatio === false ? exactly(spec.scale) : scaledSize(full, spec.scale);
    case "randomScale":
      return scaledSize(full, drawRatio(spec, random));
    case "randomResize": {
      const scale = drawScale(spec, random);
      return spec.keepRatio === false ? exactly(scale) : scaledSize(full, scale);
    }
    case "largeScaleJitter":
      return jitteredSize(full, spec, random.uniform(...(spec.ratioRange ?? [0.1, 2])));
    default:
      return undefined;
  }
}
