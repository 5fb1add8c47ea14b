import { basename } from "node:path";
import type { Collector } from "./collector.js";
import type { Fingerprint } from "./images.js";

/**
 * Thumbnails whose values differ by less than this on average, of 255, are taken to be the same image. Measured: JPEG
 * at quality 50 changes at most 0.9, half the size 0.2; different images of one microscope are 10 apart.
 */
const NEAR = 3;

/** Images that are twice in one set. */
export function findDuplicates(images: readonly Fingerprint[], collector: Collector): void {
  const first = new Map<string, string>();
  for (const { hash, path } of images) {
    const other = first.get(hash);
    if (other === undefined) first.set(hash, path);
    else if (other !== path) {
      collector.add("warning", "duplicate", { file: path }, `the same image as ${basename(other)}, pixel for pixel`);
    }
  }
}

/** Images of a later set that an earlier one also has. */
export function findLeakage(
  earlier: { readonly name: string; readonly images: readonly Fingerprint[] },
  later: readonly Fingerprint[],
  collector: Collector,
): void {
  const byHash = new Map(earlier.images.map((image) => [image.hash, image]));
  const nearest = nearestIn(earlier.images);
  for (const image of later) {
    const place = { file: image.path };
    const same = byHash.get(image.hash);
    if (same !== undefined) {
      const message = `also in ${earlier.name}, pixel for pixel: ${same.path}; metrics on it are meaningless`;
      collector.add("error", "leakage", place, message);
      continue;
    }
    const near = nearest(image);
    if (near !== undefined) {
      collector.add("warning", "leakage", place, `nearly the same image as one in ${earlier.name}: ${near.path}`);
    }
  }
}

/**
 * Finds the image with the nearest thumbnail, if it is near enough. The means of two thumbnails differ by no more than
 * their values do on average, so if images are sorted by their means, only a few have to be compared.
 */
function nearestIn(images: readonly Fingerprint[]): (image: Fingerprint) => Fingerprint | undefined {
  const sorted = images.map((image) => ({ image, mean: mean(image.thumbnail) }));
  sorted.sort((a, b) => a.mean - b.mean);
  return ({ thumbnail }) => {
    const own = mean(thumbnail);
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sorted[middle]!.mean < own - NEAR) low = middle + 1;
      else high = middle;
    }
    let best: Fingerprint | undefined;
    let limit = NEAR * thumbnail.length;
    for (let i = low; i < sorted.length && sorted[i]!.mean <= own + NEAR; i++) {
      const { image } = sorted[i]!;
      const apart = difference(image.thumbnail, thumbnail, limit);
      if (apart < limit) [best, limit] = [image, apart];
    }
    return best;
  };
}

const mean = (values: Uint8Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The sum of absolute differences, or the first partial sum that reaches the limit. */
function difference(a: Uint8Array, b: Uint8Array, limit: number): number {
  let sum = 0;
  for (let i = 0; i < a.length && sum < limit; i++) sum += Math.abs(a[i]! - b[i]!);
  return sum;
}
