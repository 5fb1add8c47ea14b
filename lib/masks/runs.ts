import type { Rle } from "./rle.js";

/** Collects runs of ones in growing order and makes an Rle of them; runs that touch become one. */
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

/** The first odd run (a run of ones) ending after `position`; may lie past the end of the list. */
export function firstRunAfter(ends: Uint32Array, position: number): number {
  let low = 0;
  let high = ends.length >> 1; // runs of ones 0 … high − 1
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ends[2 * middle + 1]! > position) high = middle;
    else low = middle + 1;
  }
  return 2 * low + 1;
}
