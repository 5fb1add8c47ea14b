import { UserError } from "../errors.js";

/** Of a JPEG; masks of images that large still have fewer than 2³² pixels, which run lengths hold. */
export const LARGEST_SIDE = 65_535;

/** @throws UserError where a mask would be of no size that images have */
export function checkMaskSides(height: number, width: number, where: string): void {
  if (height <= LARGEST_SIDE && width <= LARGEST_SIDE) return;
  throw new UserError(
    `${where}: the image's size is ${width} × ${height}; a side has at most ${LARGEST_SIDE} pixels: cut it into tiles`,
  );
}
