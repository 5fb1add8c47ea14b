import {
  add,
  inScope,
  matMul,
  mul,
  pad,
  reshape,
  scalar,
  slice,
  softmax,
  split,
  transpose,
  type Value,
} from "../graph/index.js";
import { truncatedNormal, zeros } from "../nn/initialisers.js";
import { dropPath, type Layer, layerNorm, linear, sequential } from "../nn/layers.js";
import type { ParameterScope } from "../nn/parameters.js";

const initialisers = { initWeight: truncatedNormal(0.02), initBias: zeros };

export interface TransformerBlock {
  readonly channels: number;
  readonly heads: number;
  /** The expansion of the MLP. */
  readonly expansion: number;
  readonly activation: Layer;
  /** Epsilon of the layer norms; 1e-5 by default. */
  readonly epsilon?: number;
  /** Stochastic depth; 0 by default. */
  readonly dropPath?: number;
  /**
   * For maps [B, h, w, C]: the side of the windows that attention is limited to; by default all tokens attend to each
   * other.
   */
  readonly window?: number;
}

/** Multi-head self-attention of tokens [B, T, C]. */
function attention(scope: ParameterScope, { channels, heads }: Pick<TransformerBlock, "channels" | "heads">): Layer {
  const perHead = channels / heads;
  const qkv = linear(scope.child("qkv"), { in: channels, out: 3 * channels, ...initialisers });
  const proj = linear(scope.child("proj"), { in: channels, out: channels, ...initialisers });
  return (x, context) =>
    inScope(scope.path, () => {
      const [b, t] = x.shape as [number, number, number];
      const apart = transpose(reshape(qkv(x, context), [b, t, 3, heads, perHead]), [2, 0, 3, 1, 4]);
      const [q, k, v] = split(apart, 0, [1, 1, 1]).map((part) => reshape(part, [b, heads, t, perHead])) as [
        Value,
        Value,
        Value,
      ];
      const logits = matMul(mul(q, scalar(perHead ** -0.5)), k, { transposeB: true }); // [B, heads, T, T]
      const attended = matMul(softmax(logits, -1), v); // [B, heads, T, C / heads]
      return proj(reshape(transpose(attended, [0, 2, 1, 3]), [b, t, channels]), context);
    });
}

/** Attention within each window of maps [B, h, w, C]; windows that extend beyond the map are padded with zeros. */
const inWindows =
  (attend: Layer, side: number): Layer =>
  (x, context) => {
    const [b, h, w, c] = x.shape as [number, number, number, number];
    const [rows, columns] = [Math.ceil(h / side), Math.ceil(w / side)];
    const tall = pad(x, { axis: 1, before: 0, after: rows * side - h });
    const whole = pad(tall, { axis: 2, before: 0, after: columns * side - w });
    const apart = transpose(reshape(whole, [b, rows, side, columns, side, c]), [0, 1, 3, 2, 4, 5]);
    const windows = attend(reshape(apart, [b * rows * columns, side * side, c]), context);
    const joined = transpose(reshape(windows, [b, rows, columns, side, side, c]), [0, 1, 3, 2, 4, 5]);
    const map = reshape(joined, [b, rows * side, columns * side, c]);
    return slice(slice(map, { axis: 1, end: h }), { axis: 2, end: w });
  };

/** Attention over whole maps [B, h, w, C]. */
const onMaps =
  (attend: Layer): Layer =>
  (x, context) => {
    const [b, h, w, c] = x.shape as [number, number, number, number];
    return reshape(attend(reshape(x, [b, h * w, c]), context), x.shape);
  };

/**
 * A transformer block (Vaswani et al. 2017; norms first): residual self-attention, then a residual MLP, each after a
 * layer norm, of tokens [B, T, C] or maps [B, h, w, C]. Names are timm's.
 */
export function transformerBlock(
  scope: ParameterScope,
  { channels, heads, expansion, activation, epsilon = 1e-5, dropPath: rate = 0, window }: TransformerBlock,
): Layer {
  const hidden = channels * expansion;
  const attend = attention(scope.child("attn"), { channels, heads });
  const attendMaps = window === undefined ? onMaps(attend) : inWindows(attend, window);
  const mixing = sequential(
    layerNorm(scope.child("norm1"), channels, { epsilon }),
    (x, context) => (x.shape.length === 4 ? attendMaps : attend)(x, context),
    dropPath(scope, "drop_path1", rate),
  );
  const mlp = sequential(
    layerNorm(scope.child("norm2"), channels, { epsilon }),
    linear(scope.child("mlp.fc1"), { in: channels, out: hidden, ...initialisers }),
    activation,
    linear(scope.child("mlp.fc2"), { in: hidden, out: channels, ...initialisers }),
    dropPath(scope, "drop_path2", rate),
  );
  return (x, context) =>
    inScope(scope.path, () => {
      const mixed = add(x, mixing(x, context));
      return add(mixed, mlp(mixed, context));
    });
}
