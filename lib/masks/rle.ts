import { RunBuilder } from "./runs.js";
import type { Rle } from "./types.js";

/** A mask without any pixels. */
export function emptyRle(height: number, width: number): Rle {
  return { height, width, counts: Uint32Array.of(height * width) };
}

/**
 * The run lengths of a mask, column by column as in COCO.
 *
 * @param bitmap [height, width] row-major; values other than 0 belong to the mask
 */
export function encodeRle(bitmap: Uint8Array, height: number, width: number): Rle {
  if (bitmap.length !== height * width) {
    throw new RangeError(`a bitmap of ${height} × ${width} has ${height * width} bytes, not ${bitmap.length}`);
  }
  const runs = new RunBuilder();
  let start = -1;
  for (let x = 0, position = 0; x < width; x++) {
    for (let y = 0, i = x; y < height; y++, i += width, position++) {
      const inside = bitmap[i]! !== 0;
      if (inside === start >= 0) continue;
      if (inside) start = position;
      else {
        runs.add(start, position);
        start = -1;
      }
    }
  }
  if (start >= 0) runs.add(start, height * width);
  return runs.finish(height, width);
}

/** The pixels of a mask. @returns [height, width] row-major, 0 or 1 */
export function decodeRle({ height, width, counts }: Rle): Uint8Array {
  const bitmap = new Uint8Array(height * width);
  for (let j = 0, position = 0; j < counts.length; j++) {
    const end = position + counts[j]!;
    if (j % 2 === 1) fillRun(bitmap, position, end, height, width);
    position = end;
  }
  return bitmap;
}

function fillRun(bitmap: Uint8Array, start: number, end: number, height: number, width: number): void {
  let x = Math.floor(start / height);
  let y = start - x * height;
  for (let left = end - start; left > 0; x++, y = 0) {
    const stop = Math.min(height, y + left);
    left -= stop - y;
    for (let i = y * width + x; y < stop; y++, i += width) bitmap[i] = 1;
  }
}

/** The number of pixels in the mask. */
export function rleArea({ counts }: Rle): number {
  let area = 0;
  for (let j = 1; j < counts.length; j += 2) area += counts[j]!;
  return area;
}

/** The tight box x0 y0 x1 y1 around the mask, x1 and y1 exclusive; all 0 for an empty mask. */
export function rleBoxXyxy({ height, counts }: Rle): [number, number, number, number] {
  let x0 = Number.POSITIVE_INFINITY;
  let y0 = Number.POSITIVE_INFINITY;
  let x1 = 0;
  let y1 = 0;
  for (let j = 1, start = counts[0] ?? 0; j < counts.length; j += 2) {
    const end = start + counts[j]!;
    if (end > start) {
      const firstX = Math.floor(start / height);
      const lastX = Math.floor((end - 1) / height);
      const wraps = lastX > firstX; // a run across a column's end touches the bottom and the top row
      x0 = Math.min(x0, firstX);
      x1 = Math.max(x1, lastX + 1);
      y0 = Math.min(y0, wraps ? 0 : start - firstX * height);
      y1 = Math.max(y1, wraps ? height : end - lastX * height);
    }
    start = end + (counts[j + 1] ?? 0);
  }
  return x1 === 0 ? [0, 0, 0, 0] : [x0, y0, x1, y1];
}

/** The tight box x y width height around the mask, as in COCO files; all 0 for an empty mask. */
export function rleBoxXywh(rle: Rle): [number, number, number, number] {
  const [x0, y0, x1, y1] = rleBoxXyxy(rle);
  return [x0, y0, x1 - x0, y1 - y0];
}
