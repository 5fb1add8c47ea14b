import { z } from "zod";
import { add, inScope, mean, reshape } from "../graph/index.js";
import { truncatedNormal, zeros } from "../nn/initialisers.js";
import {
  batchNorm,
  convolution,
  gelu,
  type Layer,
  linear,
  type NormalisedConvolution,
  normalisedConvolution,
  sequential,
  squeezeExcitation,
} from "../nn/layers.js";
import type { ParameterScope } from "../nn/parameters.js";
import type { Naming } from "../nn/weightNames.js";
import {
  type Backbone,
  backboneKind,
  backboneSchema,
  blockLayers,
  type Classifier,
  distilled,
  fourStages,
  ofTimm,
} from "./backbone.js";

const VARIANTS = {
  "m0.9": { widths: [48, 96, 192, 384], depths: [2, 2, 14, 2] },
  "m1.1": { widths: [64, 128, 256, 512], depths: [2, 2, 12, 2] },
  "m1.5": { widths: [64, 128, 256, 512], depths: [4, 4, 24, 4] },
  "m2.3": { widths: [80, 160, 320, 640], depths: [6, 6, 34, 2] },
} as const;
const EXPANSION = 2;

const schema = backboneSchema("repvit", {
  variant: z
    .enum(["m0.9", "m1.1", "m1.5", "m2.3"])
    .describe("Named by the latency in milliseconds that the authors measured on a phone"),
  outputs: z
    .enum(["stages", "preBlocks"])
    .default("stages")
    .describe(
      "Dense: what the stages give, as in the authors' Mask R-CNN, or that one block later, before it is halved, as in their Semantic FPN",
    ),
});

type RepVitConfig = Pick<z.output<typeof schema>, "variant">;
type DenseConfig = RepVitConfig & Partial<Pick<z.output<typeof schema>, "outputs">>;

/** A convolution, `c`, and its batch norm, `bn`. */
const normalised = (scope: ParameterScope, options: NormalisedConvolution): Layer =>
  normalisedConvolution({ conv: scope.child("c"), norm: scope.child("bn") }, options);

/**
 * Depthwise mixing of neighbouring pixels by three branches, 3×3, 1×1 and the map itself, followed by a norm of their
 * sum. In inference they are one 3×3 convolution (see lib/graph/passes/foldBranches.ts).
 */
function mixer(scope: ParameterScope, channels: number): Layer {
  const wide = normalised(scope.child("conv"), { in: channels, out: channels, kernel: 3, groups: channels });
  const point = convolution(scope.child("conv1"), { in: channels, out: channels, kernel: 1, groups: channels });
  const norm = batchNorm(scope.child("bn"), channels);
  return (x, context) => norm(add(add(wide(x, context), point(x, context)), x), context);
}

/** The multiple of 8 nearest to a quarter. */
const squeezed = (channels: number) => Math.max(8, Math.floor((channels / 4 + 4) / 8) * 8);

/** x plus a pointwise MLP of x, which starts at zero. */
function residualMlp(scope: ParameterScope, channels: number): Layer {
  const hidden = channels * EXPANSION;
  const body = sequential(
    normalised(scope.child("conv1"), { in: channels, out: hidden, kernel: 1 }),
    gelu,
    normalised(scope.child("conv2"), { in: hidden, out: channels, kernel: 1, norm: { initialScale: 0 } }),
  );
  return (x, context) => add(x, body(x, context));
}

function block(scope: ParameterScope, channels: number, withSqueeze: boolean): Layer {
  const layers = sequential(
    mixer(scope.child("token_mixer"), channels),
    ...(withSqueeze ? [squeezeExcitation(scope.child("se"), { channels, hidden: squeezed(channels) })] : []),
    residualMlp(scope.child("channel_mixer"), channels),
  );
  return (x, context) => inScope(scope.path, () => layers(x, context));
}

