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

function starts(side: number, size: number, overlap: number): number[] {
  const step = size - overlap;
  const count = side <= size ? 1 : Math.ceil((side - size) / step) + 1;
  return Array.from({ length: count }, (_, i) => Math.min(i * step, side - size));
}
