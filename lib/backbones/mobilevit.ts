import { z } from "zod";
import { add, concat, inScope, reshape, resizeBilinear, transpose, type Value } from "../graph/index.js";
import type { Context } from "../nn/context.js";
import { kaimingNormalFanOut, truncatedNormal, zeros } from "../nn/initialisers.js";
import {
  convolution,
  type Layer,
  layerNorm,
  type NormalisedConvolution,
  normalisedConvolution,
  sequential,
  silu,
} from "../nn/layers.js";
import type { ParameterScope } from "../nn/parameters.js";
import type { Naming } from "../nn/weightNames.js";
import {
  type Backbone,
  backboneKind,
  backboneSchema,
  blockLayers,
  type Classifier,
  fourStages,
  ofTimm,
  pooledHead,
  withLast,
} from "./backbone.js";
import { transformerBlock } from "./transformer.js";

/** Channels of the five stages, blocks of the first two, and channels and blocks of the others' transformers. */
const VARIANTS = {
  xs: { widths: [32, 48, 64, 80, 96], depths: [1, 3], tokens: [96, 120, 144], transformers: [2, 4, 3], last: 384 },
} as const;
const STEM = 16;
const EXPANSION = 4;
const MLP_EXPANSION = 2;
const HEADS = 4;
/** Side of a patch, in cells. */
const PATCH = 2;

const schema = backboneSchema("mobilevit", {
  variant: z.enum(["xs"]).describe("Size of the backbone: xs has 2 M parameters"),
});

type MobileVitConfig = Pick<z.output<typeof schema>, "variant">;

/** A convolution, `conv`, and its batch norm, `bn`. */
const normalised = (scope: ParameterScope, options: NormalisedConvolution): Layer =>
  normalisedConvolution(
    { conv: scope.child("conv"), norm: scope.child("bn") },
    { ...options, initWeight: kaimingNormalFanOut },
  );

/** An inverted residual of MobileNetV2 with SiLU: 1×1 to wide, depthwise 3×3, 1×1 to narrow. */
function invertedResidual(
  scope: ParameterScope,
  { in: channels, out, stride }: { readonly in: number; readonly out: number; readonly stride: number },
): Layer {
  const hidden = channels * EXPANSION;
  const body = sequential(
    normalised(scope.child("conv1_1x1"), { in: channels, out: hidden, kernel: 1 }),
    silu,
    normalised(scope.child("conv2_kxk"), { in: hidden, out: hidden, kernel: 3, stride, groups: hidden }),
    silu,
    normalised(scope.child("conv3_1x1"), { in: hidden, out, kernel: 1 }),
  );
  const residual = stride === 1 && channels === out;
  return (x, context) => inScope(scope.path, () => (residual ? add(x, body(x, context)) : body(x, context)));
}

/**
 * Runs a layer for tokens on a map, separately for each position in a patch: the tokens are that position in all
 * patches.
 */
export function onPatches(x: Value, tokens: (x: Value) => Value): Value {
  const [b, c, h, w] = x.shape as [number, number, number, number];
  const [rows, columns] = [h / PATCH, w / PATCH];
  const patches = transpose(reshape(x, [b, c, rows, PATCH, columns, PATCH]), [0, 3, 5, 2, 4, 1]);
  const y = tokens(reshape(patches, [b * PATCH * PATCH, rows * columns, c]));
  const folded = transpose(reshape(y, [b, PATCH, PATCH, rows, columns, c]), [0, 5, 3, 1, 4, 2]);
  return reshape(folded, [b, c, h, w]);
}

/**
 * Convolutions for local and a transformer for global features, concatenated with the map itself: [B, C, H, W]. A map
 * whose sides are not a whole number of patches is resized up to one and back, as the authors do.
 */
