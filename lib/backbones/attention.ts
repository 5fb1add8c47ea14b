import {
  add,
  constant,
  inScope,
  matMul,
  mul,
  reshape,
  resizeBicubic,
  scalar,
  softmax,
  split,
  transpose,
  type Value,
} from "../graph/index.js";
import type { Context } from "../nn/context.js";
import { truncatedNormal, zeros } from "../nn/initialisers.js";
import { type Layer, linear } from "../nn/layers.js";
import type { ParameterScope } from "../nn/parameters.js";

export const HEADS = 8;
const KEY_DIM = 32;
const VALUE_DIM = 128;

/** The grid for which an attention bias is made. */
export interface BiasGrid {
  /** Cells along a side of the keys' grid. */
  readonly side: number;
  /** Queries are this many cells apart in rows and columns; 1, the default, if queries and keys are the same cells. */
  readonly step?: number;
}

/** Makes the learned bias of an attention module, to add to its logits: [heads, queries, keys]. */
export type AttentionBias = (
  scope: ParameterScope,
) => (size: readonly [queries: number, keys: number], context: Context) => Value;

/** For each query and each key in a row of `side` cells, the distance between them, one-hot: [queries · side, side]. */
function distances({ side, step }: Required<BiasGrid>): Value {
  const queries = Math.ceil(side / step);
  const rows = new Float32Array(queries * side * side);
  for (let q = 0; q < queries; q++) {
    for (let k = 0; k < side; k++) rows[(q * side + k) * side + Math.abs(q * step - k)] = 1;
  }
  return constant(rows, [queries * side, side]);
}

/**
 * A learned number for each absolute offset (|dy|, |dx|) of two cells of a side × side grid (Graham et al. 2021,
 * LeViT): [heads, side · side], spread to all pairs of a query and a key, [heads, queries, keys]. As products with
 * matrices of zeros and ones, that takes a quarter of the time of a gather, and its gradient a quarter of that of a
 * scatter.
 */
function biasTable(
  scope: ParameterScope,
  name: string,
  { side, step = 1 }: BiasGrid,
): { readonly size: readonly [queries: number, keys: number]; readonly of: (context: Context) => Value } {
  const queries = Math.ceil(side / step);
  const size = [queries * queries, side * side] as const;
  const biases = scope.parameter(name, [HEADS, side * side], "bias", zeros);
  const of = (context: Context): Value => {
    const table = reshape(context.value(biases), [HEADS, side, side]);
    const apart = distances({ side, step });
    const inRows = matMul(table, apart, { transposeB: true }); // [heads, |dy|, x · x']
    const all = matMul(apart, inRows); // [heads, y · y', x · x']
    const byCells = transpose(reshape(all, [HEADS, queries, side, queries, side]), [0, 1, 3, 2, 4]);
    return reshape(byCells, [HEADS, ...size]);
  };
  return { size, of };
}

/**
 * The classifier's bias: the table of the grid it is made for, resized like the dense one for other numbers of tokens.
 */
export const gridBias =
  (grid: BiasGrid): AttentionBias =>
  (scope) => {
    const table = biasTable(scope, "attention_biases", grid);
    return ([queries, keys], context) => {
      const bias = table.of(context);
      return queries === table.size[0] && keys === table.size[1] ? bias : resizeBicubic(bias, [queries, keys]);
    };
  };

/** The dense backbone's bias: the table of its grid resized bicubically to the actual number of tokens. */
export const denseBias =
  (grid: BiasGrid): AttentionBias =>
  (scope) => {
    const table = biasTable(scope, "attention_biases_seg", grid);
    return (size, context) => resizeBicubic(table.of(context), size);
  };

/** Multi-head self-attention of tokens [B, T, C] with a bias per head and offset, and wide values (four times the keys). */
export function selfAttention(
  scope: ParameterScope,
  { channels, bias }: { readonly channels: number; readonly bias: AttentionBias },
): Layer {
  const biasOf = bias(scope);
  const initWeight = truncatedNormal(0.02);
  const perHead = 2 * KEY_DIM + VALUE_DIM;
  const qkv = linear(scope.child("qkv"), { in: channels, out: HEADS * perHead, initWeight, initBias: zeros });
  const proj = linear(scope.child("proj"), { in: HEADS * VALUE_DIM, out: channels, initWeight, initBias: zeros });
  return (x, context) =>
    inScope(scope.path, () => {
      const [b, t] = x.shape as [number, number, number];
      const heads = transpose(reshape(qkv(x, context), [b, t, HEADS, perHead]), [0, 2, 1, 3]); // [B, heads, T, 192]
      const [q, k, v] = split(heads, 3, [KEY_DIM, KEY_DIM, VALUE_DIM]) as [Value, Value, Value];
      const logits = mul(matMul(q, k, { transposeB: true }), scalar(KEY_DIM ** -0.5)); // [B, heads, T, T]
      const attended = matMul(softmax(add(logits, biasOf([t, t], context)), -1), v); // [B, heads, T, 128]
      return proj(reshape(transpose(attended, [0, 2, 1, 3]), [b, t, HEADS * VALUE_DIM]), context);
    });
}
