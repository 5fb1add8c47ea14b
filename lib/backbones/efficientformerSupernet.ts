import { add, div, mul, reshape, softmax, split, type Value } from "../graph/index.js";
import type { Context } from "../nn/context.js";
import { ones, zeros } from "../nn/initialisers.js";
import { groupNorm, type Layer, layerNorm, sequential } from "../nn/layers.js";
import type { Parameter, ParameterScope } from "../nn/parameters.js";
import { positive } from "../schemas/fields.js";
import { type AttentionBias, denseBias, gridBias } from "./attention.js";
import { attentionBiasAdapter, attentionBiasKey } from "./attentionBias.js";
import { backboneKind, backboneSchema, dropPathKey } from "./backbone.js";
import { CLASSIFIER_SIDE, sideOf } from "./efficientformer.js";
import {
  type BlockOptions,
  denseModel,
  embedding,
  mb3d,
  mb4d,
  type NormOf,
  stem,
  type Trunk,
  toMap,
  toTokens,
  trunkClassifier,
} from "./efficientformerParts.js";
import { attentionOf, type EfficientFormerSize, sizeKey, titleOfSize } from "./efficientformerSizes.js";

const schema = backboneSchema("efficientformerSupernet", {
  size: sizeKey.describe(
    "The largest network to be found in it; its attentionBlocks are those of the last blocks that may be MB3D",
  ),
  dropPath: dropPathKey,
  layerScaleInit: positive("Initial value of the layer scales").default(1e-5),
  attentionBias: attentionBiasKey,
});

/** What a MetaPath may be. */
export type PathChoice = "MB4D" | "MB3D" | "identity";

/** Where a block may be: stages and their blocks are counted from 0. */
export interface BlockPlace {
  readonly stage: number;
  readonly block: number;
}

const CONVOLUTIONAL = ["MB4D", "identity"] as const;
const EITHER = ["MB4D", "MB3D", "identity"] as const;

/** The MetaPaths of a supernet, in the order the image passes them, and what each may be. */
export function pathsOfSupernet(
  size: EfficientFormerSize,
): (BlockPlace & { readonly choices: readonly PathChoice[] })[] {
  const attention = attentionOf(size);
  return size.depths.flatMap((depth, stage) =>
    Array.from({ length: depth }, (_, block) => {
      const attends = block >= depth - attention[stage]!;
      return { stage, block, choices: attends ? EITHER : CONVOLUTIONAL };
    }),
  );
}

/** The names of what a supernet has and an EfficientFormer has not, within the backbone. */
export const SUPERNET_NAMES = {
  /** [choices] How much each counts. */
  alpha: ({ stage, block }: BlockPlace): string => `alpha.${stage * 2}.${block}`,
  /** [1] */
  temperature: "temperature",
  /** [channels] 1 for the channels of a stage that count; narrower networks are tried with fewer, training has all. */
  kept: (stage: number): string => `kept.${stage * 2}`,
  /** The module of a block. */
  block: ({ stage, block }: BlockPlace, choice: "MB4D" | "MB3D"): string =>
    `network.${stage * 2}.${block}.${choice.toLowerCase()}`,
} as const;

interface SupernetOptions {
  readonly size: EfficientFormerSize;
  readonly dropPath: number;
  readonly layerScaleInit: number;
  /** The attention bias of a stage's blocks. */
  readonly biasOf: (stage: number) => AttentionBias;
}

interface Supernet {
  readonly trunk: Trunk;
  /** Norms over the channels of a stage that are kept. */
  readonly layerNormOf: (stage: number) => NormOf;
  readonly groupNormOf: (stage: number) => NormOf;
}

/**
 * The supernet of latency-driven slimming (EfficientFormer, section 3.3): in the place of each block all that may be there,
 * mixed: x ← Σ softmax((α + ε) / τ) · MB(x) over MB4D, MB3D and the identity, with ε ~ U(0, 1) in training and 0 else.
 * All else is an EfficientFormer's own, and so are the blocks, but for one more step in the names of their parameters, `mb4d`
 * or `mb3d`. MB3D turns maps into tokens and back: only once blocks are chosen is it known where the switch is.
 */
