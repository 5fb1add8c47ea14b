import { z } from "zod";
import { add, inScope } from "../graph/index.js";
import { kaimingNormalFanOut } from "../nn/initialisers.js";
import { type Layer, type NormalisedConvolution, normalisedConvolution, relu6, sequential } from "../nn/layers.js";
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

/** Stages of inverted residual blocks: kernel, expansion, channels, blocks, stride of the first. */
const STAGES = [
  [3, 1, 16, 1, 1],
  [3, 6, 24, 2, 2],
  [5, 6, 40, 2, 2],
  [3, 6, 80, 3, 2],
  [5, 6, 112, 3, 1],
  [5, 6, 192, 4, 2],
  [3, 6, 320, 1, 1],
] as const;
const STEM = 32;
const LAST = 1280;

const schema = backboneSchema("efficientnet", {
  variant: z.enum(["lite0"]).describe("Lite: without squeeze-and-excitation, with ReLU6"),
  origin: z
    .enum(["tensorflow", "timm"])
    .default("tensorflow")
    .describe(
      "Whose weights: tensorflow pads strided convolutions only at the bottom and right, with batch norms of epsilon 1e-3; timm's own pad on all sides, with 1e-5",
    ),
});

type EfficientNetConfig = Pick<z.output<typeof schema>, "variant" | "origin">;

/** Makes a convolution and its batch norm, by their names. */
type Normalised = (names: readonly [conv: string, norm: string], options: NormalisedConvolution) => Layer;

const normalised =
  (scope: ParameterScope, origin: EfficientNetConfig["origin"]): Normalised =>
  ([conv, norm], options) =>
    normalisedConvolution(
      { conv: scope.child(conv), norm: scope.child(norm) },
      {
        ...options,
        ...(origin === "tensorflow" && { padding: "same" }),
        initWeight: kaimingNormalFanOut,
        norm: { epsilon: origin === "tensorflow" ? 1e-3 : 1e-5 },
      },
    );

interface BlockOptions {
  readonly in: number;
  readonly out: number;
  readonly kernel: number;
  readonly stride: number;
  readonly expansion: number;
}

function block(make: Normalised, path: string, options: BlockOptions): Layer {
  const { in: channels, out, kernel, stride, expansion } = options;
  const hidden = channels * expansion;
  const depthwise = { in: hidden, out: hidden, kernel, stride, groups: hidden };
  const body =
    expansion === 1
      ? sequential(make(["conv_dw", "bn1"], depthwise), relu6, make(["conv_pw", "bn2"], { in: hidden, out, kernel: 1 }))
      : sequential(
          make(["conv_pw", "bn1"], { in: channels, out: hidden, kernel: 1 }),
          relu6,
          make(["conv_dw", "bn2"], depthwise),
          relu6,
          make(["conv_pwl", "bn3"], { in: hidden, out, kernel: 1 }),
        );
  const residual = stride === 1 && channels === out;
  return (x, context) => inScope(path, () => (residual ? add(x, body(x, context)) : body(x, context)));
}

/** The stem and the seven stages, those with the same stride together. */
const FREEZABLE: Backbone["stages"] = [
  ["conv_stem", "bn1"],
  ["blocks.0", "blocks.1"],
  ["blocks.2"],
  ["blocks.3", "blocks.4"],
  ["blocks.5", "blocks.6"],
];

/** The stem and the seven stages; names are timm's. */
function trunk(scope: ParameterScope, { origin }: EfficientNetConfig) {
  const stem = sequential(
    normalised(scope, origin)(["conv_stem", "bn1"], { in: 3, out: STEM, kernel: 3, stride: 2 }),
    relu6,
  );
  let channels = STEM;
  const stages = STAGES.map(([kernel, expansion, out, count, first], stage) => {
    const layers = Array.from({ length: count }, (_, i) => {
      const at = scope.child(`blocks.${stage}.${i}`);
      const options = { in: channels, out, kernel, stride: i === 0 ? first : 1, expansion };
      channels = out;
      return block(normalised(at, origin), at.path, options);
    });
    return sequential(...layers);
  });
  return { stem, stages };
}

