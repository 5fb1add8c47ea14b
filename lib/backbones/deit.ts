import { z } from "zod";
import {
  add,
  broadcastTo,
  concat,
  inScope,
  reshape,
  resizeBicubic,
  slice,
  spatial,
  split,
  transpose,
  type Value,
} from "../graph/index.js";
import type { Context } from "../nn/context.js";
import { type Initialiser, normal, truncatedNormal, zeros } from "../nn/initialisers.js";
import { convolution, gelu, type Layer, layerNorm, linear, sequential } from "../nn/layers.js";
import type { Parameter, ParameterScope } from "../nn/parameters.js";
import {
  type Backbone,
  backboneKind,
  backboneSchema,
  blockLayers,
  type Classifier,
  checkSides,
  distilled as distilledClassifier,
  dropPathKey,
  ofTimm,
  withLast,
} from "./backbone.js";
import { positionAdapter } from "./positions.js";
import { PYRAMID_CHANNELS, simplePyramid } from "./simplePyramid.js";
import { transformerBlock } from "./transformer.js";

/** Channels; an attention head has 64 of them. */
const WIDTHS = { tiny: 192, small: 384, base: 768 } as const;
const HEAD = 64;
const BLOCKS = 12;
const EXPANSION = 4;
const PATCH = 16;
/** Among windowed blocks, every third attends to the whole map. */
const EVERYWHERE = 3;
/** Patches along a side of the 224-pixel images for which the position embedding is made. */
const GRID = 14;
const STEM = ["patch_embed", "cls_token", "dist_token", "pos_embed"];
const epsilon = 1e-6;
const initWeight = truncatedNormal(0.02);

const schema = backboneSchema("deit", {
  variant: z.enum(["tiny", "small", "base"]).describe("Size of the backbone: 192, 384 or 768 channels"),
  distilled: z
    .boolean()
    .default(true)
    .describe("Whether there are a token and a head for distillation, as in weights named distilled"),
  dropPath: dropPathKey,
  window: z
    .int()
    .min(0)
    .max(1024)
    .default(0)
    .describe(
      "Dense: side, in patches, of the attention windows in all blocks but every third, without class tokens; 14 in ViTDet. 0: no windows",
    ),
});

type DeitConfig = Pick<z.output<typeof schema>, "variant" | "distilled" | "dropPath">;
type DenseConfig = DeitConfig & Partial<Pick<z.output<typeof schema>, "window">>;

/**
 * The position embedding for a map of h × w patches: the table of the 224-pixel images resized bicubically, as in timm,
 * within the graph, so that training at any size trains the table.
 *
 * @param table [1, GRID², C] @returns [1, h · w, C]
 */
function positionsFor(table: Value, [h, w]: readonly [number, number]): Value {
  const channels = table.shape[2]!;
  const map = transpose(reshape(table, [1, GRID, GRID, channels]), [0, 3, 1, 2]);
  const resized = resizeBicubic(map, [h, w], { antialias: true }); // [1, C, h, w]
  return transpose(reshape(resized, [1, channels, h * w]), [0, 2, 1]);
}

/** The patches, and a quarter of the blocks for each level. */
const QUARTERS: Backbone["stages"] = [
  STEM,
  ...[0, 1, 2, 3].map((level) => {
    const quarter = BLOCKS / 4;
    return Array.from({ length: quarter }, (_, i) => `blocks.${quarter * level + i}`);
  }),
];

interface Trunk {
  readonly channels: number;
  /** Tokens before those of the patches: the class token and the distillation token. */
  readonly extra: number;
  /** Images [B, 3, H, W] → tokens [B, extra + patches, C]. */
  readonly tokens: (x: Value, context: Context) => Value;
}

/**
 * Patches as tokens, after the class and distillation tokens, and the blocks; names are those of timm and the authors.
 * With windows, which have no place for them, there are no such tokens, although the table of positions has rows for
 * them.
 */
