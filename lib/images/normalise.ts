import type { Picture } from "./picture.js";

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
 * Writes (value − mean) ÷ std of a picture as one [3, paddedHeight, paddedWidth] block at `offset`; what lies right of
 * and below the picture becomes 0.
 *
 * @throws RangeError when the picture is larger than the padded size or the block does not fit into `target`
 */
export function writeNormalised(
  picture: Picture,
  target: Float32Array,
  offset: number,
  options: NormaliseOptions,
): void {
  const { width, height, data } = picture;
  const { mean, std, paddedHeight, paddedWidth } = options;
  const plane = paddedHeight * paddedWidth;
  if (width > paddedWidth || height > paddedHeight) {
    throw new RangeError(`a ${width}×${height} picture does not fit into ${paddedWidth}×${paddedHeight}`);
  }
  if (offset + 3 * plane > target.length) throw new RangeError(`no room for ${3 * plane} values at ${offset}`);
  for (let c = 0; c < 3; c++) {
    const table = Float32Array.from({ length: 256 }, (_, value) => (value - mean[c]!) / std[c]!);
    const start = offset + c * plane;
    for (let y = 0, i = c; y < height; y++) {
      const row = start + y * paddedWidth;
      for (let x = 0; x < width; x++, i += 3) target[row + x] = table[data[i]!]!;
      target.fill(0, row + width, row + paddedWidth);
    }
    target.fill(0, start + height * paddedWidth, start + plane);
  }
}