/**
 * EfficientNet-Lite (Tan and Le 2019, "EfficientNet"; Liu 2020 for Lite) as a dense backbone: the last map at each of
 * the strides 4, 8, 16 and 32.
 */
export function efficientNet(scope: ParameterScope, config: EfficientNetConfig): Backbone {
  const { stem, stages } = trunk(scope, config);
  const [s0, s1, s2, s3, s4, s5, s6] = stages as [Layer, Layer, Layer, Layer, Layer, Layer, Layer];
  const parts = [sequential(stem, s0, s1), s2, sequential(s3, s4), sequential(s5, s6)];
  return fourStages({
    channels: [24, 40, 112, 320],
    parts,
    stages: FREEZABLE,
  });
}

/** EfficientNet-Lite as an ImageNet classifier; without the dropout before the last layer. */
export function efficientNetClassifier(
  scope: ParameterScope,
  { classes, ...config }: EfficientNetConfig & { readonly classes: number },
): Classifier {
  const { stem, stages } = trunk(scope, config);
  const last = normalised(scope, config.origin)(["conv_head", "bn2"], { in: 320, out: LAST, kernel: 1 });
  const head = pooledHead(scope.child("classifier"), { channels: LAST, classes });
  return { stages: FREEZABLE, forward: sequential(stem, ...stages, last, relu6, head) };
}

/** Blocks numbered through all stages, as `blocks.STAGE.BLOCK`. */
function placeOf(number: number): string {
  let first = 0;
  for (const [stage, [, , , count]] of STAGES.entries()) {
    if (number < first + count) return `blocks.${stage}.${number - first}`;
    first += count;
  }
  return `blocks.none.${number}`;
}

/** The names of the EfficientNet-PyTorch package and of its derivatives. */
const numbered: Naming = {
  name: "EfficientNet-PyTorch's EfficientNet",
  mark: /^_blocks\.0\._depthwise_conv\.weight$/,
  renames: [
    [/^_conv_stem\./, "conv_stem."],
    [/^_bn0\./, "bn1."],
    [/^_conv_head\./, "conv_head."],
    [/^_bn1\./, "bn2."],
    [/^_fc\./, "classifier."],
    // The first block has no expansion, so its parts are numbered from one.
    [/^_blocks\.0\._depthwise_conv\./, "blocks.0.0.conv_dw."],
    [/^_blocks\.0\._bn1\./, "blocks.0.0.bn1."],
    [/^_blocks\.0\._project_conv\./, "blocks.0.0.conv_pw."],
    [/^_blocks\.0\._bn2\./, "blocks.0.0.bn2."],
    [/^_blocks\.(\d+)\._expand_conv\./, ([number]) => `${placeOf(Number(number))}.conv_pw.`],
    [/^_blocks\.(\d+)\._bn0\./, ([number]) => `${placeOf(Number(number))}.bn1.`],
    [/^_blocks\.(\d+)\._depthwise_conv\./, ([number]) => `${placeOf(Number(number))}.conv_dw.`],
    [/^_blocks\.(\d+)\._bn1\./, ([number]) => `${placeOf(Number(number))}.bn2.`],
    [/^_blocks\.(\d+)\._project_conv\./, ([number]) => `${placeOf(Number(number))}.conv_pwl.`],
    [/^_blocks\.(\d+)\._bn2\./, ([number]) => `${placeOf(Number(number))}.bn3.`],
  ],
};

const published = ofTimm("Apache-2.0", {
  lite0: "efficientnet_lite0.ra_in1k",
});

export const efficientNetKind = backboneKind({
  schema,
  make: (scope, config) => efficientNet(scope, config),
  classifier: (scope, config, { classes }) => efficientNetClassifier(scope, { ...config, classes }),
  title: () => "EfficientNet-Lite0",
  layers: () =>
    withLast(
      [
        ["conv_stem", "bn1"],
        ...blockLayers(
          STAGES.map(([, , , count]) => count),
          (stage, block) => [`blocks.${stage}.${block}`],
        ),
      ],
      "conv_head",
      "bn2",
    ),
  imagenet: ({ variant }) => published(variant),
  namings: [numbered],
  published: { name: "timm's EfficientNet", mark: /^(backbone\.)?blocks\.0\.0\.conv_dw\.weight$/ },
});