function trunk(scope: ParameterScope, config: DenseConfig): Trunk {
  const { variant, distilled, dropPath: lastRate, window = 0 } = config;
  const channels = WIDTHS[variant];
  const token = (name: string, init: Initialiser) => scope.parameter(name, [1, 1, channels], "embedding", init);
  const heading: Parameter[] = [];
  if (window === 0) heading.push(token("cls_token", normal(1e-6)));
  if (window === 0 && distilled) heading.push(token("dist_token", initWeight));
  const before = distilled ? 2 : 1;
  const positions = scope.parameter("pos_embed", [1, before + GRID * GRID, channels], "embedding", initWeight);
  const patches = convolution(scope.child("patch_embed.proj"), {
    in: 3,
    out: channels,
    kernel: PATCH,
    stride: PATCH,
    padding: 0,
  });
  const blocks = Array.from({ length: BLOCKS }, (_, i) =>
    transformerBlock(scope.child(`blocks.${i}`), {
      channels,
      heads: channels / HEAD,
      expansion: EXPANSION,
      activation: gelu,
      epsilon,
      dropPath: (lastRate * i) / (BLOCKS - 1),
      ...(window > 0 && (i + 1) % EVERYWHERE !== 0 && { window }),
    }),
  );
  return {
    channels,
    extra: heading.length,
    tokens(x, context) {
      const map = patches(x, context); // [B, C, h, w]
      const [batch, , h, w] = map.shape as [number, number, number, number];
      const ofPatches = transpose(reshape(map, [batch, channels, h * w]), [0, 2, 1]);
      const [first, table] = split(context.value(positions), 1, [before, GRID * GRID]) as [Value, Value];
      const own = inScope(scope.child("pos_embed").path, () => positionsFor(table, [h, w]));
      const placed = add(ofPatches, own);
      if (window > 0) {
        const mixed = sequential(...blocks)(reshape(placed, [batch, h, w, channels]), context);
        return reshape(mixed, placed.shape);
      }
      const tokens = heading.map((parameter) => context.value(parameter));
      const heads = broadcastTo(add(concat(tokens, 1), first), [batch, before, channels]);
      return sequential(...blocks)(concat([heads, placed], 1), context);
    },
  };
}

/**
 * DeiT (Touvron et al. 2021, "Training data-efficient image transformers & distillation through attention") as a dense
 * backbone: the patches' tokens of its last block, through ViTDet's simple feature pyramid.
 */
export function deit(scope: ParameterScope, config: DenseConfig): Backbone {
  const { channels, extra, tokens } = trunk(scope, config);
  const levels = simplePyramid(scope, channels);
  return {
    channels: levels.map(() => PYRAMID_CHANNELS),
    strides: [4, 8, 16, 32],
    multiple: 32,
    stages: QUARTERS,
    forward(x, context) {
      checkSides(x, 32);
      const [batch] = x.shape as [number];
      const [height, width] = spatial(x);
      const all = tokens(x, context);
      const ofPatches = extra === 0 ? all : slice(all, { axis: 1, start: extra });
      const map = reshape(transpose(ofPatches, [0, 2, 1]), [batch, channels, height / PATCH, width / PATCH]);
      return levels.map((level) => level(map, context));
    },
  };
}

/**
 * DeiT as an ImageNet classifier: with distillation, the mean of the class token's and the distillation token's logits.
 */
export function deitClassifier(
  scope: ParameterScope,
  { classes, ...config }: DeitConfig & { readonly classes: number },
): Classifier {
  const { channels, extra, tokens } = trunk(scope, config);
  const norm = layerNorm(scope.child("norm"), channels, { epsilon });
  const headOf = (name: string, at: number): Layer => {
    const head = linear(scope.child(name).ofOutput(), { in: channels, out: classes, initWeight, initBias: zeros });
    return (all, context) => {
      const token = slice(all, { axis: 1, start: at, end: at + 1 });
      return head(norm(reshape(token, [token.shape[0]!, channels]), context), context);
    };
  };
  const head = headOf("head", 0);
  const last = (x: Value, context: Context) => {
    checkSides(x, PATCH);
    return tokens(x, context);
  };
  if (extra === 1) return { stages: QUARTERS, forward: sequential(last, head) };
  const teacher = headOf("head_dist", 1);
  return distilledClassifier(QUARTERS, (x, context) => {
    const all = last(x, context);
    return [head(all, context), teacher(all, context)];
  });
}

const published = ofTimm("Apache-2.0", {
  tiny: "deit_tiny_patch16_224.fb_in1k",
  small: "deit_small_patch16_224.fb_in1k",
  base: "deit_base_patch16_224.fb_in1k",
  tiny_distilled: "deit_tiny_distilled_patch16_224.fb_in1k",
  small_distilled: "deit_small_distilled_patch16_224.fb_in1k",
  base_distilled: "deit_base_distilled_patch16_224.fb_in1k",
});

export const deitKind = backboneKind({
  schema,
  make: (scope, config) => deit(scope, config),
  classifier: (scope, { variant, distilled, dropPath }, { classes }) =>
    deitClassifier(scope, { variant, distilled, dropPath, classes }),
  title: ({ variant, distilled }) =>
    `DeiT-${variant[0]!.toUpperCase()}${variant.slice(1)}${distilled ? " distilled" : ""}`,
  layers: () => withLast([STEM, ...blockLayers([BLOCKS], (_, block) => [`blocks.${block}`])], "norm"),
  imagenet: ({ variant, distilled }) => published(distilled ? `${variant}_distilled` : variant),
  namings: [],
  published: { name: "timm's and the authors' DeiT", mark: /^(backbone\.)?blocks\.0\.attn\.qkv\.weight$/ },
  adapter: () => positionAdapter,
});