function mobileVitBlock(scope: ParameterScope, channels: number, tokenChannels: number, depth: number): Layer {
  const near = sequential(
    normalised(scope.child("conv_kxk"), { in: channels, out: channels, kernel: 3 }),
    silu,
    convolution(scope.child("conv_1x1"), {
      in: channels,
      out: tokenChannels,
      kernel: 1,
      bias: false,
      initWeight: kaimingNormalFanOut,
    }),
  );
  const far = sequential(
    ...Array.from({ length: depth }, (_, i) =>
      transformerBlock(scope.child(`transformer.${i}`), {
        channels: tokenChannels,
        heads: HEADS,
        expansion: MLP_EXPANSION,
        activation: silu,
      }),
    ),
    layerNorm(scope.child("norm"), tokenChannels),
  );
  const proj = normalised(scope.child("conv_proj"), { in: tokenChannels, out: channels, kernel: 1 });
  const fusion = normalised(scope.child("conv_fusion"), { in: 2 * channels, out: channels, kernel: 3 });
  const forward = (x: Value, context: Context): Value => {
    const map = near(x, context);
    const [height, width] = map.shape.slice(2) as [number, number];
    const whole = [height, width].map((side) => Math.ceil(side / PATCH) * PATCH) as [number, number];
    const mixed = onPatches(resizeBilinear(map, whole), (tokens) => far(tokens, context));
    const y = silu(proj(resizeBilinear(mixed, [height, width]), context), context);
    return silu(fusion(concat([x, y], 1), context), context);
  };
  return (x, context) => inScope(scope.path, () => forward(x, context));
}

const FREEZABLE: Backbone["stages"] = [
  ["stem"],
  ["stages.0", "stages.1"],
  ["stages.2"],
  ["stages.3"],
  ["stages.4", "final_conv"],
];

/** The stem, the five stages and the last 1×1 convolution; names are timm's. */
function trunk(scope: ParameterScope, { variant }: MobileVitConfig) {
  const { widths, depths, tokens, transformers, last } = VARIANTS[variant];
  const stem = sequential(normalised(scope.child("stem"), { in: 3, out: STEM, kernel: 3, stride: 2 }), silu);
  let channels = STEM;
  const stages = widths.map((out, stage) => {
    const here = scope.child(`stages.${stage}`);
    const count = depths[stage] ?? 1;
    const layers = Array.from({ length: count }, (_, i) => {
      const options = { in: channels, out, stride: i === 0 && stage > 0 ? 2 : 1 };
      channels = out;
      return invertedResidual(here.child(i), options);
    });
    const withTransformer = stage - depths.length;
    if (withTransformer >= 0) {
      layers.push(mobileVitBlock(here.child(1), out, tokens[withTransformer]!, transformers[withTransformer]!));
    }
    return sequential(...layers);
  });
  const end = sequential(normalised(scope.child("final_conv"), { in: channels, out: last, kernel: 1 }), silu);
  return { stem, stages, end, channels: [...widths.slice(1, 4), last] };
}

/**
 * MobileViT (Mehta and Rastegari 2022, "MobileViT: Light-weight, General-purpose, and Mobile-friendly Vision
 * Transformer") as a dense backbone: the last map of each of the strides 4, 8, 16 and 32, the very last after the 1×1
 * convolution.
 */
export function mobileVit(scope: ParameterScope, config: MobileVitConfig): Backbone {
  const { stem, stages, end, channels } = trunk(scope, config);
  const [s0, s1, s2, s3, s4] = stages as [Layer, Layer, Layer, Layer, Layer];
  return fourStages({
    channels,
    parts: [sequential(stem, s0, s1), s2, s3, sequential(s4, end)],
    stages: FREEZABLE,
  });
}

/** MobileViT as an ImageNet classifier; without the dropout in its transformers and before the last layer. */
export function mobileVitClassifier(
  scope: ParameterScope,
  { classes, ...config }: MobileVitConfig & { readonly classes: number },
): Classifier {
  const { stem, stages, end, channels } = trunk(scope, config);
  const head = pooledHead(scope.child("head.fc"), {
    channels: channels.at(-1)!,
    classes,
    initWeight: truncatedNormal(0.02),
    initBias: zeros,
  });
  return { stages: FREEZABLE, forward: sequential(stem, ...stages, end, head) };
}

