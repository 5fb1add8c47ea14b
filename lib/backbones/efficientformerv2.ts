import { z } from "zod";
import { add, check, inScope } from "../graph/index.js";
import { truncatedNormal, zeros } from "../nn/initialisers.js";
import { batchNorm, convolution, dropPath, gelu, type Layer, mapScale, sequential } from "../nn/layers.js";
import type { ParameterScope } from "../nn/parameters.js";
import type { Naming } from "../nn/weightNames.js";
import { positive } from "../schemas/fields.js";
import { type AttentionBias, type BiasGrid, denseBias, gridBias } from "./attention.js";
import { attentionBiasAdapter, attentionBiasKey } from "./attentionBias.js";
import {
  type Backbone,
  backboneKind,
  backboneSchema,
  type Classifier,
  distilled,
  dropPathKey,
  fourStages,
  ofTimm,
  pooledHead,
} from "./backbone.js";
import { listedConvolution, type MapAttention, mapAttention, stridedMapAttention } from "./mapAttention.js";
import { joinPlace, NETWORK_STAGES, stagePlace } from "./networkPlaces.js";

/**
 * Channels of the four stages; for each block the expansion of its MLP; the number of attention blocks at the ends of
 * the last two.
 */
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

const initWeight = truncatedNormal(0.02);

const schema = backboneSchema("efficientformerv2", {
  variant: z.enum(["s0", "s1", "s2", "l"]).describe("Size of the backbone: 3.3, 5.8, 12 or 26 M parameters"),
  dropPath: dropPathKey,
  layerScaleInit: positive("Initial value of the layer scales").default(1e-5),
  attentionBias: attentionBiasKey,
});

type EfficientFormerV2Config = Pick<z.output<typeof schema>, "variant" | "dropPath" | "layerScaleInit">;

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
  /** For blocks with attention. */
  readonly attention: Omit<MapAttention, "channels"> | undefined;
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
    options.attention &&
    sequential(mapAttention(scope.child("token_mixer"), { channels, ...options.attention }), first!);
  const mlp = sequential(feedForward(scope.child("mlp"), channels, expansion), second);
  return (x, context) =>
    inScope(scope.path, () => {
      const mixed = mixer === undefined ? x : add(x, mixer(x, context));
      return add(mixed, mlp(mixed, context));
    });
}

/** Halves the map before the second, third and last stage. */
function embedding(scope: ParameterScope, from: number, to: number, bias: AttentionBias | undefined): Layer {
  const options = { in: from, out: to, kernel: 3, stride: 2 };
  const strided = bias && stridedMapAttention(scope.child("attn"), { from, to, bias });
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
    listedConvolution(scope, { in: 3, out: channels / 2, kernel: 3, stride: 2 }),
    gelu,
    listedConvolution(scope, { in: channels / 2, out: channels, kernel: 3, stride: 2 }, 3),
    gelu,
  );
  return (x, context) => inScope(scope.path, () => layers(x, context));
}

/**
 * The stem and the four stages, with the embeddings that halve the map before them; names are the authors', where
 * `network` holds stages and embeddings in turn.
 *
 * @param side cells along a side of the last stage's map, for which the attention biases are made
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
 * @param biasSide cells along a side of the last map, for the image size for which the attention biases are made
 */
export function efficientFormerV2(
  scope: ParameterScope,
  { biasSide, ...config }: EfficientFormerV2Config & { readonly biasSide: number },
): Backbone {
  return fourStages({
    channels: VARIANTS[config.variant].widths,
    parts: trunk(scope, config, biasSide, denseBias),
    stages: NETWORK_STAGES,
  });
}

/** EfficientFormerV2 as an ImageNet classifier, for images of one size. */
export function efficientFormerV2Classifier(
  scope: ParameterScope,
  { classes, imageSide, ...config }: EfficientFormerV2Config & { readonly classes: number; readonly imageSide: number },
): Classifier {
  check(imageSide % 32 === 0, () => `images of ${imageSide} × ${imageSide}; sides must be multiples of 32`);
  const stages = trunk(scope, config, imageSide / 32, gridBias);
  const channels = VARIANTS[config.variant].widths[3];
  const features = sequential(...stages, batchNorm(scope.child("norm"), channels));
  const heads = ["head", "dist_head"].map((name) =>
    pooledHead(scope.child(name), { channels, classes, initWeight, initBias: zeros }),
  ) as [Layer, Layer];
  return distilled(NETWORK_STAGES, (x, context) => {
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

const published = ofTimm("Apache-2.0", {
  s0: "efficientformerv2_s0.snap_dist_in1k",
  s1: "efficientformerv2_s1.snap_dist_in1k",
  s2: "efficientformerv2_s2.snap_dist_in1k",
  l: "efficientformerv2_l.snap_dist_in1k",
});

export const efficientFormerV2Kind = backboneKind({
  schema,
  make: (scope, config, { imageSide }) => efficientFormerV2(scope, { ...config, biasSide: imageSide / 32 }),
  classifier: (scope, config, { classes, imageSide }) =>
    efficientFormerV2Classifier(scope, { ...config, classes, imageSide }),
  title: ({ variant }) => `EfficientFormerV2-${variant.toUpperCase()}`,
  imagenet: ({ variant }) => published(variant),
  namings: [timm],
  published: { name: "the authors' EfficientFormerV2", mark: /^(backbone\.)?network\.0\.0\.mlp\.mid\.weight$/ },
  adapter: (config) => attentionBiasAdapter(config?.attentionBias),
});
