import { z } from "zod";
import {
  add,
  averagePool,
  check,
  inScope,
  matMul,
  mul,
  reshape,
  resizeBilinear,
  scalar,
  softmax,
  type Value,
} from "../graph/index.js";
import { truncatedNormal, zeros } from "../nn/initialisers.js";
import {
  batchNorm,
  type Convolution,
  convolution,
  dropPath,
  gelu,
  type Layer,
  mapScale,
  sequential,
} from "../nn/layers.js";
import type { ParameterScope } from "../nn/parameters.js";
import type { Naming } from "../nn/weightNames.js";
import { positive } from "../schemas/fields.js";
import { type AttentionBias, type BiasGrid, denseBias, gridBias, HEADS } from "./attention.js";
import { attentionBiasAdapter, attentionBiasKey } from "./attentionBias.js";
import {
  type Backbone,
  backboneKind,
  backboneSchema,
  type Classifier,
  distilled,
  dropPathKey,
  fourStages,
  pooledHead,
} from "./backbone.js";
import { joinPlace, stagePlace } from "./networkPlaces.js";

/** Channels of the four stages; for each of their blocks how many times wider its MLP is inside; attention blocks at the ends of the last two. */
const VARIANTS = {
  s0: {
    widths: [32, 48, 96, 176],
    expansions: [
      [4, 4],
      [4, 4],
      [4, 3, 3, 3, 4, 4],
      [4, 3, 3, 4],
    ],
    attentionBlocks: 2,
  },
  s1: {
    widths: [32, 48, 120, 224],
    expansions: [
      [4, 4, 4],
      [4, 4, 4],
      [4, 4, 3, 3, 3, 3, 4, 4, 4],
      [4, 4, 3, 3, 4, 4],
    ],
    attentionBlocks: 2,
  },
  s2: {
    widths: [32, 64, 144, 288],
    expansions: [
      [4, 4, 4, 4],
      [4, 4, 4, 4],
      [4, 4, 3, 3, 3, 3, 3, 3, 4, 4, 4, 4],
      [4, 4, 3, 3, 3, 3, 4, 4],
    ],
    attentionBlocks: 4,
  },
  l: {
    widths: [40, 80, 192, 384],
    expansions: [
      [4, 4, 4, 4, 4],
      [4, 4, 4, 4, 4],
      [4, 4, 4, 4, 3, 3, 3, 3, 3, 3, 3, 4, 4, 4, 4],
      [4, 4, 4, 3, 3, 3, 3, 4, 4, 4],
    ],
    attentionBlocks: 6,
  },
} as const;

/** Channels of a query or a key of one head: in the blocks, and in the attention that halves the map. */
const KEY_DIM = 32;
const STRIDED_KEY_DIM = 16;
/** How many times wider a value is than a key. */
const VALUE_RATIO = 4;

const initWeight = truncatedNormal(0.02);

const schema = backboneSchema("efficientformerv2", {
  variant: z.enum(["s0", "s1", "s2", "l"]).describe("Size of the backbone: 3.3, 5.8, 12 or 26 M parameters"),
  dropPath: dropPathKey,
  layerScaleInit: positive("Initial value of the layer scales").default(1e-5),
  attentionBias: attentionBiasKey,
});

type EfficientFormerV2Config = Pick<z.output<typeof schema>, "variant" | "dropPath" | "layerScaleInit">;

/** A convolution with bias and its batch norm, entries `at` and `at + 1` of a list. */
const normalised = (scope: ParameterScope, options: Convolution, at = 0): Layer =>
  sequential(convolution(scope.child(at), options), batchNorm(scope.child(at + 1), options.out));

/** Maps [B, heads · d, H, W] as tokens of each head, [B, heads, d, H · W]. */
function byHead(x: Value): Value {
  const [b, c, h, w] = x.shape as [number, number, number, number];
  return reshape(x, [b, HEADS, c / HEADS, h * w]);
}

/** Scaled products of queries and keys, [B, heads, d, T] each: [B, heads, queries, keys]. */
const products = (q: Value, k: Value): Value => mul(matMul(q, k, { transposeA: true }), scalar(q.shape[2]! ** -0.5));

