import type { Image } from "./image.js";
import { normaliseKernel } from "./kernels.js";

/** Per channel, red green blue, in units of 0–255. */
export interface Normalisation {
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

export const IMAGENET_NORMALISATION: Normalisation = { mean: [123.675, 116.28, 103.53], std: [58.395, 57.12, 57.375] };

export interface NormaliseOptions extends Normalisation {
  readonly paddedHeight: number;
  readonly paddedWidth: number;
}

/**
 * Writes (value − mean) ÷ std of an image as one [3, paddedHeight, paddedWidth] block at `offset`; what is to the right
 * of and below the image becomes 0.
 *
 * @throws RangeError when the image is larger than the padded size or the block does not fit into `target`
 */
export function writeNormalised(image: Image, target: Float32Array, offset: number, options: NormaliseOptions): void {
  const { width, height } = image;
  const { mean, std, paddedHeight, paddedWidth } = options;
  const plane = paddedHeight * paddedWidth;
  if (width > paddedWidth || height > paddedHeight) {
    throw new RangeError(`a ${width}×${height} image does not fit into ${paddedWidth}×${paddedHeight}`);
  }
  if (offset + 3 * plane > target.length) throw new RangeError(`no room for ${3 * plane} values at ${offset}`);
  const tables = Float32Array.from({ length: 3 * 256 }, (_, i) => ((i & 255) - mean[i >> 8]!) / std[i >> 8]!);
  normaliseKernel(image, tables, target, { offset, plane, paddedWidth });
  for (let c = 0; c < 3; c++) target.fill(0, offset + c * plane + height * paddedWidth, offset + (c + 1) * plane);
}

/**
 * The image within one [3, paddedHeight, paddedWidth] block of normalised values, padding included: the exact inverse
 * of `writeNormalised`.
 */
export function readNormalised(source: Float32Array, offset: number, options: NormaliseOptions): Image {
  const { mean, std, paddedHeight: height, paddedWidth: width } = options;
  const plane = height * width;
  const data = new Uint8Array(3 * plane);
  for (let i = 0, o = 0; i < plane; i++) {
    for (let c = 0; c < 3; c++, o++) {
      const value = Math.round(source[offset + c * plane + i]! * std[c]! + mean[c]!);
      data[o] = Math.min(Math.max(value, 0), 255);
    }
  }
  return { width, height, data };
}
