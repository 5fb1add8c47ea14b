import type { Rle } from "./types.js";

/**
 * One mask at a time, in memory that the next mask reuses: where each run ends, with the area and the tight box. Filled
 * by `take`, or run by run between `start` and `finish`.
 */
export class RunBuffer {
  height = 0;
  width = 0;
  /** The first `length` entries are the mask's. */
  ends: Uint32Array;
  length = 0;
  area = 0;
  /** Tight x0 y0 x1 y1, all 0 for an empty mask. */
  readonly box = new Int32Array(4);

  constructor(capacity = 1024) {
    this.ends = new Uint32Array(capacity);
  }

  /** @param runs the number of runs to make room for, if the caller writes into `ends` directly */
  start(height: number, width: number, runs = 0): void {
    this.height = height;
    this.width = width;
    this.length = 0;
    if (runs > this.ends.length) this.ends = new Uint32Array(2 * runs);
  }

  /** Adds a run that ends at `end`, column-major. */
  push(end: number): void {
    if (this.length === this.ends.length) {
      const larger = new Uint32Array(2 * this.length + 2);
      larger.set(this.ends);
      this.ends = larger;
    }
    this.ends[this.length++] = end;
  }

  /** Measures area and box of the runs pushed. */
  finish(): void {
    const { ends, height, length, box } = this;
    let area = 0;
    let y0 = height;
    let y1 = 0;
    let first = -1;
    let last = -1;
    for (let j = 1; j < length; j += 2) {
      const start = ends[j - 1]!;
      const end = ends[j]!;
      if (end === start) continue;
      area += end - start;
      if (first < 0) first = start;
      last = end;
      const column = Math.floor(start / height) * height;
      const bottom = end - column;
      if (bottom > height) {
        y0 = 0; // across a column's end: it touches the bottom row and the top one
        y1 = height;
      } else {
        if (start - column < y0) y0 = start - column;
        if (bottom > y1) y1 = bottom;
      }
    }
    this.area = area;
    box[0] = area === 0 ? 0 : Math.floor(first / height);
    box[1] = area === 0 ? 0 : y0;
    box[2] = area === 0 ? 0 : Math.floor((last - 1) / height) + 1;
    box[3] = y1;
  }

  /** The mask as a separate Rle. */
  toRle(): Rle {
    const { height, width, ends, length } = this;
    const counts = new Uint32Array(length);
    for (let j = 0; j < length; j++) counts[j] = ends[j]! - (j === 0 ? 0 : ends[j - 1]!);
    return { height, width, counts };
  }

  take({ height, width, counts }: Rle): void {
    this.start(height, width);
    let end = 0;
    for (let j = 0; j < counts.length; j++) this.push((end += counts[j]!));
    this.finish();
  }
}