function supernet(scope: ParameterScope, options: SupernetOptions): Supernet {
  const { size, dropPath: lastDropPath, layerScaleInit, biasOf } = options;
  const { widths } = size;
  const paths = pathsOfSupernet(size);
  const shares = sharesOf(scope, paths);
  const kept = widths.map((channels, stage) => scope.parameter(SUPERNET_NAMES.kept(stage), [channels], "buffer", ones));
  const layerNormOf = (stage: number) => keeping(layerNorm, kept[stage]!);
  const groupNormOf = (stage: number) => keeping(groupNorm, kept[stage]!);
  const stemLayer = stem(scope.child("patch_embed"), widths[0]);
  const stages = widths.map((channels, stage) => {
    const layers = paths.flatMap((path, i) => {
      if (path.stage !== stage) return [];
      const dropPath = (lastDropPath * i) / (paths.length - 1);
      const block = { channels, dropPath, layerScaleInit, norm: layerNormOf(stage) };
      return [mixed(scope, path, { block, bias: biasOf(stage), shares: shares[i]! })];
    });
    return sequential(...layers);
  });
  const embeddings = widths.slice(1).map((to, stage) => {
    return embedding(scope.child(`network.${stage * 2 + 1}`), widths[stage]!, to);
  });
  return { trunk: { stem: stemLayer, stages, embeddings }, layerNormOf, groupNormOf };
}

const keeping =
  (norm: typeof layerNorm | typeof groupNorm, kept: Parameter): NormOf =>
  (scope, channels) =>
    norm(scope, channels, { kept });

/** [choices] How much of each is taken; they sum to 1. */
type Shares = (context: Context) => Value;

function sharesOf(scope: ParameterScope, paths: ReturnType<typeof pathsOfSupernet>): Shares[] {
  const alphas = paths.map((path) =>
    scope.parameter(SUPERNET_NAMES.alpha(path), [path.choices.length], "alpha", zeros),
  );
  const temperature = scope.parameter(SUPERNET_NAMES.temperature, [1], "buffer", ones);
  return alphas.map((parameter) => (context) => {
    const alpha = context.value(parameter);
    const noisy = context.training ? add(alpha, context.noise(`${parameter.name}.noise`, parameter.shape)) : alpha;
    return softmax(div(noisy, context.value(temperature)), 0);
  });
}

interface MixedOptions {
  readonly block: BlockOptions;
  readonly bias: AttentionBias;
  readonly shares: Shares;
}

/** All that may be at a place, on maps [B, C, H, W], each in its share. */
function mixed(
  scope: ParameterScope,
  path: ReturnType<typeof pathsOfSupernet>[number],
  { block, bias, shares }: MixedOptions,
): Layer {
  const make: Readonly<Record<PathChoice, () => Layer>> = {
    MB4D: () => mb4d(scope.child(SUPERNET_NAMES.block(path, "MB4D")), block),
    MB3D: () => onMaps(mb3d(scope.child(SUPERNET_NAMES.block(path, "MB3D")), block, bias)),
    identity: () => (x) => x,
  };
  const layers = path.choices.map((choice) => make[choice]());
  return (x, context) => {
    const sizes = layers.map(() => 1);
    const parts = split(shares(context), 0, sizes).map((share, i) =>
      mul(layers[i]!(x, context), reshape(share, [1, 1, 1, 1])),
    );
    return parts.reduce((a, b) => add(a, b));
  };
}

/** A layer of tokens on maps. */
const onMaps =
  (layer: Layer): Layer =>
  (x, context) => {
    const [, , height, width] = x.shape as [number, number, number, number];
    return toMap(layer(toTokens(x), context), [height, width]);
  };

export const efficientFormerSupernetKind = backboneKind({
  schema,
  make(scope, config, { imageSide }) {
    const biasOf = (stage: number) => denseBias({ side: sideOf(stage, imageSide / 32) });
    const { trunk, groupNormOf } = supernet(scope, { ...config, biasOf });
    return denseModel(scope, trunk, config.size.widths, groupNormOf);
  },
  classifier(scope, config, { classes }) {
    const biasOf = (stage: number) => gridBias({ side: sideOf(stage, CLASSIFIER_SIDE) });
    const { trunk, layerNormOf } = supernet(scope, { ...config, biasOf });
    return trunkClassifier(scope, trunk, { channels: config.size.widths[3], classes, norm: layerNormOf(3) });
  },
  title: ({ size }) => `EfficientFormer supernet ${titleOfSize(size)}`,
  namings: [],
  published: { name: "a supernet of EfficientFormers", mark: /^(backbone\.)?network\.6\.\d+\.mb4d\.layer_scale_1$/ },
  choices: ({ size }) => ({
    paths: pathsOfSupernet(size).map((path) => ({ ...path, alpha: SUPERNET_NAMES.alpha(path) })),
    temperature: SUPERNET_NAMES.temperature,
  }),
  adapter: (config) => attentionBiasAdapter(config?.attentionBias),
});
