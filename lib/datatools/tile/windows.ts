import type { Size, Window } from "../../pixels/image.js";

export interface TileGrid {
  /** Size of a tile; a smaller image keeps its own side. */
  readonly width: number;
  readonly height: number;
  /** The smallest overlap of neighbours, in pixels. */
  readonly overlap: number;
}

/**
 * Windows that cover an image, row by row. All have the tile's size: the last of a row or column is moved back to end
 * at the border, so that it shares more with its neighbour.
 */
export function tileWindows(image: Size, grid: TileGrid): Window[] {
  const width = Math.min(grid.width, image.width);
  const height = Math.min(grid.height, image.height);
  const lefts = starts(image.width, width, grid.overlap);
  return starts(image.height, height, grid.overlap).flatMap((top) =>
    lefts.map((left) => ({ left, top, width, height })),
  );
}

/** How many `tileWindows` makes. */
export function countTiles(image: Size, { width, height, overlap }: TileGrid): number {
  return (
    countStarts(image.width, Math.min(width, image.width), overlap) *
    countStarts(image.height, Math.min(height, image.height), overlap)
  );
}

function starts(side: number, size: number, overlap: number): number[] {
  const step = size - overlap;
  return Array.from({ length: countStarts(side, size, overlap) }, (_, i) => Math.min(i * step, side - size));
}

const countStarts = (side: number, size: number, overlap: number): number =>
  side <= size ? 1 : Math.ceil((side - size) / (size - overlap)) + 1;
