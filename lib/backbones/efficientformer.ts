import { z } from "zod";
import { add, averagePool, inScope, mean, reshape, sub, transpose, type Value } from "../graph/index.js";
import type { Context } from "../nn/context.js";
import { truncatedNormal, zeros } from "../nn/initialisers.js";
import {
  batchNorm,
  convolution,
  dropPath,
  gelu,
  groupNorm,
  type Layer,
  layerNorm,
  layerScale,
  linear,
  relu,
  sequential,
} from "../nn/layers.js";
import type { ParameterScope } from "../nn/parameters.js";
import type { Naming, Renamer } from "../nn/weightNames.js";
import { positive } from "../schemas/fields.js";
import { type AttentionBias, denseBias, gridBias, selfAttention } from "./attention.js";
import { attentionBiasAdapter, attentionBiasKey } from "./attentionBias.js";
import {
  type Backbone,
  backboneKind,
  backboneSchema,
  type Classifier,
  checkSides,
  distilled,
  dropPathKey,
} from "./backbone.js";
import { joinPlace, NETWORK_STAGES, stagePlace } from "./networkPlaces.js";

/** What tells one EfficientFormer from another (Li et al. 2022, "EfficientFormer: Vision Transformers at MobileNet Speed"). */
export interface EfficientFormerSize {
  /** Channels of the four stages. */
  readonly widths: readonly [number, number, number, number];
  /** Blocks of the four stages. */
  readonly depths: readonly [number, number, number, number];
  /** How many blocks at the end of the last stage are self-attention blocks. */
  readonly attentionBlocks: number;
}

/** The published sizes, and `nano` (1.1 M parameters) for small machines and tests. */
export const EFFICIENTFORMER_SIZES = {
  nano: { widths: [24, 48, 96, 128], depths: [2, 2, 4, 2], attentionBlocks: 1 },
  l1: { widths: [48, 96, 224, 448], depths: [3, 2, 6, 4], attentionBlocks: 1 },
  l3: { widths: [64, 128, 320, 512], depths: [4, 4, 12, 6], attentionBlocks: 4 },
  l7: { widths: [96, 192, 384, 768], depths: [6, 6, 18, 8], attentionBlocks: 8 },
} as const satisfies Record<string, EfficientFormerSize>;

export type EfficientFormerVariant = keyof typeof EFFICIENTFORMER_SIZES;

const schema = backboneSchema("efficientformer", {
  variant: z.enum(["l1", "l3", "l7", "nano"]).describe("Size of the backbone; nano is about 1 M parameters"),
  dropPath: dropPathKey,
  layerScaleInit: positive("Initial value of the layer scales").default(1e-5),
  attentionBias: attentionBiasKey,
});

export interface EfficientFormerOptions {
  readonly size: EfficientFormerSize;
  /** Stochastic depth of the last block; it grows linearly from 0 at the first. */
  readonly dropPath?: number;
  readonly layerScaleInit?: number;
}

const EXPANSION = 4;
const initWeight = truncatedNormal(0.02);

/** 1×1 convolutions around a GELU, each with batch norm: `fc1 → norm1 → GELU → fc2 → norm2`. */
function convolutionalMlp(scope: ParameterScope, channels: number): Layer {
  const hidden = channels * EXPANSION;
  const point = { kernel: 1, initWeight, initBias: zeros };
  const fc1 = convolution(scope.child("fc1"), { ...point, in: channels, out: hidden });
  const fc2 = convolution(scope.child("fc2"), { ...point, in: hidden, out: channels });
  const norm1 = batchNorm(scope.child("norm1"), hidden);
  const norm2 = batchNorm(scope.child("norm2"), channels);
  return sequential(fc1, norm1, gelu, fc2, norm2);
}

interface BlockOptions {
  readonly channels: number;
  readonly dropPath: number;
  readonly layerScaleInit: number;
}

