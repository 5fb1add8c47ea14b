import type { LabelMap, Size } from "../../pixels/image.js";

export interface LogitMaps {
  /** [height, width, classes] */
  readonly logits: Float32Array;
  readonly classes: number;
  readonly height: number;
  readonly width: number;
}

export interface LabelMapOptions {
  /** The network's input, padding included. */
  readonly input: Size;
  /** The image's part of the input, at the top left. */
  readonly valid: Size;
  /** Size of the map to make. */
  readonly output: Size;
}

/**
 * The likeliest class of each pixel: logits resized bilinearly to the network's input, cut to the image's part and
 * resized bilinearly to the output, as MMSegmentation does.
 *
 * Along an axis the two resizes make one sparse matrix with at most three neighbouring taps per row, so a row of output
 * is computed from three rows of logits, and enlarged logits are never stored. Where one class is the likeliest at all
 * taps, it is also the likeliest anywhere between them, because the weights are positive; logits are interpolated only
 * at the borders between classes.
 */
export function labelMapOf(maps: LogitMaps, options: LabelMapOptions): LabelMap {
  const { logits, classes, height, width } = maps;
  const { input, valid, output } = options;
  const rows = composedTaps(height, input.height, valid.height, output.height);
  const columns = composedTaps(width, input.width, valid.width, output.width);
  const data = new Uint8Array(output.height * output.width);
  const known = new Uint8Array(height * width);
  for (let i = 0; i < known.length; i++) known[i] = largestAt(logits, i * classes, classes);
  // For the current row of output: the likeliest class at each column of logits, and the logits where they were needed.
  const likeliest = new Uint8Array(width + TAPS);
  const line = new Float32Array((width + TAPS) * classes); // zero beyond the width, where only taps of weight 0 reach
  const blended = new Uint8Array(width);
  for (let y = 0; y < output.height; y++) {
    blended.fill(0);
    const blend = (x: number): void => {
      if (x >= width || blended[x] === 1) return;
      blended[x] = 1;
      blendColumn(maps, rows, { x, y }, line);
    };
    for (let x = 0; x < width; x++) {
      const label = agreedLabel(known, maps, rows, { x, y });
      if (label < 0) blend(x);
      likeliest[x] = label < 0 ? largestAt(line, x * classes, classes) : label;
    }
    for (let x = 0; x < output.width; x++) {
      const first = columns.first[x]!;
      let label = likeliest[first]!;
      if (!agree(likeliest, columns, x)) {
        for (let tap = 0; tap < TAPS; tap++) blend(first + tap);
        label = largest(line, classes, columns, x);
      }
      data[y * output.width + x] = label;
    }
  }
  return { width: output.width, height: output.height, data };
}

interface Place {
  /** Column of logits. */
  readonly x: number;
  /** Row of output. */
  readonly y: number;
}

/** The class that is the likeliest in all rows of logits that an output row is made of; −1 where they differ. */
function agreedLabel(known: Uint8Array, { height, width }: LogitMaps, rows: Taps, { x, y }: Place): number {
  const row = rows.first[y]!;
  const label = known[row * width + x]!;
  for (let tap = 1; tap < TAPS; tap++) {
    if (rows.weights[y * TAPS + tap] === 0) continue;
    if (known[Math.min(row + tap, height - 1) * width + x] !== label) return -1;
  }
  return label;
}

/** Whether one class is the likeliest in all columns that an output column is made of. */
function agree(likeliest: Uint8Array, { first, weights }: Taps, x: number): boolean {
  const column = first[x]!;
  for (let tap = 1; tap < TAPS; tap++) {
    if (weights[x * TAPS + tap] !== 0 && likeliest[column + tap] !== likeliest[column]) return false;
  }
  return true;
}

/** The class of the largest of the logits from `start` on; the first among equal ones. */
function largestAt(logits: Float32Array, start: number, classes: number): number {
  let label = 0;
  let best = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < classes; k++) {
    const value = logits[start + k]!;
    if (value > best) {
      best = value;
      label = k;
    }
  }
  return label;
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

/** The two source indices that an output index is between, pixel centres at ½, and the weight of the higher one. */
function bilinearAt(index: number, source: number, output: number) {
  const at = Math.min(Math.max(((index + 0.5) * source) / output - 0.5, 0), source - 1);
  const low = Math.floor(at);
  return { low, high: Math.min(low + 1, source - 1), share: at - low };
}

/** Writes the logits of one column at the height of an output row into `line`. */
function blendColumn(
  { logits, classes, height, width }: LogitMaps,
  { first, weights }: Taps,
  { x, y }: Place,
  line: Float32Array,
): void {
  const row = (tap: number): number => (Math.min(first[y]! + tap, height - 1) * width + x) * classes;
  const [a, b, c] = [row(0), row(1), row(2)];
  const [wa, wb, wc] = [weights[y * TAPS]!, weights[y * TAPS + 1]!, weights[y * TAPS + 2]!];
  const at = x * classes;
  if (wc === 0) {
    for (let k = 0; k < classes; k++) line[at + k] = wa * logits[a + k]! + wb * logits[b + k]!;
  } else {
    for (let k = 0; k < classes; k++) line[at + k] = wa * logits[a + k]! + wb * logits[b + k]! + wc * logits[c + k]!;
  }
}

/** The class of the largest logit at output column `x`; the first among equal ones. */
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
