import { z } from "zod";
import { rleArea } from "../../masks/rle.js";
import { rectangleRle, subtractRle } from "../../masks/transforms.js";
import { IGNORED_LABEL, type Image, type LabelMap, type Size, type Window } from "../../pixels/image.js";
import type { Random } from "../../random.js";
import { fraction, positive } from "../../schemas/fields.js";
import { IMAGENET_MEAN } from "../geometry.js";
import { selectInstances } from "../instances.js";
import type { Instances, Sample } from "../types.js";
import { colour, range, transform } from "./transform.js";

const TRIES = 10;

const schema = z.strictObject({
  type: z.literal("randomErasing"),
  probability: fraction("Probability of erasing a rectangle").default(0.5),
  area: range("Share of the image's area").default([0.02, 0.33]),
  aspect: range("Height over width").default([0.3, 3.3]),
  fill: z
    .union([colour, z.literal("noise")])
    .exactOptional()
    .describe("Red, green, blue of 0–255, or noise; without it, the ImageNet mean"),
  maxCovered: positive("An object is removed if at least this share of its box is covered").max(1).default(0.9),
});

type Spec = z.output<typeof schema>;

/** Random erasing (Zhong et al., 2020) with torchvision's draws: ten windows are tried, then nothing is erased. */
export const randomErasing = transform({ schema, apply: eraseAnywhere });

function eraseAnywhere(sample: Sample, spec: Spec, random: Random): Sample {
  if (random.next() >= spec.probability) return sample;
  const window = drawWindow(sample.image, spec, random);
  if (window === undefined) return sample;
  return eraseSample(sample, window, { ...spec, fill: fillOf(spec, random) });
}

type Fill = readonly [number, number, number] | ((value: number) => number);

function fillOf(spec: Spec, random: Random): Fill {
  return spec.fill === "noise" ? () => random.integer(256) : (spec.fill ?? IMAGENET_MEAN);
}

function drawWindow({ width, height }: Size, spec: Spec, random: Random): Window | undefined {
  const [thin, wide] = spec.aspect;
  for (let i = 0; i < TRIES; i++) {
    const area = width * height * random.uniform(...spec.area);
    const aspect = Math.exp(random.uniform(Math.log(thin), Math.log(wide))); // height ÷ width
    const tall = Math.round(Math.sqrt(area * aspect));
    const across = Math.round(Math.sqrt(area / aspect));
    if (tall < 1 || across < 1 || tall >= height || across >= width) continue;
    const top = random.integer(height - tall + 1);
    const left = random.integer(width - across + 1);
    return { left, top, width: across, height: tall };
  }
  return undefined;
}

/**
 * Covers a window. As in MMDetection, label maps become "ignored" there, masks lose their pixels, and an object is
 * removed if `maxCovered` of its box or its whole mask is covered; boxes of the others are not recomputed.
 */
export function eraseSample(
  sample: Sample,
  window: Window,
  options: { readonly fill: Fill; readonly maxCovered: number },
): Sample {
  const { image, instances, labelMap } = sample;
  return {
    ...sample,
    image: coverImage(image, window, options.fill),
    ...(instances === undefined ? {} : { instances: coverInstances(instances, window, options.maxCovered) }),
    ...(labelMap === undefined ? {} : { labelMap: coverLabels(labelMap, window) }),
  };
}

function coverImage(image: Image, window: Window, fill: Fill): Image {
  const data = image.data.slice();
  const value = typeof fill === "function" ? fill : (i: number): number => fill[i % 3]!;
  for (let y = window.top; y < window.top + window.height; y++) {
    const from = (y * image.width + window.left) * 3;
    for (let i = 0; i < window.width * 3; i++) data[from + i] = value(i);
  }
  return { ...image, data };
}

function coverLabels(map: LabelMap, window: Window): LabelMap {
  const data = map.data.slice();
  for (let y = window.top; y < window.top + window.height; y++) {
    data.fill(IGNORED_LABEL, y * map.width + window.left, y * map.width + window.left + window.width);
  }
  return { ...map, data };
}

function coverInstances(instances: Instances, window: Window, maxCovered: number): Instances {
  const { left, top, width, height } = window;
  const masks = instances.masks.map(
    (mask) => mask && subtractRle(mask, rectangleRle(mask.height, mask.width, { x: left, y: top, width, height })),
  );
  const kept = Array.from(instances.labels.keys()).filter((i) => {
    const mask = masks[i];
    return (mask === undefined || rleArea(mask) > 0) && coveredShare(instances.boxes, i, window) < maxCovered;
  });
  return selectInstances({ ...instances, masks }, kept);
}

function coveredShare(boxes: Float32Array, i: number, { left, top, width, height }: Window): number {
  const [x1, y1, x2, y2] = boxes.subarray(i * 4, i * 4 + 4) as unknown as [number, number, number, number];
  const across = Math.max(0, Math.min(x2, left + width) - Math.max(x1, left));
  const down = Math.max(0, Math.min(y2, top + height) - Math.max(y1, top));
  return (across * down) / Math.max((x2 - x1) * (y2 - y1), 1e-7);
}
