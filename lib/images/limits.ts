import { UserError } from "../errors.js";
import type { Size } from "../pixels/image.js";

/**
 * A few kilobytes can claim any number of pixels, so what a file may unpack to is bounded before it is unpacked: 40
 * million pixels, or 8 per byte of the file if that is more (a photograph of 100 million takes at least 15 MB), never
 * more than 2²⁸. With these limits any file below 5 MB is read within 600 MB of memory and a few seconds.
 */
const PIXELS = 40e6;
const PIXELS_A_BYTE = 8;
const MOST_PIXELS = 2 ** 28;
/** Bytes that count as a pixel; a label map's pixel takes one byte, so it may have four times as many. */
export const BYTES_A_PIXEL = 4;
/** Replaces all of these bounds by a number of pixels. */
const VARIABLE = "DENSEKIT_MAX_PIXELS";

/** An error with a complete message: the file may be intact, but it is refused. */
export class RefusedImage extends Error {
  override readonly name = "RefusedImage";
}

/**
 * How many pixels an image in a file with this many bytes may have.
 *
 * @throws UserError when the variable is not a number
 */
export function pixelLimit(fileBytes: number): number {
  const own = process.env[VARIABLE];
  if (own === undefined || own === "") return Math.min(MOST_PIXELS, Math.max(PIXELS, PIXELS_A_BYTE * fileBytes));
  const limit = Number(own);
  if (limit >= 1) return limit;
  throw new UserError(`the environment variable ${VARIABLE} must be a number of pixels, not ${JSON.stringify(own)}`);
}

/** How many bytes a file with this many bytes may be unpacked to. */
export const unpackedLimit = (fileBytes: number): number => BYTES_A_PIXEL * pixelLimit(fileBytes);

/**
 * @param bytesPerPixel size of the unpacked pixels, if they do not become an image
 * @throws RefusedImage when there are none or too many
 */
export function checkSize({ width, height }: Size, fileBytes: number, bytesPerPixel = BYTES_A_PIXEL): void {
  const size = `${width} × ${height} pixels`;
  if (!(width >= 1 && height >= 1)) throw new RefusedImage(`it has ${size}`);
  const counted = Math.ceil((width * height * bytesPerPixel) / BYTES_A_PIXEL);
  const limit = pixelLimit(fileBytes);
  if (counted <= limit) return;
  const most = Math.floor((limit * BYTES_A_PIXEL) / bytesPerPixel / 1e6);
  throw new RefusedImage(
    `it has ${size}, more than the ${most} million that are read from a file of ${sizeOf(fileBytes)}; ` +
      `if this is intended, set the environment variable ${VARIABLE}=${counted}`,
  );
}

function sizeOf(bytes: number): string {
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(bytes < 1e4 ? 1 : 0)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
