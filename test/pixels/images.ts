import type { Image, LabelMap } from "../../lib/pixels/image.js";
import { Random } from "../../lib/random.js";

/** An image of smooth colours with some noise, which survives JPEG well. */
export function smoothImage(width: number, height: number): Image {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      data[i++] = (255 * x) / width;
      data[i++] = (255 * y) / height;
      data[i++] = 128 + 100 * Math.sin((x + 2 * y) / 9);
    }
  }
  return { width, height, data };
}

export function noiseImage(width: number, height: number, seed = 1): Image {
  const random = Random.of(seed, "image");
  return { width, height, data: Uint8Array.from({ length: width * height * 3 }, () => random.integer(256)) };
}

export function noiseLabels(width: number, height: number, classes: number, seed = 1): LabelMap {
  const random = Random.of(seed, "labels");
  return { width, height, data: Uint8Array.from({ length: width * height }, () => random.integer(classes)) };
}

/** Mean absolute difference of two images of the same size. */
export function meanDifference(a: Image, b: Image): number {
  if (a.width !== b.width || a.height !== b.height) return Number.POSITIVE_INFINITY;
  return a.data.reduce((sum, value, i) => sum + Math.abs(value - b.data[i]!), 0) / a.data.length;
}
