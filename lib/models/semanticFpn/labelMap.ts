import type { LabelMap } from "../../images/picture.js";
import type { Size } from "../../images/resize.js";

export interface LogitMaps {
  /** [height, width, classes] */
  readonly logits: Float32Array;
  readonly classes: number;
  readonly height: number;
  readonly width: number;
}

export interface LabelMapOptions {
  /** What the network saw, padding included. */
  readonly input: Size;
  /** The picture's part of it, at the top left. */
  readonly valid: Size;
  /** Size of the map wanted. */
  readonly output: Size;
}

/**
 * The likeliest class of each pixel: logits resized bilinearly to the network's input, cut to the picture's part and
 * resized bilinearly to the output, as MMSegmentation does.
 *
 * Along an axis the two resizes make one sparse matrix with at most three neighbouring taps a row, so a row of output
 * is found from three rows of logits, and no enlarged logits are ever stored.
 */
export function labelMapOf({ logits, classes, height, width }: LogitMaps, options: LabelMapOptions): LabelMap {
  const { input, valid, output } = options;
  const rows = composedTaps(height, input.height, valid.height, output.height);
  const columns = composedTaps(width, input.width, valid.width, output.width);
  const data = new Uint8Array(output.height * output.width);
  const line = new Float32Array((width + TAPS) * classes); // zero beyond the width, where taps of weight 0 reach
  for (let y = 0; y < output.height; y++) {
    blendRows(logits, height, width * classes, rows, y, line);
    const labels = data.subarray(y * output.width, (y + 1) * output.width);
    for (let x = 0; x < output.width; x++) labels[x] = largest(line, classes, columns, x);
  }
  return { width: output.width, height: output.height, data };
}

const TAPS = 3;

/** For each output index, `TAPS` neighbouring source indices from `first` on, and their weights. */
interface Taps {
  readonly first: Int32Array;
  /** [output, TAPS] */
  readonly weights: Float64Array;
}

/** Source → middle (of which the first `cut` count) → output. */
function composedTaps(source: number, middle: number, cut: number, output: number): Taps {
  const first = new Int32Array(output);
  const weights = new Float64Array(output * TAPS);
  for (let i = 0; i < output; i++) {
    const outer = bilinearAt(i, cut, output);
    const left = bilinearAt(outer.low, source, middle);
    const right = bilinearAt(outer.high, source, middle);
    first[i] = left.low;
    for (const [{ low, high, share }, weight] of [
      [left, 1 - outer.share],
      [right, outer.share],
    ] as const) {
      weights[i * TAPS + low - left.low]! += weight * (1 - share);
      weights[i * TAPS + high - left.low]! += weight * share;
    }
  }
  return { first, weights };
}

/** The two source indices an output index lies between, pixel centres at half, and the share of the higher one. */
function bilinearAt(index: number, source: number, output: number) {
  const at = Math.min(Math.max(((index + 0.5) * source) / output - 0.5, 0), source - 1);
  const low = Math.floor(at);
  return { low, high: Math.min(low + 1, source - 1), share: at - low };
}

/** Writes the logits at the height of output row `y` into `line`. */
function blendRows(
  logits: Float32Array,
  height: number,
  stride: number,
  { first, weights }: Taps,
  y: number,
  line: Float32Array,
): void {
  const row = (tap: number): number => Math.min(first[y]! + tap, height - 1) * stride;
  const [a, b, c] = [row(0), row(1), row(2)];
  const [wa, wb, wc] = [weights[y * TAPS]!, weights[y * TAPS + 1]!, weights[y * TAPS + 2]!];
  if (wc === 0) {
    for (let i = 0; i < stride; i++) line[i] = wa * logits[a + i]! + wb * logits[b + i]!;
  } else {
    for (let i = 0; i < stride; i++) line[i] = wa * logits[a + i]! + wb * logits[b + i]! + wc * logits[c + i]!;
  }
}

/** The class of the largest logit at output column `x`; of equal ones the first. */
function largest(line: Float32Array, classes: number, { first, weights }: Taps, x: number): number {
  const a = first[x]! * classes;
  const b = a + classes;
  const c = b + classes;
  const [wa, wb, wc] = [weights[x * TAPS]!, weights[x * TAPS + 1]!, weights[x * TAPS + 2]!];
  let best = Number.NEGATIVE_INFINITY;
  let label = 0;
  if (wc === 0) {
    for (let k = 0; k < classes; k++) {
      const value = wa * line[a + k]! + wb * line[b + k]!;
      if (value > best) {
        best = value;
        label = k;
      }
    }
  } else {
    for (let k = 0; k < classes; k++) {
      const value = wa * line[a + k]! + wb * line[b + k]! + wc * line[c + k]!;
      if (value > best) {
        best = value;
        label = k;
      }
    }
  }
  return label;
}