/** MB4D, on maps [B, C, H, W]: a residual 3×3 pooling, then a residual MLP. */
function mb4d(scope: ParameterScope, { channels, dropPath: rate, layerScaleInit }: BlockOptions): Layer {
  const scale1 = layerScale(scope, "layer_scale_1", channels, layerScaleInit);
  const scale2 = layerScale(scope, "layer_scale_2", channels, layerScaleInit);
  const mlp = convolutionalMlp(scope.child("mlp"), channels);
  const drop1 = dropPath(scope, "drop_path_1", rate);
  const drop2 = dropPath(scope, "drop_path_2", rate);
  const pooled: Layer = (x) => sub(averagePool(x, { kernel: 3, padding: 1 }), x);
  return (x, context) =>
    inScope(scope.path, () => {
      const mixed = add(x, drop1(scale1(pooled(x, context), context), context));
      return add(mixed, drop2(scale2(mlp(mixed, context), context), context));
    });
}

/** MB3D, on tokens [B, T, C]: residual self-attention, then a residual MLP, each behind a layer norm. */
function mb3d(scope: ParameterScope, { channels, dropPath: rate, layerScaleInit }: BlockOptions, bias: AttentionBias) {
  const scale1 = layerScale(scope, "layer_scale_1", channels, layerScaleInit);
  const scale2 = layerScale(scope, "layer_scale_2", channels, layerScaleInit);
  const norm1 = layerNorm(scope.child("norm1"), channels);
  const mixer = selfAttention(scope.child("token_mixer"), { channels, bias });
  const norm2 = layerNorm(scope.child("norm2"), channels);
  const hidden = channels * EXPANSION;
  const fc1 = linear(scope.child("mlp.fc1"), { in: channels, out: hidden, initWeight, initBias: zeros });
  const fc2 = linear(scope.child("mlp.fc2"), { in: hidden, out: channels, initWeight, initBias: zeros });
  const attention = sequential(norm1, mixer, scale1, dropPath(scope, "drop_path_1", rate));
  const mlp = sequential(norm2, fc1, gelu, fc2, scale2, dropPath(scope, "drop_path_2", rate));
  const forward: Layer = (x, context) => {
    const mixed = add(x, attention(x, context));
    return add(mixed, mlp(mixed, context));
  };
  return (x: Value, context: Context) => inScope(scope.path, () => forward(x, context));
}

/** The stem: two strided 3×3 convolutions, [B, 3, H, W] → [B, C, H / 4, W / 4]. */
function stem(scope: ParameterScope, channels: number): Layer {
  const half = channels / 2;
  const layers = sequential(
    convolution(scope.child(0), { in: 3, out: half, kernel: 3, stride: 2 }),
    batchNorm(scope.child(1), half),
    relu,
    convolution(scope.child(3), { in: half, out: channels, kernel: 3, stride: 2 }),
    batchNorm(scope.child(4), channels),
    relu,
  );
  return (x, context) => inScope(scope.path, () => layers(x, context));
}

/** Between stages: a strided 3×3 convolution and batch norm, halving the map. */
function embedding(scope: ParameterScope, from: number, to: number): Layer {
  return sequential(
    convolution(scope.child("proj"), { in: from, out: to, kernel: 3, stride: 2 }),
    batchNorm(scope.child("norm"), to),
  );
}

const toTokens = (x: Value): Value => {
  const [b, c, h, w] = x.shape as [number, number, number, number];
  return transpose(reshape(x, [b, c, h * w]), [0, 2, 1]); // [B, T, C]
};

const toMap = (x: Value, [height, width]: readonly [number, number]): Value => {
  const [b, , c] = x.shape as [number, number, number];
  return reshape(transpose(x, [0, 2, 1]), [b, c, height, width]);
};

interface Trunk {
  readonly stem: Layer;
  /** Each stage on maps; the last one hands over tokens where it ends in self-attention. */
  readonly stages: readonly Layer[];
  readonly embeddings: readonly Layer[];
}

/**
 * The layers all EfficientFormers share, with the parameter names of the official checkpoints: `network` holds stages
 * and embeddings in turn, and the switch to tokens takes an entry of its own in the last stage's list.
 */
