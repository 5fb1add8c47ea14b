import type { Size } from "../../images/picture.js";
import { type Interpolation, resizeLabelMapLater, resizePictureLater } from "../../images/resize.js";
import { resizeRle } from "../../masks/transforms.js";
import type { Instances, Sample } from "../types.js";

export interface ResizeOptions {
  readonly interpolation?: Interpolation;
}

/** The size that keeps the ratio and fits into max(scale) by min(scale), rounded half up as MMCV does. */
export function scaledSize(size: Size, scale: readonly [number, number]): Size {
  const long = Math.max(size.width, size.height);
  const short = Math.min(size.width, size.height);
  const factor = Math.min(Math.max(...scale) / long, Math.min(...scale) / short);
  return {
    width: Math.max(1, Math.trunc(size.width * factor + 0.5)),
    height: Math.max(1, Math.trunc(size.height * factor + 0.5)),
  };
}

/** Resizes keeping the ratio; with `multipleOf`, straight to the raised size, in one interpolation. */
export function resizeByScale(
  sample: Sample,
  options: ResizeOptions & { readonly scale: readonly [number, number]; readonly multipleOf?: number },
): Sample {
  const { width, height } = scaledSize(sample.picture, options.scale);
  const multiple = options.multipleOf ?? 1;
  const raise = (side: number): number => Math.ceil(side / multiple) * multiple;
  return resizeSample(sample, { width: raise(width), height: raise(height) }, options);
}

/** Resizes the picture and what is annotated on it; nearest neighbour for masks and label maps. */
export function resizeSample(sample: Sample, size: Size, options: ResizeOptions = {}): Sample {
  const { picture, meta, instances, labelMap } = sample;
  const factors = [size.width / picture.width, size.height / picture.height] as const;
  return {
    ...sample,
    picture: resizePictureLater(picture, size, options.interpolation),
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
