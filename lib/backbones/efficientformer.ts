import { z } from "zod";
import { type Layer, sequential } from "../nn/layers.js";
import type { ParameterScope } from "../nn/parameters.js";
import type { Naming, Renamer } from "../nn/weightNames.js";
import { positive } from "../schemas/fields.js";
import { type AttentionBias, denseBias, gridBias } from "./attention.js";
import { attentionBiasAdapter, attentionBiasKey } from "./attentionBias.js";
import { type Backbone, backboneKind, backboneSchema, type Classifier, dropPathKey, ofTimm } from "./backbone.js";
import {
  denseModel,
  embedding,
  mb3d,
  mb4d,
  stem,
  type Trunk,
  toTokens,
  trunkClassifier,
} from "./efficientformerParts.js";
import {
  attentionOf,
  EFFICIENTFORMER_SIZES,
  type EfficientFormerSize,
  type EfficientFormerVariant,
  sizeKey,
  titleOfSize,
} from "./efficientformerSizes.js";
import { joinPlace, stagePlace } from "./networkPlaces.js";

const VARIANTS = ["l1", "l3", "l7", "nano"] as const satisfies readonly EfficientFormerVariant[];

const schema = backboneSchema("efficientformer", {
  variant: z
    .enum(VARIANTS)
    .exactOptional()
    .describe("Published size of the backbone; nano is about 1 M parameters; either this or size"),
  size: sizeKey.exactOptional().describe("A size of one's own, such as a search finds; either this or variant"),
  dropPath: dropPathKey,
  layerScaleInit: positive("Initial value of the layer scales").default(1e-5),
  attentionBias: attentionBiasKey,
}).superRefine(({ variant, size }, context) => {
  if (variant === undefined && size === undefined) {
    const message = `is missing; it must be one of ${VARIANTS.join(", ")}, or size must be set`;
    context.addIssue({ code: "custom", path: ["variant"], message });
  }
  if (variant !== undefined && size !== undefined) {
    const message = "variant and size are both set; delete one by setting it to null";
    context.addIssue({ code: "custom", path: ["size"], message });
  }
});

export interface EfficientFormerOptions {
  readonly size: EfficientFormerSize;
  /** Stochastic depth of the last block; it grows linearly from 0 at the first. */
  readonly dropPath?: number;
  readonly layerScaleInit?: number;
}

/**
 * The layers all EfficientFormers share, with the parameter names of the official checkpoints: `network` holds stages
 * and embeddings in turn, and the switch to tokens takes an entry of its own in the list of the stage where it is.
 *
 * @param biasOf the attention bias of a stage's blocks; stages are counted from 0
 */
function trunk(
  scope: ParameterScope,
  { size, dropPath: lastDropPath = 0, layerScaleInit = 1e-5 }: EfficientFormerOptions,
  biasOf: (stage: number) => AttentionBias,
): Trunk {
  const { widths, depths } = size;
  const attention = attentionOf(size);
  const blocks = depths.reduce((a, b) => a + b, 0);
  const stemLayer = stem(scope.child("patch_embed"), widths[0]);
  const network = scope.child("network");
  const stages: Layer[] = [];
  const embeddings: Layer[] = [];
  let index = 0;
  widths.forEach((channels, stage) => {
    const here = network.child(stage * 2);
    const firstAttention = depths[stage]! - attention[stage]!;
    const layers: Layer[] = [];
    for (let i = 0; i < depths[stage]!; i++) {
      const block = { channels, dropPath: (lastDropPath * index++) / (blocks - 1), layerScaleInit };
      if (i === firstAttention) layers.push(toTokens);
      layers.push(i < firstAttention ? mb4d(here.child(i), block) : mb3d(here.child(i + 1), block, biasOf(stage)));
    }
    stages.push(sequential(...layers));
    if (stage < 3) embeddings.push(embedding(network.child(stage * 2 + 1), channels, widths[stage + 1]!));
  });
  return { stem: stemLayer, stages, embeddings };
}

/** Where the attention bias of a dense model was made: its side in tokens (25 for 800-pixel images, 16 for 512). */
export interface DenseOptions extends EfficientFormerOptions {
  /** Of the last stage; the one before has twice as many. */
  readonly biasSide: number;
}

/** The side of a stage's map, where the last one's is known. */
export const sideOf = (stage: number, lastSide: number): number => lastSide * 2 ** (3 - stage);

/** The side of the last stage's map of images of 224 × 224, which classifiers are made for. */
export const CLASSIFIER_SIDE = 7;

/**
 * EfficientFormer as a dense backbone: four maps at strides 4, 8, 16 and 32, each through a group norm of its own
 * (`norm0`, `norm2`, `norm4`, `norm6`).
 */
export function efficientFormer(scope: ParameterScope, options: DenseOptions): Backbone {
  const layers = trunk(scope, options, (stage) => denseBias({ side: sideOf(stage, options.biasSide) }));
  return denseModel(scope, layers, options.size.widths);
}

/** EfficientFormer as an ImageNet classifier, made for images of 224 × 224. */
export function efficientFormerClassifier(
  scope: ParameterScope,
  options: EfficientFormerOptions & { readonly classes: number },
): Classifier {
  const layers = trunk(scope, options, (stage) => gridBias({ side: sideOf(stage, CLASSIFIER_SIDE) }));
  return trunkClassifier(scope, layers, { channels: options.size.widths[3], classes: options.classes });
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

/** A config's size: a published one, or its own. */
export function sizeOf({ variant, size }: Pick<z.output<typeof schema>, "variant" | "size">): EfficientFormerSize {
  return size ?? EFFICIENTFORMER_SIZES[variant!]; // the schema sees to it that there is one of the two
}

const published = ofTimm("Apache-2.0", {
  l1: "efficientformer_l1.snap_dist_in1k",
  l3: "efficientformer_l3.snap_dist_in1k",
  l7: "efficientformer_l7.snap_dist_in1k",
});

export const efficientFormerKind = backboneKind({
  schema,
  make: (scope, { dropPath, layerScaleInit, ...config }, { imageSide }) =>
    efficientFormer(scope, { size: sizeOf(config), dropPath, layerScaleInit, biasSide: imageSide / 32 }),
  classifier: (scope, { dropPath, layerScaleInit, ...config }, { classes }) =>
    efficientFormerClassifier(scope, { size: sizeOf(config), dropPath, layerScaleInit, classes }),
  title: ({ variant, size }) =>
    `EfficientFormer ${size !== undefined ? titleOfSize(size) : variant === "nano" ? variant : variant!.toUpperCase()}`,
  imagenet: ({ variant, size }) => (size === undefined ? published(variant) : undefined),
  namings: [timmEfficientFormer, transformersEfficientFormer],
  published: { name: "the authors' EfficientFormer", mark: /^(backbone\.)?network\.6\.\d+\.token_mixer\.qkv\.weight$/ },
  adapter: (config) => attentionBiasAdapter(config?.attentionBias),
});
