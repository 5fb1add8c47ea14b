import { antialiasedMatrix } from "../graph/index.js";
import type { WeightAdapter } from "../nn/weightNames.js";

/*
 * A table of position embeddings [1, tokens, C] has a row for each token before the patches (class, distillation), then
 * one for each patch of a square, row by row.
 */

/** Loads position embeddings for another image size: resized as in timm; a token that the model lacks is left out. */
export const positionAdapter: WeightAdapter = {
  adapt({ name, shape }, find) {
    const found = find(name);
    if (!/(^|\.)pos_embed$/.test(name) || found === undefined) return undefined;
    const [from, to] = [layoutOf(found), layoutOf(shape)];
    if (from === undefined || to === undefined || from.channels !== to.channels || from.extra < to.extra) {
      return undefined;
    }
    return { from: name, change: (values) => resizedPositions(values, from, to) };
  },
  isIdle: () => false,
  adapted: "position embeddings, resized",
  initial: "position embeddings",
};

interface Layout {
  readonly extra: number;
  readonly side: number;
  readonly channels: number;
}

/** The number of rows beyond a square: one token or two. */
function layoutOf(shape: readonly number[]): Layout | undefined {
  const [one, tokens, channels] = shape;
  if (shape.length !== 3 || one !== 1) return undefined;
  const side = Math.floor(Math.sqrt(tokens! - 1));
  const extra = tokens! - side * side;
  return extra === 1 || extra === 2 ? { extra, side, channels: channels! } : undefined;
}

function resizedPositions(values: Float32Array, from: Layout, to: Layout): Float32Array {
  const { channels } = to;
  const result = new Float32Array((to.extra + to.side * to.side) * channels);
  result.set(values.subarray(0, to.extra * channels));
  const table = values.subarray(from.extra * channels);
  const resized = from.side === to.side ? table : resizedSquare(table, { from: from.side, to: to.side, channels });
  result.set(resized, to.extra * channels);
  return result;
}

interface Resizing {
  readonly from: number;
  readonly to: number;
  readonly channels: number;
}

/** [from, from, C] → [to, to, C]. */
function resizedSquare(table: Float32Array, { from, to, channels }: Resizing): Float32Array {
  const weights = antialiasedMatrix(from, to);
  const rows = new Float64Array(to * from * channels); // [to, from, C]
  const width = from * channels;
  addWeighted(weights, (i, j, weight) => {
    for (let k = 0; k < width; k++) rows[i * width + k]! += weight * table[j * width + k]!;
  });
  const result = new Float64Array(to * to * channels);
  addWeighted(weights, (i, j, weight) => {
    for (let row = 0; row < to; row++) {
      const [target, source] = [(row * to + i) * channels, (row * from + j) * channels];
      for (let c = 0; c < channels; c++) result[target + c]! += weight * rows[source + c]!;
    }
  });
  return Float32Array.from(result);

  function addWeighted(matrix: Float32Array, visit: (i: number, j: number, weight: number) => void): void {
    for (const [at, weight] of matrix.entries()) {
      if (weight !== 0) visit(Math.floor(at / from), at % from, weight);
    }
  }
}
