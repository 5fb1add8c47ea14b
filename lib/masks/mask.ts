import { maskPolygons } from "./outlines.js";
import { decodeRle } from "./rle.js";
import type { Rle } from "./types.js";

/** A mask as run lengths, whose pixels and outlines are computed when they are asked for. */
export class Mask implements Rle {
  readonly height: number;
  readonly width: number;
  readonly counts: Uint32Array;

  constructor({ height, width, counts }: Rle) {
    this.height = height;
    this.width = width;
    this.counts = counts;
  }

  /** [height, width] row by row, 1 where the mask is, else 0. */
  bitmap(): Uint8Array {
    return decodeRle(this);
  }

  /** As `maskPolygons`. */
  polygons(): number[][] {
    return maskPolygons(this);
  }
}
