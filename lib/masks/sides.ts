import { UserError } from "../errors.js";

/** The largest side of a JPEG; masks of such images still have fewer than 2³² pixels, which run lengths can express. */
export const LARGEST_SIDE = 65_535;

/** @throws UserError when no image can have the mask's size */
export function checkMaskSides(height: number, width: number, where: string): void {
  if (height <= LARGEST_SIDE && width <= LARGEST_SIDE) return;
  throw new UserError(
    `${where}: the image's size is ${width} × ${height}; a side has at most ${LARGEST_SIDE} pixels: cut it into tiles`,
  );
}
