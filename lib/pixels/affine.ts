import type { Image } from "./image.js";

/** x' = a x + b y + c, y' = d x + e y + f */
export type AffineMatrix = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

/**
 * Moves an image's pixels within its size: each output pixel takes the source pixel nearest to where `inverse` sends
 * its centre, or `fill` outside (PIL's and torchvision's nearest-neighbour affine).
 *
 * @param inverse from output to source; pixel centres are at ½, 1½, …
 */
export function warpImage(image: Image, inverse: AffineMatrix, fill = 0): Image {
  const { width, height, data } = image;
  const [a, b, c, d, e, f] = inverse;
  const out = new Uint8Array(data.length).fill(fill);
  for (let y = 0, o = 0; y < height; y++) {
    for (let x = 0; x < width; x++, o += 3) {
      const column = Math.floor(a * (x + 0.5) + b * (y + 0.5) + c);
      const row = Math.floor(d * (x + 0.5) + e * (y + 0.5) + f);
      if (column < 0 || row < 0 || column >= width || row >= height) continue;
      const from = (row * width + column) * 3;
      out[o] = data[from]!;
      out[o + 1] = data[from + 1]!;
      out[o + 2] = data[from + 2]!;
    }
  }
  return { width, height, data: out };
}

/** Moved to the right and down. */
export function translateImage(image: Image, x: number, y: number): Image {
  return warpImage(image, [1, 0, -x, 0, 1, -y]);
}

/** Rotated about the middle, counter-clockwise. @param degrees 0–360 */
export function rotateImage(image: Image, degrees: number): Image {
  const angle = (degrees * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const [x, y] = [image.width / 2, image.height / 2];
  return warpImage(image, [cos, -sin, x - cos * x + sin * y, sin, cos, y - sin * x - cos * y]);
}

/**
 * Sheared about the top left corner: a point moves to the right by −`across` times its distance from the top, and down
 * by −`down` times its distance from the left. The sign is PIL's in AutoAugment: the map from output to source.
 */
export function shearImage(image: Image, across: number, down: number): Image {
  return warpImage(image, [1, across, 0, down, 1, 0]);
}
