import { UserError } from "../errors.js";
import { polygonsToRle } from "./polygons.js";
import type { Rle } from "./rle.js";
import { decompressRle, rleFromCounts } from "./strings.js";

/** A mask as COCO files hold it: polygons, or run lengths as a list or as a compressed string. */
export type CocoSegmentation =
  | readonly (readonly number[])[]
  | { readonly size: readonly number[]; readonly counts: string | readonly number[] };

/**
 * @param where names the object in error messages
 * @throws UserError where the segmentation is malformed or its size is not the picture's
 */
export function segmentationToRle(
  segmentation: CocoSegmentation,
  height: number,
  width: number,
  where = "segmentation",
): Rle {
  if (isPolygons(segmentation)) return polygonsToRle(segmentation, height, width, where);
  const { size, counts } = segmentation;
  if (!Array.isArray(size) || size[0] !== height || size[1] !== width) {
    throw new UserError(
      `${where}: the mask's size is [${size}] (height, width), but its picture's is [${height},${width}]`,
    );
  }
  if (typeof counts === "string") return decompressRle(counts, height, width, where);
  if (Array.isArray(counts)) return rleFromCounts(counts, height, width, where);
  throw new UserError(`${where}: a mask's "counts" must be a string or a list of numbers`);
}

function isPolygons(segmentation: CocoSegmentation): segmentation is readonly (readonly number[])[] {
  return Array.isArray(segmentation);
}
