import type { Size } from "../pixels/image.js";

/** The layout of a PNG's samples: channels of `depth` bits, in one pass or in Adam7's seven. */
export interface PngLayout extends Size {
  readonly depth: number;
  readonly channels: number;
  readonly interlaced: boolean;
}

/** The pixels of one pass: every `step`-th, from `left` and `top` on. */
interface Pass extends Size {
  readonly left: number;
  readonly top: number;
  readonly across: number;
  readonly down: number;
}

const ADAM7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

function passesOf({ width, height, interlaced }: PngLayout): Pass[] {
  return (interlaced ? ADAM7 : [[0, 0, 1, 1] as const])
    .map(([left, top, across, down]) => ({
      left,
      top,
      across,
      down,
      width: Math.ceil((width - left) / across),
      height: Math.ceil((height - top) / down),
    }))
    .filter((pass) => pass.width > 0 && pass.height > 0);
}

const rowBytes = ({ depth, channels }: PngLayout, width: number): number => Math.ceil((width * channels * depth) / 8);

/** The bytes that all rows take, each preceded by the number of its filter. */
export function storedBytes(layout: PngLayout): number {
  return passesOf(layout).reduce((sum, { width, height }) => sum + height * (1 + rowBytes(layout, width)), 0);
}

/**
 * The samples of filtered rows, one per element.
 *
 * @param stored of `storedBytes`; its filters are undone in place
 * @throws Error naming a filter that does not exist
 */
export function samplesOf(stored: Uint8Array, layout: PngLayout): Uint8Array | Uint16Array {
  const { width, height, channels, depth } = layout;
  const samples = new (depth === 16 ? Uint16Array : Uint8Array)(width * height * channels);
  const unit = Math.max(1, (channels * depth) >> 3);
  let at = 0;
  for (const pass of passesOf(layout)) {
    const length = rowBytes(layout, pass.width);
    let above: Uint8Array = new Uint8Array(length);
    for (let y = 0; y < pass.height; y++, at += 1 + length) {
      const row = stored.subarray(at + 1, at + 1 + length);
      unfilter(stored[at]!, row, above, unit);
      const first = ((pass.top + y * pass.down) * width + pass.left) * channels;
      if (depth === 8 && pass.across === 1) samples.set(row, first);
      else spread(row, samples, first, { ...layout, count: pass.width, across: pass.across });
      above = row;
    }
  }
  return samples;
}

function spread(
  row: Uint8Array,
  samples: Uint8Array | Uint16Array,
  first: number,
  { channels, depth, count, across }: PngLayout & { readonly count: number; readonly across: number },
): void {
  const mask = (1 << depth) - 1;
  for (let x = 0, i = 0; x < count; x++) {
    for (let c = 0; c < channels; c++, i++) {
      const bit = i * depth;
      const value =
        depth === 16 ? (row[2 * i]! << 8) | row[2 * i + 1]! : (row[bit >> 3]! >> (8 - depth - (bit & 7))) & mask;
      samples[first + x * across * channels + c] = value;
    }
  }
}

/** @param unit bytes from a sample to that of the pixel before it */
function unfilter(filter: number, row: Uint8Array, above: Uint8Array, unit: number): void {
  const { length } = row;
  if (filter === 1) for (let i = unit; i < length; i++) row[i] = row[i]! + row[i - unit]!;
  else if (filter === 2) for (let i = 0; i < length; i++) row[i] = row[i]! + above[i]!;
  else if (filter === 3) {
    for (let i = 0; i < length; i++) row[i] = row[i]! + (((i < unit ? 0 : row[i - unit]!) + above[i]!) >> 1);
  } else if (filter === 4) {
    for (let i = 0; i < length; i++) {
      const a = i < unit ? 0 : row[i - unit]!;
      const c = i < unit ? 0 : above[i - unit]!;
      row[i] = row[i]! + nearestOf(a, above[i]!, c);
    }
  } else if (filter !== 0) throw new Error(`there is no filter ${filter}`);
}

/** Paeth's predictor: the one of left, above and above left that is nearest to left + above − above left. */
function nearestOf(a: number, b: number, c: number): number {
  const toA = Math.abs(b - c);
  const toB = Math.abs(a - c);
  const toC = Math.abs(a + b - 2 * c);
  return toA <= toB && toA <= toC ? a : toB <= toC ? b : c;
}
