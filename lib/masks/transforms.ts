import { mergeRles } from "./overlap.js";
import { firstRunAfter, RunBuilder, runEnds } from "./runs.js";
import type { Rle } from "./types.js";

/** Mirrored left to right. */
export function flipRle(rle: Rle): Rle {
  return remap(rle, {
    height: rle.height,
    width: rle.width,
    sourceColumn: (x) => rle.width - 1 - x,
    firstRow: (y) => y,
  });
}

/** Mirrored top to bottom: the reversed runs are the mask rotated by 180°. */
export function flipRleVertically(rle: Rle): Rle {
  const backwards = Array.from(rle.counts).reverse();
  const counts = Uint32Array.from(rle.counts.length % 2 === 0 ? [0, ...backwards] : backwards);
  return flipRle({ ...rle, counts });
}

/** The pixels of the first mask that are not in the second one. @throws UserError where the sizes differ */
export function subtractRle(rle: Rle, taken: Rle): Rle {
  return mergeRles([rle, complementRle(taken)], "intersection");
}

/** The pixels that are not in the mask. */
export function complementRle({ height, width, counts }: Rle): Rle {
  const flipped = counts[0] === 0 && counts.length > 1 ? counts.subarray(1) : [0, ...counts];
  return { height, width, counts: Uint32Array.from(flipped) };
}

/** A filled rectangle of whole pixels, cut to a mask of height × width. */
export function rectangleRle(
  height: number,
  width: number,
  box: { readonly x: number; readonly y: number; readonly width: number; readonly height: number },
): Rle {
  const runs = new RunBuilder();
  const [top, bottom] = [Math.max(0, box.y), Math.min(height, box.y + box.height)];
  for (let x = Math.max(0, box.x); x < Math.min(width, box.x + box.width); x++) {
    runs.add(x * height + top, x * height + bottom);
  }
  return runs.finish(height, width);
}

/**
 * The window of width × height pixels whose top left corner is pixel (x, y) of the mask. It may extend outside, where
 * it is empty; so a window larger than the mask pads it, and a negative corner shifts it.
 */
export function cropRle(
  rle: Rle,
  window: { readonly x: number; readonly y: number; readonly width: number; readonly height: number },
): Rle {
  return remap(rle, {
    height: window.height,
    width: window.width,
    sourceColumn: (x) => x + window.x,
    firstRow: (row) => row - window.y,
  });
}

/** Nearest neighbour: the pixel that the output pixel's centre falls into. */
export function resizeRle(rle: Rle, height: number, width: number): Rle {
  const stepX = rle.width / width;
  const stepY = rle.height / height;
  return remap(rle, {
    height,
    width,
    sourceColumn: (x) => Math.floor((x + 0.5) * stepX),
    firstRow: (row) => Math.ceil(row / stepY - 0.5),
  });
}

interface Remap {
  readonly height: number;
  readonly width: number;
  /** The source column that an output column shows; outside the source it is empty. */
  readonly sourceColumn: (x: number) => number;
  /** The first output row that shows source row `row` or a later one. Non-decreasing. */
  readonly firstRow: (row: number) => number;
}

/**
 * Works on the runs of one column at a time, so no bitmap is made. The cost depends on the number of runs and of output
 * columns, not on the size of the source.
 */
function remap(rle: Rle, { height, width, sourceColumn, firstRow }: Remap): Rle {
  const clamped = (row: number): number => Math.min(height, Math.max(0, firstRow(row)));
  const ends = runEnds(rle);
  // Rows are looked up rather than computed again for each column, unless there are far more of them than runs.
  const isTall = rle.height > 1024 + 2 * ends.length;
  const rows = isTall ? undefined : Int32Array.from({ length: rle.height + 1 }, (_, row) => clamped(row));
  const rowOf = rows === undefined ? clamped : (row: number): number => rows[row]!;
  const runs = new RunBuilder();
  let first = -1; // the first run of ones that ends after the column's top
  for (let x = 0; x < width; x++) {
    const source = sourceColumn(x);
    if (source < 0 || source >= rle.width) continue;
    const top = source * rle.height;
    const bottom = top + rle.height;
    if (first < 0) first = firstRunAfter(ends, top);
    while (first < ends.length && ends[first]! <= top) first += 2;
    while (first > 1 && ends[first - 2]! > top) first -= 2;
    for (let j = first; j < ends.length && ends[j - 1]! < bottom; j += 2) {
      const start = Math.max(ends[j - 1]!, top) - top;
      const end = Math.min(ends[j]!, bottom) - top;
      runs.add(x * height + rowOf(start), x * height + rowOf(end));
    }
  }
  return runs.finish(height, width);
}
