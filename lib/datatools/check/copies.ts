import { basename } from "node:path";
import type { Collector } from "./collector.js";
import type { Fingerprint } from "./pictures.js";

/**
 * Thumbnails whose values differ by less than this on average, of 255, are taken for the same picture. Measured: JPEG
 * at quality 50 makes 0.9 at most, half the size 0.2; different pictures of one microscope are 10 apart.
 */
const NEAR = 3;

/** Pictures of one set that are there twice. */
export function findDuplicates(pictures: readonly Fingerprint[], collector: Collector): void {
  const first = new Map<string, string>();
  for (const { hash, path } of pictures) {
    const other = first.get(hash);
    if (other === undefined) first.set(hash, path);
    else if (other !== path) {
      collector.add("warning", "duplicate", { file: path }, `the same picture as ${basename(other)}, pixel for pixel`);
    }
  }
}

/** Pictures of a later set that an earlier one has as well. */
export function findLeakage(
  earlier: { readonly name: string; readonly pictures: readonly Fingerprint[] },
  later: readonly Fingerprint[],
  collector: Collector,
): void {
  const byHash = new Map(earlier.pictures.map((picture) => [picture.hash, picture]));
  const nearest = nearestIn(earlier.pictures);
  for (const picture of later) {
    const place = { file: picture.path };
    const same = byHash.get(picture.hash);
    if (same !== undefined) {
      const message = `also in ${earlier.name}, pixel for pixel: ${same.path}; figures on it say nothing`;
      collector.add("error", "leakage", place, message);
      continue;
    }
    const near = nearest(picture);
    if (near !== undefined) {
      collector.add("warning", "leakage", place, `nearly the same picture as one in ${earlier.name}: ${near.path}`);
    }
  }
}

/**
 * Finds the picture with the nearest thumbnail, if it is near enough. The means of two thumbnails differ by no more than
 * their values do on average, so that with the pictures sorted by their means few have to be compared.
 */
function nearestIn(pictures: readonly Fingerprint[]): (picture: Fingerprint) => Fingerprint | undefined {
  const sorted = pictures.map((picture) => ({ picture, mean: mean(picture.thumbnail) }));
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
      const { picture } = sorted[i]!;
      const apart = difference(picture.thumbnail, thumbnail, limit);
      if (apart < limit) [best, limit] = [picture, apart];
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
