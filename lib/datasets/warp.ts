import { decodeRle, emptyRle, encodeRle, rleArea, rleBoxXyxy } from "../masks/rle.js";
import { cropRle } from "../masks/transforms.js";
import type { Rle } from "../masks/types.js";
import type { AffineMatrix } from "../pixels/affine.js";
import type { Size } from "../pixels/image.js";
import { copyNearest, extentOf, inverseOf, warpImageSmoothly, warpLabelMap } from "../pixels/warp.js";
import { IMAGENET_MEAN } from "./geometry.js";
import { moveBoxes, selectInstances, tightenBoxes, withExtent } from "./instances.js";
import type { Instances, Sample } from "./types.js";

export interface WarpOptions {
  /** From the sample's pixels to the result's. */
  readonly matrix: AffineMatrix;
  /** Of the result. */
  readonly size: Size;
  /** Outside the image; default the ImageNet mean. */
  readonly fill?: readonly [number, number, number] | undefined;
}

const isIdentity = ([a, b, c, d, e, f]: AffineMatrix): boolean =>
  a === 1 && b === 0 && c === 0 && d === 0 && e === 1 && f === 0;

/**
 * Moves the image and its annotation by an affine map: the image bilinearly; each pixel of masks and label maps takes what is at its
 * centre, label maps 255 outside. Boxes are drawn anew around what is left of their masks; those of objects without one hold the
 * moved corners of the box. Objects of which nothing is left are removed.
 */
export function warpSample(sample: Sample, { matrix, size, fill = IMAGENET_MEAN }: WarpOptions): Sample {
  const { image, meta, instances, labelMap } = sample;
  if (isIdentity(matrix) && size.width === image.width && size.height === image.height) return sample;
  const inverse = inverseOf(matrix);
  return {
    ...sample,
    image: warpImageSmoothly(image, inverse, size, fill),
    meta: { ...meta, width: size.width, height: size.height },
    ...(instances === undefined ? {} : { instances: warpInstances(instances, matrix, size) }),
    ...(labelMap === undefined ? {} : { labelMap: warpLabelMap(labelMap, inverse, size) }),
  };
}

function warpInstances(instances: Instances, matrix: AffineMatrix, size: Size): Instances {
  const masks = instances.masks.map((mask) => mask && warpRle(mask, matrix, size));
  const extents = instances.boxes.slice();
  for (const i of instances.labels.keys()) {
    const box = instances.boxes.subarray(4 * i, 4 * i + 4) as unknown as [number, number, number, number];
    extents.set(extentOf(matrix, box), 4 * i);
  }
  const tight = tightenBoxes({ ...instances, masks, boxes: moveBoxes(extents, { x: 0, y: 0 }, size) });
  return selectInstances(tight, withExtent(tight));
}

/** A mask seen through an affine map. @param matrix from its pixels to the result's */
export function warpRle(rle: Rle, matrix: AffineMatrix, size: Size): Rle {
  const { width, height } = size;
  if (rleArea(rle) === 0) return emptyRle(height, width);
  const [x1, y1, x2, y2] = extentOf(matrix, rleBoxXyxy(rle) as [number, number, number, number]);
  // A pixel more on each side than where its mask can be; only this window is drawn and encoded.
  const [left, top] = [Math.max(0, Math.floor(x1) - 1), Math.max(0, Math.floor(y1) - 1)];
  const [right, below] = [Math.min(width, Math.ceil(x2) + 1), Math.min(height, Math.ceil(y2) + 1)];
  const window = { width: right - left, height: below - top };
  if (window.width <= 0 || window.height <= 0) return emptyRle(height, width);
  const data = new Uint8Array(window.width * window.height);
  const source = { width: rle.width, height: rle.height, data: decodeRle(rle) };
  copyNearest(source, inverseOf(matrix), { ...window, data }, { left, top });
  return cropRle(encodeRle(data, window.height, window.width), { x: -left, y: -top, width, height });
}
