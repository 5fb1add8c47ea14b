import type { Rle } from "./types.js";

/** Collects runs of ones in ascending order and makes an Rle of them; runs that touch become one. */
export class RunBuilder {
  private counts = new Uint32Array(64);
  private length = 0;
  private position = 0;

  /** Adds the pixels start … end − 1 (column-major); start is at least the last run's end. */
  add(start: number, end: number): void {
    if (end <= start) return;
    if (start === this.position && this.length > 0) {
      this.counts[this.length - 1]! += end - start;
    } else {
      if (this.length + 3 > this.counts.length) this.grow();
      this.counts[this.length++] = start - this.position;
      this.counts[this.length++] = end - start;
    }
    this.position = end;
  }

  finish(height: number, width: number): Rle {
    const rest = height * width - this.position;
    if (rest > 0 || this.length === 0) this.counts[this.length++] = rest;
    return { height, width, counts: this.counts.slice(0, this.length) };
  }

  private grow(): void {
    const larger = new Uint32Array(this.counts.length * 2);
    larger.set(this.counts);
    this.counts = larger;
  }
}

/** Where each run ends: run j covers the pixels ends[j − 1] … ends[j] − 1. */
export function runEnds({ counts }: Rle): Uint32Array {
  const ends = new Uint32Array(counts.length);
  for (let j = 0, position = 0; j < counts.length; j++) ends[j] = position += counts[j]!;
  return ends;
}

/**
 * The first of the runs of ones among runs from … to − 1 (every second one, from the second on) that ends after
 * `position`; may be past `to`.
 */
export function firstRunAfter(ends: Uint32Array, position: number, from = 0, to = ends.length): number {
  let low = 0;
  let high = (to - from) >> 1; // runs of ones 0 … high − 1
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ends[from + 2 * middle + 1]! > position) high = middle;
    else low = middle + 1;
  }
  return from + 2 * low + 1;
}

/**
 * The number of pixels two masks of one size share, given where their runs end: runs i0 … i1 − 1 of `a` and j0 … j1 − 1
 * of `b`, of which every second one, from the second on, belongs to the mask.
 */
export function sharedPixels(a: Uint32Array, i0: number, i1: number, b: Uint32Array, j0: number, j1: number): number {
  let i = firstRunAfter(a, b[j0]!, i0, i1);
  let j = firstRunAfter(b, a[i0]!, j0, j1);
  let area = 0;
  while (i < i1 && j < j1) {
    const endA = a[i]!;
    const endB = b[j]!;
    const startA = a[i - 1]!;
    const startB = b[j - 1]!;
    const shared = (endA < endB ? endA : endB) - (startA > startB ? startA : startB);
    if (shared > 0) area += shared;
    if (endA < endB) i += 2;
    else j += 2;
  }
  return area;
}