function trunk(scope: ParameterScope, options: EfficientFormerOptions, bias: AttentionBias): Trunk {
  const { size, dropPath: lastDropPath = 0, layerScaleInit = 1e-5 } = options;
  const { widths, depths, attentionBlocks } = size;
  const blocks = depths.reduce((a, b) => a + b, 0);
  const stemLayer = stem(scope.child("patch_embed"), widths[0]);
  const network = scope.child("network");
  const stages: Layer[] = [];
  const embeddings: Layer[] = [];
  let index = 0;
  widths.forEach((channels, stage) => {
    const here = network.child(stage * 2);
    const firstAttention = stage === 3 ? depths[3] - attentionBlocks : depths[stage]!;
    const layers: Layer[] = [];
    for (let i = 0; i < depths[stage]!; i++) {
      const block = { channels, dropPath: (lastDropPath * index++) / (blocks - 1), layerScaleInit };
      if (i === firstAttention) layers.push(toTokens);
      layers.push(i < firstAttention ? mb4d(here.child(i), block) : mb3d(here.child(i + 1), block, bias));
    }
    stages.push(sequential(...layers));
    if (stage < 3) embeddings.push(embedding(network.child(stage * 2 + 1), channels, widths[stage + 1]!));
  });
  return { stem: stemLayer, stages, embeddings };
}

function runTrunk({ stem, stages, embeddings }: Trunk, x: Value, context: Context): Value[] {
  const outputs: Value[] = [];
  let value = stem(x, context);
  stages.forEach((stage, i) => {
    value = stage(value, context);
    outputs.push(value);
    const next = embeddings[i];
    if (next !== undefined) value = next(value, context);
  });
  return outputs;
}

/** Where the attention bias of a dense model was made: its side in tokens (25 for 800-pixel images, 16 for 512). */
export interface DenseOptions extends EfficientFormerOptions {
  readonly biasSide: number;
}

/**
 * EfficientFormer as a dense backbone: four maps at strides 4, 8, 16 and 32, each through a group norm of its own
 * (`norm0`, `norm2`, `norm4`, `norm6`).
 */
export function efficientFormer(scope: ParameterScope, options: DenseOptions): Backbone {
  const layers = trunk(scope, options, denseBias({ side: options.biasSide }));
  const { widths } = options.size;
  const norms = widths.map((channels, stage) => groupNorm(scope.child(`norm${stage * 2}`), channels));
  return {
    channels: widths,
    strides: [4, 8, 16, 32],
    multiple: 32,
    stages: NETWORK_STAGES,
    forward: (x, context) => {
      checkSides(x, 32);
      const [height, width] = x.shape.slice(2) as [number, number];
      return runTrunk(layers, x, context).map((y, i) => {
        const map = y.shape.length === 4 ? y : toMap(y, [height / 32, width / 32]);
        return norms[i]!(map, context);
      });
    },
  };
}

/** EfficientFormer as an ImageNet classifier, made for images of 224 × 224. */
export function efficientFormerClassifier(
  scope: ParameterScope,
  options: EfficientFormerOptions & { readonly classes: number },
): Classifier {
  const layers = trunk(scope, options, gridBias({ side: 7 }));
  const channels = options.size.widths[3];
  const norm = layerNorm(scope.child("norm"), channels);
  const heads = ["head", "dist_head"].map((name) =>
    linear(scope.child(name).ofOutput(), { in: channels, out: options.classes, initWeight, initBias: zeros }),
  ) as [Layer, Layer];
  return distilled(NETWORK_STAGES, (x, context) => {
    const last = runTrunk(layers, x, context).at(-1)!;
    const tokens = last.shape.length === 4 ? toTokens(last) : last;
    const pooled = mean(norm(tokens, context), { axes: [1] }); // [B, C]
    return [heads[0](pooled, context), heads[1](pooled, context)];
  });
}

