import {
  add,
  check,
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

const HEADS = 8;
const KEY_DIM = 32;
const VALUE_DIM = 128;

/** Makes the learned bias of an attention module: given the number of tokens, [heads, tokens, tokens] to add to the logits. */
export type AttentionBias = (scope: ParameterScope) => (tokens: number, context: Context) => Value;

/** For each pair of cells of a row of `side`, the distance between them as a row of zeros and a one: [side · side, side]. */
function distances(side: number): Value {
  const rows = new Float32Array(side ** 3);
  for (let p = 0; p < side; p++) {
    for (let q = 0; q < side; q++) rows[(p * side + q) * side + Math.abs(p - q)] = 1;
  }
  return constant(rows, [side * side, side]);
}

/**
 * A learned number for each absolute offset (|dy|, |dx|) of two cells of a side × side grid (Graham et al. 2021, LeViT):
 * [heads, side · side], spread out to all pairs of cells, [heads, cells, cells]. As products with zeros and ones that
 * takes a quarter of the time of a gather, and its gradient of a scatter.
 */
function biasTable(scope: ParameterScope, name: string, side: number): (context: Context) => Value {
  const cells = side * side;
  const biases = scope.parameter(name, [HEADS, cells], "bias", zeros);
  return (context) => {
    const table = reshape(context.value(biases), [HEADS, side, side]);
    const apart = distances(side);
    const inRows = matMul(table, apart, { transposeB: true }); // [heads, |dy|, x · x']
    const all = matMul(apart, inRows); // [heads, y · y', x · x']
    const byCells = transpose(reshape(all, [HEADS, side, side, side, side]), [0, 1, 3, 2, 4]);
    return reshape(byCells, [HEADS, cells, cells]);
  };
}

/** The classifier's bias, for exactly side × side tokens. */
export const gridBias =
  (side: number): AttentionBias =>
  (scope) => {
    const table = biasTable(scope, "attention_biases", side);
    return (tokens, context) => {
      check(tokens === side * side, () => `${tokens} tokens where the attention bias is made for ${side} × ${side}`);
      return table(context);
    };
  };

/** The dense backbone's bias: the table of a side × side grid resized bicubically to whatever number of tokens there are. */
export const denseBias =
  (side: number): AttentionBias =>
  (scope) => {
    const table = biasTable(scope, "attention_biases_seg", side);
    return (tokens, context) => resizeBicubic(table(context), [tokens, tokens]);
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
      const attended = matMul(softmax(add(logits, biasOf(t, context)), -1), v); // [B, heads, T, 128]
      return proj(reshape(transpose(attended, [0, 2, 1, 3]), [b, t, HEADS * VALUE_DIM]), context);
    });
}
