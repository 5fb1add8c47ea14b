import type { ClassMap } from "./confusion.js";

/**
 * A class map at another size: pixel x takes the source pixel ⌊x · width of the source ÷ width⌋, as OpenCV's and
 * PyTorch's "nearest" have it and with them MMSegmentation's `resize` of label maps.
 */
export function resizeNearest(map: ClassMap, width: number, height: number): ClassMap {
  const columns = sourceOf(width, map.width);
  const rows = sourceOf(height, map.height);
  const data = new Uint8Array(width * height);
  for (let y = 0, i = 0; y < height; y++) {
    const row = rows[y]! * map.width;
    for (let x = 0; x < width; x++) data[i++] = map.data[row + columns[x]!]!;
  }
  return { width, height, data };
}

/** OpenCV's arithmetic, whose rounding decides where the product is a whole number. */
function sourceOf(length: number, sourceLength: number): Int32Array {
  const step = 1 / (length / sourceLength);
  return Int32Array.from({ length }, (_, i) => Math.min(Math.floor(i * step), sourceLength - 1));
}
