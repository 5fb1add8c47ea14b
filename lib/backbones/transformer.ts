import { add, inScope, matMul, mul, reshape, scalar, softmax, split, transpose, type Value } from "../graph/index.js";
import { truncatedNormal, zeros } from "../nn/initialisers.js";
import { dropPath, type Layer, layerNorm, linear, sequential } from "../nn/layers.js";
import type { ParameterScope } from "../nn/parameters.js";

const initialisers = { initWeight: truncatedNormal(0.02), initBias: zeros };

export interface TransformerBlock {
  readonly channels: number;
  readonly heads: number;
  /** How many times wider the MLP is inside. */
  readonly expansion: number;
  readonly activation: Layer;
  /** Of the layer norms; 1e-5 by default. */
  readonly epsilon?: number;
  /** Stochastic depth; 0 by default. */
  readonly dropPath?: number;
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

/**
 * A transformer's block (Vaswani et al. 2017; norms first): residual self-attention, then a residual MLP, each behind a layer norm,
 * of tokens [B, T, C]. Names are timm's.
 */
export function transformerBlock(
  scope: ParameterScope,
  { channels, heads, expansion, activation, epsilon = 1e-5, dropPath: rate = 0 }: TransformerBlock,
): Layer {
  const hidden = channels * expansion;
  const mixing = sequential(
    layerNorm(scope.child("norm1"), channels, { epsilon }),
    attention(scope.child("attn"), { channels, heads }),
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
