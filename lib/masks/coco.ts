import { UserError } from "../errors.js";
import { polygonsToRle } from "./polygons.js";
import type { RunBuffer } from "./runBuffer.js";
import { checkMaskSides } from "./sides.js";
import { decompressRle, readCompressed, rleFromCounts } from "./strings.js";
import type { Rle } from "./types.js";
import { UNCOUNTED } from "./work.js";

/** A mask as in COCO files: polygons, or run lengths as a list or a compressed string. */
export type CocoSegmentation =
  | readonly (readonly number[])[]
  | { readonly size: readonly number[]; readonly counts: string | readonly number[] };

/**
 * @param where names the object in error messages
 * @param work how much work the file may still cause @throws UserError when the segmentation is malformed, its size is
 *   not the image's, or it is too much work
 */
export function segmentationToRle(
  segmentation: CocoSegmentation,
  height: number,
  width: number,
  where = "segmentation",
  work = UNCOUNTED,
): Rle {
  checkMaskSides(height, width, where);
  if (isPolygons(segmentation)) return polygonsToRle(segmentation, height, width, where, work);
  const { counts } = checkRle(segmentation, height, width, where);
  return typeof counts === "string"
    ? decompressRle(counts, height, width, where)
    : rleFromCounts(counts, height, width, where);
}

/** `segmentationToRle` without an object for the mask, and measured. */
export function readSegmentation(
  segmentation: CocoSegmentation,
  height: number,
  width: number,
  into: RunBuffer,
  where = "segmentation",
  work = UNCOUNTED,
): void {
  checkMaskSides(height, width, where);
  if (isPolygons(segmentation)) {
    into.take(polygonsToRle(segmentation, height, width, where, work));
    return;
  }
  const { counts } = checkRle(segmentation, height, width, where);
  if (typeof counts === "string") readCompressed(counts, height, width, into, where);
  else into.take(rleFromCounts(counts, height, width, where));
}

function checkRle(
  segmentation: Exclude<CocoSegmentation, readonly unknown[]>,
  height: number,
  width: number,
  where: string,
): { readonly counts: string | readonly number[] } {
  const { size, counts } = segmentation ?? {};
  if (!Array.isArray(size) || (typeof counts !== "string" && !Array.isArray(counts))) {
    throw new UserError(
      `${where}: a mask is a list of polygons, or an object of "size" (height, width) and "counts" (a string or a list of numbers)`,
    );
  }
  if (size[0] === height && size[1] === width) return { counts };
  throw new UserError(
    `${where}: the mask's size is [${size}] (height, width), but its image's is [${height},${width}]`,
  );
}

function isPolygons(segmentation: CocoSegmentation): segmentation is readonly (readonly number[])[] {
  return Array.isArray(segmentation);
}