/** Halves the map: a block, `before`, then a depthwise and a pointwise convolution, then an MLP. */
function downsample(
  scope: ParameterScope,
  from: number,
  to: number,
): { readonly before: Layer; readonly halve: Layer } {
  const before = block(scope.child("pre_block"), from, false);
  const halve = sequential(
    normalised(scope.child("spatial_downsample"), { in: from, out: from, kernel: 3, stride: 2, groups: from }),
    normalised(scope.child("channel_downsample"), { in: from, out: to, kernel: 1 }),
    residualMlp(scope.child("ffn"), to),
  );
  return { before, halve };
}

const FREEZABLE: Backbone["stages"] = [["stem"], ["stages.0"], ["stages.1"], ["stages.2"], ["stages.3"]];

/**
 * The four stages, each with what is `before` it: the stem, or a block at the size of the previous stage; names are
 * timm's.
 */
function trunk(scope: ParameterScope, { variant }: RepVitConfig) {
  const { widths, depths } = VARIANTS[variant];
  const half = widths[0] / 2;
  const stem = sequential(
    normalised(scope.child("stem.conv1"), { in: 3, out: half, kernel: 3, stride: 2 }),
    gelu,
    normalised(scope.child("stem.conv2"), { in: half, out: widths[0], kernel: 3, stride: 2 }),
  );
  const stages = widths.map((channels, stage) => {
    const here = scope.child(`stages.${stage}`);
    const joint = stage === 0 ? undefined : downsample(here.child("downsample"), widths[stage - 1]!, channels);
    // Every second block has squeeze-and-excitation, starting with the first.
    const blocks = Array.from({ length: depths[stage]! }, (_, i) =>
      block(here.child(`blocks.${i}`), channels, i % 2 === 0),
    );
    return {
      before: joint?.before ?? stem,
      layers: sequential(...(joint === undefined ? [] : [joint.halve]), ...blocks),
    };
  });
  return { stages, widths };
}

/**
 * RepViT (Wang et al. 2024, "RepViT: Revisiting Mobile CNN From ViT Perspective") as a dense backbone: the outputs of its four
 * stages, at strides 4, 8, 16 and 32.
 */
export function repVit(scope: ParameterScope, { outputs = "stages", ...config }: DenseConfig): Backbone {
  const { stages, widths } = trunk(scope, config);
  const parts = stages.map(({ before, layers }, i) => {
    if (outputs === "stages") return sequential(before, layers);
    const next = stages[i + 1];
    return sequential(...(i === 0 ? [before] : []), layers, ...(next === undefined ? [] : [next.before]));
  });
  return fourStages({
    channels: widths,
    parts,
    stages: FREEZABLE,
  });
}

/** RepViT as an ImageNet classifier, with a separate head for distillation. */
export function repVitClassifier(
  scope: ParameterScope,
  { classes, ...config }: RepVitConfig & { readonly classes: number },
): Classifier {
  const { stages, widths } = trunk(scope, config);
  const channels = widths[3];
  const heads = ["head.head", "head.head_dist"].map((path) => {
    const norm = batchNorm(scope.child(`${path}.bn`), channels);
    const initWeight = truncatedNormal(0.02);
    const out = linear(scope.child(`${path}.l`).ofOutput(), {
      in: channels,
      out: classes,
      initWeight,
      initBias: zeros,
    });
    return sequential(norm, (x) => reshape(x, x.shape.slice(0, 2)), out);
  }) as [Layer, Layer];
  const body = stages.flatMap(({ before, layers }) => [before, layers]);
  const features = sequential(...body, (x) => mean(x, { axes: [2, 3], keepDims: true })); // [B, C, 1, 1]
  return distilled(FREEZABLE, (x, context) => {
    const pooled = features(x, context);
    return [heads[0](pooled, context), heads[1](pooled, context)];
  });
}

/**
 * The authors number all blocks in one list; a strided block connects two stages, and the block before it belongs to
 * it.
 */
