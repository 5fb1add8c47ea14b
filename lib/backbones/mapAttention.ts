import {
  add,
  inScope,
  matMul,
  mul,
  reshape,
  resizeBilinear,
  scalar,
  slice,
  softmax,
  type Value,
} from "../graph/index.js";
import { batchNorm, type Convolution, convolution, gelu, type Layer, sequential } from "../nn/layers.js";
import type { ParameterScope } from "../nn/parameters.js";
import { type AttentionBias, HEADS } from "./attention.js";

/* EfficientFormerV2's attention, on maps. */

/** Channels of a query or a key of one head: in the blocks, and in the attention that halves the map. */
const KEY_DIM = 32;
const STRIDED_KEY_DIM = 16;
/** Channels of a value divided by those of a key. */
const VALUE_RATIO = 4;

/** A convolution with bias and its batch norm, entries `at` and `at + 1` of a list. */
export const listedConvolution = (scope: ParameterScope, options: Convolution, at = 0): Layer =>
  sequential(convolution(scope.child(at), options), batchNorm(scope.child(at + 1), options.out));

/** Maps [B, heads · d, H, W] as tokens of each head, [B, heads, d, H · W]. */
function byHead(x: Value): Value {
  const [b, c, h, w] = x.shape as [number, number, number, number];
  return reshape(x, [b, HEADS, c / HEADS, h * w]);
}

/** Scaled products of queries and keys, [B, heads, d, T] each: [B, heads, queries, keys]. */
const products = (q: Value, k: Value): Value => mul(matMul(q, k, { transposeA: true }), scalar(q.shape[2]! ** -0.5));

/** Values [B, heads, d, keys] weighted by [B, heads, queries, keys], as a map of the shape `like`. */
const weighed = (v: Value, weights: Value, like: Value): Value =>
  reshape(matMul(v, weights, { transposeB: true }), like.shape);

export interface MapAttention {
  readonly channels: number;
  readonly bias: AttentionBias;
  /** Whether the map is halved before and doubled after. */
  readonly halved: boolean;
}

/**
 * Attention among the pixels of a map with a bias per head and offset, heads that mix each other's logits and weights
 * (Shazeer et al. 2020, "Talking-Heads Attention") and a parallel depthwise convolution of the values: [B, C, H, W].
 */
export function mapAttention(scope: ParameterScope, { channels, bias, halved }: MapAttention): Layer {
  const biasOf = bias(scope);
  const wide = HEADS * KEY_DIM * VALUE_RATIO;
  const halve = halved
    ? listedConvolution(scope.child("stride_conv"), {
        in: channels,
        out: channels,
        kernel: 3,
        stride: 2,
        groups: channels,
      })
    : undefined;
  const point = (name: string, out: number) => listedConvolution(scope.child(name), { in: channels, out, kernel: 1 });
  const query = point("q", HEADS * KEY_DIM);
  const key = point("k", HEADS * KEY_DIM);
  const value = point("v", wide);
  const local = listedConvolution(scope.child("v_local"), { in: wide, out: wide, kernel: 3, groups: wide });
  const talk = [1, 2].map((i) =>
    convolution(scope.child(`talking_head${i}`), { in: HEADS, out: HEADS, kernel: 1 }),
  ) as [Layer, Layer];
  const proj = listedConvolution(scope.child("proj"), { in: wide, out: channels, kernel: 1 }, 1);
  return (x, context) =>
    inScope(scope.path, () => {
      const map = halve === undefined ? x : halve(x, context);
      const v = value(map, context);
      const logits = products(byHead(query(map, context)), byHead(key(map, context)));
      const biased = add(logits, biasOf([logits.shape[2]!, logits.shape[3]!], context));
      const weights = talk[1](softmax(talk[0](biased, context), -1), context);
      const mixed = add(weighed(byHead(v), weights, v), local(v, context));
      const [height, width] = x.shape.slice(2) as [number, number];
      return proj(gelu(resizeBilinear(mixed, [height, width]), context), context);
    });
}

/** Attention that halves the map: queries at every second pixel, keys and values at all of them. */
export function stridedMapAttention(
  scope: ParameterScope,
  { from, to, bias }: { readonly from: number; readonly to: number; readonly bias: AttentionBias },
): Layer {
  const biasOf = bias(scope);
  const narrow = HEADS * STRIDED_KEY_DIM;
  const wide = narrow * VALUE_RATIO;
  const localQuery = convolution(scope.child("q.local.0"), {
    in: from,
    out: from,
    kernel: 3,
    stride: 2,
    groups: from,
  });
  const query = listedConvolution(scope.child("q.proj"), { in: from, out: narrow, kernel: 1 });
  const key = listedConvolution(scope.child("k"), { in: from, out: narrow, kernel: 1 });
  const value = listedConvolution(scope.child("v"), { in: from, out: wide, kernel: 1 });
  const local = listedConvolution(scope.child("v_local"), { in: wide, out: wide, kernel: 3, stride: 2, groups: wide });
  const proj = listedConvolution(scope.child("proj"), { in: wide, out: to, kernel: 1 }, 1);
  const everySecond = (x: Value) => slice(slice(x, { axis: 2, step: 2 }), { axis: 3, step: 2 });
  return (x, context) =>
    inScope(scope.path, () => {
      const v = value(x, context);
      const q = query(add(localQuery(x, context), everySecond(x)), context);
      const logits = products(byHead(q), byHead(key(x, context)));
      const weights = softmax(add(logits, biasOf([logits.shape[2]!, logits.shape[3]!], context)), -1);
      const near = local(v, context);
      return proj(gelu(add(weighed(byHead(v), weights, near), near), context), context);
    });
}