const timmEfficientFormer: Naming = {
  name: "timm's EfficientFormer",
  mark: /^(backbone\.)?stages\.0\.blocks\.0\.ls1\.gamma$/,
  renames: [
    [/\bstem\.conv1\./, "patch_embed.0."],
    [/\bstem\.norm1\./, "patch_embed.1."],
    [/\bstem\.conv2\./, "patch_embed.3."],
    [/\bstem\.norm2\./, "patch_embed.4."],
    [/\bstages\.(\d+)\.downsample\.conv\./, (stage) => `${joinPlace(stage)}proj.`],
    [/\bstages\.(\d+)\.downsample\.norm\./, (stage) => `${joinPlace(stage)}norm.`],
    [/\bstages\.(\d+)\.blocks\./, stagePlace],
    [/\bls([12])\.gamma$/, "layer_scale_$1"],
    [/\bhead_dist\./, "dist_head."],
  ],
};

/** The last stage's attention blocks are numbered on their own; the authors count on, past an entry for the switch to tokens. */
const attentionPlace: Renamer = ([block], names) => {
  const before = /\blast_stage\.meta4D_layers\.blocks\.(\d+)\.layer_scale_1$/;
  const convolutional = names.filter((name) => before.test(name)).length;
  return `network.6.${convolutional + 1 + Number(block)}.`;
};

const transformersEfficientFormer: Naming = {
  name: "transformers' EfficientFormer",
  mark: /^(efficientformer\.)?encoder\.intermediate_stages\.0\.meta4D_layers\.blocks\.0\.layer_scale_1$/,
  renames: [
    [/^efficientformer\./, ""],
    [/^patch_embed\.convolution1\./, "patch_embed.0."],
    [/^patch_embed\.batchnorm_before\./, "patch_embed.1."],
    [/^patch_embed\.convolution2\./, "patch_embed.3."],
    [/^patch_embed\.batchnorm_after\./, "patch_embed.4."],
    [/^encoder\.last_stage\.meta3D_layers\.blocks\.(\d+)\./, attentionPlace],
    [/^encoder\.last_stage\.meta4D_layers\.blocks\./, "network.6."],
    [/^encoder\.intermediate_stages\.(\d+)\.meta4D_layers\.blocks\./, "network.$1."],
    [/^encoder\.intermediate_stages\.(\d+)\.projection\./, "network.$1.proj."],
    [/^encoder\.intermediate_stages\.(\d+)\.norm\./, "network.$1.norm."],
    [/\bmlp\.(?:convolution1|linear_in)\./, "mlp.fc1."],
    [/\bmlp\.(?:convolution2|linear_out)\./, "mlp.fc2."],
    [/\bmlp\.batchnorm_before\./, "mlp.norm1."],
    [/\bmlp\.batchnorm_after\./, "mlp.norm2."],
    [/\btoken_mixer\.projection\./, "token_mixer.proj."],
    [/\blayernorm([12])\./, "norm$1."],
    [/^layernorm\./, "norm."],
    [/^classifier\./, "head."],
    [/^distillation_classifier\./, "dist_head."],
  ],
};

export const efficientFormerKind = backboneKind({
  schema,
  make: (scope, { variant, dropPath, layerScaleInit }, { imageSide }) =>
    efficientFormer(scope, {
      size: EFFICIENTFORMER_SIZES[variant],
      dropPath,
      layerScaleInit,
      biasSide: imageSide / 32,
    }),
  classifier: (scope, { variant, dropPath, layerScaleInit }, { classes }) =>
    efficientFormerClassifier(scope, { size: EFFICIENTFORMER_SIZES[variant], dropPath, layerScaleInit, classes }),
  title: ({ variant }) => `EfficientFormer ${variant === "nano" ? variant : variant.toUpperCase()}`,
  namings: [timmEfficientFormer, transformersEfficientFormer],
  published: { name: "the authors' EfficientFormer", mark: /^(backbone\.)?network\.6\.\d+\.token_mixer\.qkv\.weight$/ },
  adapter: (config) => attentionBiasAdapter(config?.attentionBias),
});
