import { cropRle, resizeRle } from "../masks/transforms.js";
import { cropImage, cropLabelMap, padImage, padLabelMap } from "../pixels/geometry.js";
import type { Size, Window } from "../pixels/image.js";
import { IMAGENET_NORMALISATION } from "../pixels/normalise.js";
import { type Interpolation, resizeImageLater, resizeLabelMapLater } from "../pixels/resize.js";
import { moveBoxes, selectInstances, withExtent } from "./instances.js";
import type { Instances, Sample } from "./types.js";

/** The largest longer and shorter side of an image, in any order; or an exact width and height. */
export type Scale = readonly [number, number];

/** ImageNet's mean as a colour: red, green and blue, 0–255, which normalise to about zero. */
export const IMAGENET_MEAN: readonly [red: number, green: number, blue: number] = [
  Math.round(IMAGENET_NORMALISATION.mean[0]),
  Math.round(IMAGENET_NORMALISATION.mean[1]),
  Math.round(IMAGENET_NORMALISATION.mean[2]),
];

/** The size that keeps the ratio and fits into max(scale) by min(scale), rounded half up as MMCV does. */
export function scaledSize(size: Size, scale: Scale): Size {
  const long = Math.max(size.width, size.height);
  const short = Math.min(size.width, size.height);
  const factor = Math.min(Math.max(...scale) / long, Math.min(...scale) / short);
  return {
    width: Math.max(1, Math.trunc(size.width * factor + 0.5)),
    height: Math.max(1, Math.trunc(size.height * factor + 0.5)),
  };
}

/** Resizes the image and its annotation; nearest neighbour for masks and label maps. */
export function resizeSample(sample: Sample, size: Size, options: { readonly interpolation: Interpolation }): Sample {
  const { image, meta, instances, labelMap } = sample;
  const factors = [size.width / image.width, size.height / image.height] as const;
  return {
    ...sample,
    image: resizeImageLater(image, size, options.interpolation),
    meta: {
      ...meta,
      width: size.width,
      height: size.height,
      scaleFactor: [meta.scaleFactor[0] * factors[0], meta.scaleFactor[1] * factors[1]],
    },
    ...(instances === undefined ? {} : { instances: resizeInstances(instances, factors, size) }),
    ...(labelMap === undefined ? {} : { labelMap: resizeLabelMapLater(labelMap, size) }),
  };
}

function resizeInstances(instances: Instances, factors: readonly [number, number], size: Size): Instances {
  const limits = [size.width, size.height];
  return {
    ...instances,
    boxes: instances.boxes.map((value, i) => Math.min(Math.max(value * factors[i % 2]!, 0), limits[i % 2]!)),
    masks: instances.masks.map((mask) => mask && resizeRle(mask, size.height, size.width)),
  };
}

/** Cuts a window out of the image and its annotation; objects outside are left out. */
export function cropSample(sample: Sample, window: Window): Sample {
  const { image, meta, instances, labelMap } = sample;
  return {
    ...sample,
    image: cropImage(image, window),
    meta: { ...meta, width: window.width, height: window.height },
    ...(instances === undefined ? {} : { instances: cropInstances(instances, window) }),
    ...(labelMap === undefined ? {} : { labelMap: cropLabelMap(labelMap, window) }),
  };
}

function cropInstances(instances: Instances, window: Window): Instances {
  const { left, top, width, height } = window;
  const boxes = moveBoxes(instances.boxes, { x: -left, y: -top }, window);
  const kept = selectInstances({ ...instances, boxes }, withExtent({ ...instances, boxes }));
  return { ...kept, masks: kept.masks.map((mask) => mask && cropRle(mask, { x: left, y: top, width, height })) };
}

/** The window of this size in the middle, or all of a smaller image. */
export function middleWindow(image: Size, size: Size): Window {
  const width = Math.min(size.width, image.width);
  const height = Math.min(size.height, image.height);
  return {
    left: Math.round((image.width - width) / 2),
    top: Math.round((image.height - height) / 2),
    width,
    height,
  };
}

/**
 * Pads right and below to at least this size, label maps with 255; the valid size in `meta` stays the image's before padding.
 *
 * @param options.fill default the ImageNet mean
 */
export function padSample(
  sample: Sample,
  options: Size & { readonly fill?: readonly [number, number, number] },
): Sample {
  const { instances, labelMap } = sample;
  const image = padImage(sample.image, options, options.fill ?? IMAGENET_MEAN);
  const window = { x: 0, y: 0, width: image.width, height: image.height };
  return {
    ...sample,
    image,
    ...(instances === undefined
      ? {}
      : { instances: { ...instances, masks: instances.masks.map((mask) => mask && cropRle(mask, window)) } }),
    ...(labelMap === undefined ? {} : { labelMap: padLabelMap(labelMap, image) }),
  };
}