/** Values [B, heads, d, keys] weighed by [B, heads, queries, keys], as a map of the shape `like`. */
const weighed = (v: Value, weights: Value, like: Value): Value =>
  reshape(matMul(v, weights, { transposeB: true }), like.shape);

interface AttentionOptions {
  readonly channels: number;
  readonly bias: AttentionBias;
  /** Whether the map is halved before and doubled after. */
  readonly halved: boolean;
}

/**
 * Attention among the pixels of a map with a bias per head and offset, heads that see each other's logits and weights
 * (Shazeer et al. 2020, "Talking-Heads Attention") and a depthwise convolution of the values beside it: [B, C, H, W].
 */
function attention(scope: ParameterScope, { channels, bias, halved }: AttentionOptions): Layer {
  const biasOf = bias(scope);
  const wide = HEADS * KEY_DIM * VALUE_RATIO;
  const halve = halved
    ? normalised(scope.child("stride_conv"), { in: channels, out: channels, kernel: 3, stride: 2, groups: channels })
    : undefined;
  const point = (name: string, out: number) => normalised(scope.child(name), { in: channels, out, kernel: 1 });
  const query = point("q", HEADS * KEY_DIM);
  const key = point("k", HEADS * KEY_DIM);
  const value = point("v", wide);
  const local = normalised(scope.child("v_local"), { in: wide, out: wide, kernel: 3, groups: wide });
  const talk = [1, 2].map((i) =>
    convolution(scope.child(`talking_head${i}`), { in: HEADS, out: HEADS, kernel: 1 }),
  ) as [Layer, Layer];
  const proj = normalised(scope.child("proj"), { in: wide, out: channels, kernel: 1 }, 1);
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
function stridedAttention(scope: ParameterScope, from: number, to: number, bias: AttentionBias): Layer {
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
  const query = normalised(scope.child("q.proj"), { in: from, out: narrow, kernel: 1 });
  const key = normalised(scope.child("k"), { in: from, out: narrow, kernel: 1 });
  const value = normalised(scope.child("v"), { in: from, out: wide, kernel: 1 });
  const local = normalised(scope.child("v_local"), { in: wide, out: wide, kernel: 3, stride: 2, groups: wide });
  const proj = normalised(scope.child("proj"), { in: wide, out: to, kernel: 1 }, 1);
  const everySecond: Layer = (x) => averagePool(x, { kernel: 1, stride: 2 });
  return (x, context) =>
    inScope(scope.path, () => {
      const v = value(x, context);
      const q = query(add(localQuery(x, context), everySecond(x, context)), context);
      const logits = products(byHead(q), byHead(key(x, context)));
      const weights = softmax(add(logits, biasOf([logits.shape[2]!, logits.shape[3]!], context)), -1);
      const near = local(v, context);
      return proj(gelu(add(weighed(byHead(v), weights, near), near), context), context);
    });
}

/** 1×1, depthwise 3×3 and 1×1 convolutions, each with batch norm, the first two with GELU. */
function feedForward(scope: ParameterScope, channels: number, expansion: number): Layer {
  const hidden = channels * expansion;
  const point = { kernel: 1, initWeight, initBias: zeros };
  const fc1 = convolution(scope.child("fc1"), { ...point, in: channels, out: hidden });
  const fc2 = convolution(scope.child("fc2"), { ...point, in: hidden, out: channels });
  const mid = convolution(scope.child("mid"), { in: hidden, out: hidden, kernel: 3, groups: hidden });
  const midNorm = batchNorm(scope.child("mid_norm"), hidden);
  const norm1 = batchNorm(scope.child("norm1"), hidden);
  const norm2 = batchNorm(scope.child("norm2"), channels);
  return sequential(fc1, norm1, gelu, mid, midNorm, gelu, fc2, norm2);
}

interface BlockOptions {
  readonly channels: number;
  readonly expansion: number;
  readonly dropPath: number;
  readonly layerScaleInit: number;
  /** Of blocks with attention. */
  readonly attention: Omit<AttentionOptions, "channels"> | undefined;
}

/** Residual attention, where the block has it, then a residual MLP. */
function block(scope: ParameterScope, { channels, expansion, layerScaleInit, ...options }: BlockOptions): Layer {
  // Both scales come first, as the authors' parameters do.
  const [first, second] = [1, 2].map((i) =>
    i === 1 && options.attention === undefined
      ? undefined
      : sequential(
          mapScale(scope, `layer_scale_${i}`, channels, layerScaleInit),
          dropPath(scope, `drop_path_${i}`, options.dropPath),
        ),
  ) as [Layer | undefined, Layer];
  const mixer =
    options.attention && sequential(attention(scope.child("token_mixer"), { channels, ...options.attention }), first!);
  const mlp = sequential(feedForward(scope.child("mlp"), channels, expansion), second);
  return (x, context) =>
    inScope(scope.path, () => {
      const mixed = mixer === undefined ? x : add(x, mixer(x, context));
      return add(mixed, mlp(mixed, context));
    });
}

/** Before the second, third and last stage: what halves the map. */
function embedding(scope: ParameterScope, from: number, to: number, bias: AttentionBias | undefined): Layer {
  const options = { in: from, out: to, kernel: 3, stride: 2 };
  const strided = bias && stridedAttention(scope.child("attn"), from, to, bias);
  const [conv, norm] = strided === undefined ? ["proj", "norm"] : ["conv", "bn"];
  const convolved = sequential(convolution(scope.child(conv), options), batchNorm(scope.child(norm), to));
  return (x, context) =>
    inScope(scope.path, () => {
      const y = convolved(x, context);
      return strided === undefined ? y : add(strided(x, context), y);
    });
}

/** Two strided 3×3 convolutions: [B, 3, H, W] → [B, C, H / 4, W / 4]. */
function stem(scope: ParameterScope, channels: number): Layer {
  const layers = sequential(
    normalised(scope, { in: 3, out: channels / 2, kernel: 3, stride: 2 }),
    gelu,
    normalised(scope, { in: channels / 2, out: channels, kernel: 3, stride: 2 }, 3),
    gelu,
  );
  return (x, context) => inScope(scope.path, () => layers(x, context));
}

/**
 * The stem and the four stages with what halves the map before them; names are the authors', where `network` holds stages
 * and embeddings in turn.
 *
 * @param side cells of a side of the last stage's map, for which the attention biases are made
 */
function trunk(
  scope: ParameterScope,
  { variant, dropPath: lastRate, layerScaleInit }: EfficientFormerV2Config,
  side: number,
  biasOf: (grid: BiasGrid) => AttentionBias,
): readonly [Layer, Layer, Layer, Layer] {
  const { widths, expansions, attentionBlocks } = VARIANTS[variant];
  const blocks = expansions.reduce((sum, { length }) => sum + length, 0);
  let index = 0;
  const start = stem(scope.child("patch_embed"), widths[0]);
  const network = scope.child("network");
  return widths.map((channels, stage) => {
    const halve =
      stage === 0
        ? start
        : embedding(
            network.child(stage * 2 - 1),
            widths[stage - 1]!,
            channels,
            stage === 3 ? biasOf({ side: side * 2, step: 2 }) : undefined,
          );
    const ratios = expansions[stage]!;
    const layers = ratios.map((expansion, i) =>
      block(network.child(`${stage * 2}.${i}`), {
        channels,
        expansion,
        dropPath: (lastRate * index++) / (blocks - 1),
        layerScaleInit,
        attention:
          stage >= 2 && i >= ratios.length - attentionBlocks
            ? { bias: biasOf({ side }), halved: stage === 2 }
            : undefined,
      }),
    );
    return sequential(halve, ...layers);
  }) as [Layer, Layer, Layer, Layer];
}

/**
 * EfficientFormerV2 (Li et al. 2023, "Rethinking Vision Transformers for MobileNet Size and Speed") as a dense backbone: the
 * outputs of its four stages, at strides 4, 8, 16 and 32.
 *
 * @param biasSide cells of a side of the last map of the pictures the attention biases are made for
 */
export function efficientFormerV2(
  scope: ParameterScope,
  { biasSide, ...config }: EfficientFormerV2Config & { readonly biasSide: number },
): Backbone {
  return fourStages({
    channels: VARIANTS[config.variant].widths,
    parts: trunk(scope, config, biasSide, denseBias),
    stages: [["patch_embed"], ["network.0"], ...[1, 3, 5].map((i) => [`network.${i}`, `network.${i + 1}`])],
  });
}

/** EfficientFormerV2 as an ImageNet classifier, on pictures of one size. */
export function efficientFormerV2Classifier(
  scope: ParameterScope,
  {
    classes,
    pictureSide,
    ...config
  }: EfficientFormerV2Config & { readonly classes: number; readonly pictureSide: number },
): Classifier {
  check(pictureSide % 32 === 0, () => `pictures of ${pictureSide} × ${pictureSide}; sides must be multiples of 32`);
  const stages = trunk(scope, config, pictureSide / 32, gridBias);
  const channels = VARIANTS[config.variant].widths[3];
  const features = sequential(...stages, batchNorm(scope.child("norm"), channels));
  const heads = ["head", "dist_head"].map((name) =>
    pooledHead(scope.child(name), { channels, classes, initWeight, initBias: zeros }),
  ) as [Layer, Layer];
  return distilled((x, context) => {
    const map = features(x, context);
    return [heads[0](map, context), heads[1](map, context)];
  });
}

const timm: Naming = {
  name: "timm's EfficientFormerV2",
  mark: /^(backbone\.)?stages\.0\.blocks\.0\.mlp\.mid\.conv\.weight$/,
  renames: [
    [/\bstem\.conv1\.conv\./, "patch_embed.0."],
    [/\bstem\.conv1\.bn\./, "patch_embed.1."],
    [/\bstem\.conv2\.conv\./, "patch_embed.3."],
    [/\bstem\.conv2\.bn\./, "patch_embed.4."],
    [/\bstages\.3\.downsample\.conv\.conv\./, "network.5.conv."],
    [/\bstages\.3\.downsample\.conv\.bn\./, "network.5.bn."],
    [/\bstages\.(\d+)\.downsample\.conv\.conv\./, (stage) => `${joinPlace(stage)}proj.`],
    [/\bstages\.(\d+)\.downsample\.conv\.bn\./, (stage) => `${joinPlace(stage)}norm.`],
    [/\bstages\.(\d+)\.downsample\./, joinPlace],
    [/\bstages\.(\d+)\.blocks\./, stagePlace],
    [/\bq\.local\./, "q.local.0."],
    [/\b(q|k|v|v_local|stride_conv|q\.proj)\.conv\./, "$1.0."],
    [/\b(q|k|v|v_local|stride_conv|q\.proj)\.bn\./, "$1.1."],
    [/\b(token_mixer|attn)\.proj\.conv\./, "$1.proj.1."],
    [/\b(token_mixer|attn)\.proj\.bn\./, "$1.proj.2."],
    [/\bmlp\.fc([12])\.conv\./, "mlp.fc$1."],
    [/\bmlp\.fc([12])\.bn\./, "mlp.norm$1."],
    [/\bmlp\.mid\.conv\./, "mlp.mid."],
    [/\bmlp\.mid\.bn\./, "mlp.mid_norm."],
    [/\bls([12])\.gamma$/, "layer_scale_$1"],
    [/\bhead_dist\./, "dist_head."],
  ],
};

export const efficientFormerV2Kind = backboneKind({
  schema,
  make: (scope, config, { pictureSide }) => efficientFormerV2(scope, { ...config, biasSide: pictureSide / 32 }),
  classifier: (scope, config, { classes, pictureSide }) =>
    efficientFormerV2Classifier(scope, { ...config, classes, pictureSide }),
  title: ({ variant }) => `EfficientFormerV2-${variant.toUpperCase()}`,
  namings: [timm],
  published: { name: "the authors' EfficientFormerV2", mark: /^(backbone\.)?network\.0\.0\.mlp\.mid\.weight$/ },
  adapter: (config) => attentionBiasAdapter(config?.attentionBias ?? "zeros"),
});