/** The authors' names, those of the CVNets library. */
const cvnets: Naming = {
  name: "the authors' MobileViT",
  mark: /^layer_3\.1\.global_rep\.0\.pre_norm_mha\.0\.weight$/,
  renames: [
    [/^conv_1\./, "stem."],
    [/^conv_1x1_exp\./, "final_conv."],
    [/^classifier\.fc\./, "head.fc."],
    [/^layer_(\d+)\./, ([number]) => `stages.${Number(number) - 1}.`],
    [/\.block\.exp_1x1\./, ".conv1_1x1."],
    [/\.block\.conv_3x3\./, ".conv2_kxk."],
    [/\.block\.red_1x1\./, ".conv3_1x1."],
    [/\.local_rep\.conv_3x3\./, ".conv_kxk."],
    [/\.local_rep\.conv_1x1\.block\.conv\./, ".conv_1x1."],
    [/\.fusion\./, ".conv_fusion."],
    [/\.block\.conv\./, ".conv."],
    [/\.block\.norm\./, ".bn."],
    [/\.global_rep\.\d+\.(weight|bias)$/, ".norm.$1"],
    [/\.global_rep\.(\d+)\./, ".transformer.$1."],
    [/\.pre_norm_mha\.0\./, ".norm1."],
    [/\.pre_norm_mha\.1\.qkv_proj\./, ".attn.qkv."],
    [/\.pre_norm_mha\.1\.out_proj\./, ".attn.proj."],
    [/\.pre_norm_ffn\.0\./, ".norm2."],
    [/\.pre_norm_ffn\.1\./, ".mlp.fc1."],
    [/\.pre_norm_ffn\.4\./, ".mlp.fc2."],
  ],
};

/** The names of the transformers library, which stores queries, keys and values separately. */
const transformers: Naming = {
  name: "transformers' MobileViT",
  mark: /^(mobilevit\.)?encoder\.layer\.2\.conv_kxk\.convolution\.weight$/,
  renames: [
    [/^mobilevit\./, ""],
    [/^conv_stem\./, "stem."],
    [/^conv_1x1_exp\./, "final_conv."],
    [/^classifier\./, "head.fc."],
    [/^encoder\.layer\.(\d+)\.layer\.(\d+)\./, "stages.$1.$2."],
    [/^encoder\.layer\.(\d+)\.downsampling_layer\./, "stages.$1.0."],
    [/^encoder\.layer\.(\d+)\./, "stages.$1.1."],
    [/\.expand_1x1\./, ".conv1_1x1."],
    [/\.conv_3x3\./, ".conv2_kxk."],
    [/\.reduce_1x1\./, ".conv3_1x1."],
    [/\.conv_projection\./, ".conv_proj."],
    [/\.fusion\./, ".conv_fusion."],
    [/\.conv_1x1\.convolution\./, ".conv_1x1."],
    [/\.convolution\./, ".conv."],
    [/\.normalization\./, ".bn."],
    [/\.transformer\.layer\.(\d+)\./, ".transformer.$1."],
    [/\.attention\.attention\.query\.(weight|bias)$/, ".attn.qkv.$1[0]"],
    [/\.attention\.attention\.key\.(weight|bias)$/, ".attn.qkv.$1[1]"],
    [/\.attention\.attention\.value\.(weight|bias)$/, ".attn.qkv.$1[2]"],
    [/\.attention\.output\.dense\./, ".attn.proj."],
    [/\.intermediate\.dense\./, ".mlp.fc1."],
    [/\.output\.dense\./, ".mlp.fc2."],
    [/\.layernorm_before\./, ".norm1."],
    [/\.layernorm_after\./, ".norm2."],
    [/\.layernorm\./, ".norm."],
  ],
};

const published = ofTimm(
  "Apple's licence of CVNets",
  {
    xs: "mobilevit_xs.cvnets_in1k",
  },
  "they are for images from 0 to 1: set data.normalisation to { mean: [0, 0, 0], std: [255, 255, 255] }",
);

export const mobileVitKind = backboneKind({
  schema,
  make: (scope, config) => mobileVit(scope, config),
  classifier: (scope, config, { classes }) => mobileVitClassifier(scope, { ...config, classes }),
  title: ({ variant }) => `MobileViT-${variant.toUpperCase()}`,
  layers: ({ variant }) => {
    const { widths, depths } = VARIANTS[variant];
    // The later stages are a convolution and a transformer block.
    const counts = widths.map((_, stage) => depths[stage] ?? 2);
    return withLast([["stem"], ...blockLayers(counts, (stage, i) => [`stages.${stage}.${i}`])], "final_conv");
  },
  imagenet: ({ variant }) => published(variant),
  namings: [cvnets, transformers],
  published: { name: "timm's MobileViT", mark: /^(backbone\.)?stages\.2\.1\.conv_fusion\.conv\.weight$/ },
});
