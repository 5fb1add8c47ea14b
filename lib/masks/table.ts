import { RunBuffer } from "./runBuffer.js";
import { sharedPixels } from "./runs.js";
import type { Rle } from "./types.js";

/** n masks in flat columns, so that they need no object each and threads can share them. */
export interface MaskTable {
  /** [n, 2] height and width of the mask's image. */
  readonly sizes: Int32Array;
  /** [n + 1] mask m's runs are starts[m] … starts[m + 1] − 1 of `ends`. */
  readonly starts: Uint32Array;
  /** Where each run ends, column-major; runs alternate zeros and ones, zeros first. */
  readonly ends: Uint32Array;
  /** [n] */
  readonly areas: Float64Array;
  /** [n, 4] tight x0 y0 x1 y1. */
  readonly boxes: Int32Array;
}

/** @throws RangeError where the masks have 2³² runs or more */
export function maskTable(masks: Iterable<Rle>): MaskTable {
  const builder = maskTableBuilder();
  const buffer = new RunBuffer();
  for (const mask of masks) {
    buffer.take(mask);
    builder.add(buffer);
  }
  return builder.finish();
}

export interface MaskTableBuilder {
  add(mask: RunBuffer): void;
  finish(): MaskTable;
}

export function maskTableBuilder(): MaskTableBuilder {
  const sizes: number[] = [];
  const starts = [0];
  const areas: number[] = [];
  const boxes: number[] = [];
  let ends = new Uint32Array(1024);
  let length = 0;
  return {
    add(mask) {
      if (length + mask.length > ends.length) {
        const larger = new Uint32Array(2 * (length + mask.length));
        larger.set(ends.subarray(0, length));
        ends = larger;
      }
      ends.set(mask.ends.subarray(0, mask.length), length);
      length += mask.length;
      starts.push(length);
      sizes.push(mask.height, mask.width);
      areas.push(mask.area);
      boxes.push(...mask.box);
    },
    finish: () => ({
      sizes: Int32Array.from(sizes),
      starts: Uint32Array.from(starts),
      ends: ends.slice(0, length),
      areas: Float64Array.from(areas),
      boxes: Int32Array.from(boxes),
    }),
  };
}

/** The number of pixels that a mask shares with mask m of a table of the same size. */
export function sharedWithTable(mask: RunBuffer, table: MaskTable, m: number): number {
  const { box } = mask;
  const { boxes, ends, starts } = table;
  if (box[0]! >= boxes[4 * m + 2]! || boxes[4 * m]! >= box[2]!) return 0;
  if (box[1]! >= boxes[4 * m + 3]! || boxes[4 * m + 1]! >= box[3]!) return 0;
  return sharedPixels(mask.ends, 0, mask.length, ends, starts[m]!, starts[m + 1]!);
}