function placeOf(number: number, names: readonly string[]): { stage: number; part: string } {
  const joins = names
    .map((name) => /\bfeatures\.(\d+)\.token_mixer\.0\.c\.weight$/.exec(name)?.[1])
    .filter((found) => found !== undefined)
    .map(Number)
    .sort((a, b) => a - b);
  const passed = joins.filter((join) => join <= number).length;
  if (joins.includes(number)) return { stage: passed, part: "downsample" };
  if (joins.includes(number + 1)) return { stage: passed + 1, part: "downsample.pre_block" };
  const first = passed === 0 ? 1 : joins[passed - 1]! + 1;
  return { stage: passed, part: `blocks.${number - first}` };
}

const pathOf = (number: string | undefined, names: readonly string[]): string => {
  const { stage, part } = placeOf(Number(number), names);
  return `stages.${stage}.${part}`;
};

const authors: Naming = {
  name: "the authors' RepViT",
  mark: /^(backbone\.)?features\.1\.token_mixer\.0\.conv\.c\.weight$/,
  renames: [
    [/\bfeatures\.0\.0\./, "stem.conv1."],
    [/\bfeatures\.0\.2\./, "stem.conv2."],
    [/\bfeatures\.(\d+)\.token_mixer\.0\.(?=c\.|bn\.(?!.*\bconv))/, ([n], names) => joinOrMixer(n, names)],
    [/\bfeatures\.(\d+)\.token_mixer\.0\./, ([n], names) => `${pathOf(n, names)}.token_mixer.`],
    [/\bfeatures\.(\d+)\.token_mixer\.1\./, ([n], names) => `${pathOf(n, names)}.se.`],
    [/\bfeatures\.(\d+)\.token_mixer\.2\./, ([n], names) => `${pathOf(n, names)}.channel_downsample.`],
    [/\bfeatures\.(\d+)\.channel_mixer\.m\.0\./, ([n], names) => `${mlpOf(n, names)}.conv1.`],
    [/\bfeatures\.(\d+)\.channel_mixer\.m\.2\./, ([n], names) => `${mlpOf(n, names)}.conv2.`],
    [/^classifier\.classifier\./, "head.head."],
    [/^classifier\.classifier_dist\./, "head.head_dist."],
  ],
};

/** Recognises what timm and the authors export for inference, so that a message can say why it is not accepted. */
const folded: Naming = {
  name: "a RepViT whose branches are folded into one; take the file from before that",
  mark: /^(stages\.0\.blocks\.0\.token_mixer|features\.1\.token_mixer\.0)\.weight$/,
  renames: [],
};

/** The first layer of a block: the strided convolution if it connects stages, otherwise the mixer. */
function joinOrMixer(number: string | undefined, names: readonly string[]): string {
  const path = pathOf(number, names);
  return path.endsWith(".downsample") ? `${path}.spatial_downsample.` : `${path}.token_mixer.`;
}

function mlpOf(number: string | undefined, names: readonly string[]): string {
  const path = pathOf(number, names);
  return path.endsWith(".downsample") ? `${path}.ffn` : `${path}.channel_mixer`;
}

const published = ofTimm("Apache-2.0", {
  "m0.9": "repvit_m0_9.dist_300e_in1k",
  "m1.1": "repvit_m1_1.dist_300e_in1k",
  "m1.5": "repvit_m1_5.dist_300e_in1k",
  "m2.3": "repvit_m2_3.dist_300e_in1k",
});

export const repVitKind = backboneKind({
  schema,
  make: (scope, config) => repVit(scope, config),
  classifier: (scope, config, { classes }) => repVitClassifier(scope, { ...config, classes }),
  title: ({ variant }) => `RepViT-${variant.toUpperCase()}`,
  layers: ({ variant }) => [
    ["stem"],
    ...blockLayers(VARIANTS[variant].depths, (stage, block) => [
      `stages.${stage}.blocks.${block}`,
      ...(block === 0 && stage > 0 ? [`stages.${stage}.downsample`] : []),
    ]),
  ],
  imagenet: ({ variant }) => published(variant),
  namings: [authors, folded],
  published: { name: "timm's RepViT", mark: /^(backbone\.)?stages\.0\.blocks\.0\.token_mixer\.conv\.c\.weight$/ },
});
