import { UserError } from "../errors.js";
import { polygonsToRle } from "./polygons.js";
import { RunBuffer } from "./runBuffer.js";
import { checkMaskSides } from "./sides.js";
import { readCompressed, rleFromCounts } from "./strings.js";
import type { Rle } from "./types.js";

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
  const mask = new RunBuffer();
  readSegmentation(segmentation, height, width, mask, where);
  return mask.toRle();
}

/** `segmentationToRle` without an object for the mask, and measured. */
export function readSegmentation(
  segmentation: CocoSegmentation,
  height: number,
  width: number,
  into: RunBuffer,
  where = "segmentation",
): void {
  checkMaskSides(height, width, where);
  if (isPolygons(segmentation)) {
    into.take(polygonsToRle(segmentation, height, width, where));
    return;
  }
  const { size, counts } = checkRle(segmentation, where);
  if (size[0] !== height || size[1] !== width) {
    throw new UserError(
      `${where}: the mask's size is [${size}] (height, width), but its picture's is [${height},${width}]`,
    );
  }
  if (typeof counts === "string") readCompressed(counts, height, width, into, where);
  else into.take(rleFromCounts(counts, height, width, where));
}

function checkRle(segmentation: Exclude<CocoSegmentation, readonly unknown[]>, where: string) {
  const { size, counts } = segmentation ?? {};
  if (Array.isArray(size) && (typeof counts === "string" || Array.isArray(counts))) return { size, counts };
  throw new UserError(
    `${where}: a mask is a list of polygons, or an object of "size" (height, width) and "counts" (a string or a list of numbers)`,
  );
}

function isPolygons(segmentation: CocoSegmentation): segmentation is readonly (readonly number[])[] {
  return Array.isArray(segmentation);
}
