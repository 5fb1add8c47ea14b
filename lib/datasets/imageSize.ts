import { LARGEST_SIDE } from "../masks/sides.js";
import { DataFault, type Place } from "./fault.js";

/** Checks the sides given in an annotation file. @throws DataFault when no image can have them */
export function checkSides(width: number, height: number, where: Place): void {
  if (!(width >= 1 && height >= 1 && Number.isInteger(width) && Number.isInteger(height))) {
    throw new DataFault(
      "size",
      where,
      `width and height must be whole numbers of at least 1, not ${width} and ${height}`,
    );
  }
  if (Math.max(width, height) <= LARGEST_SIDE) return;
  const message = `the image's size is ${width} × ${height}; a side has at most ${LARGEST_SIDE} pixels`;
  throw new DataFault("size", where, `${message}: cut it into tiles`);
}
