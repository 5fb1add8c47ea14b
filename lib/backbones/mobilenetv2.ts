import { z } from "zod";
import { add, inScope } from "../graph/index.js";
import { kaimingNormalFanOut, normal, zeros } from "../nn/initialisers.js";
import { type Layer, type NormalisedConvolution, normalisedConvolution, relu6, sequential } from "../nn/layers.js";
import type { ParameterScope } from "../nn/parameters.js";
import type { Naming } from "../nn/weightNames.js";
import {
  type Backbone,
  backboneKind,
  backboneSchema,
  type Classifier,
  fourStages,
  ofTimm,
  pooledHead,
  withLast,
} from "./backbone.js";

/** Groups of inverted residual blocks: expansion, channels at width 1, blocks, stride of the first. */
const BLOCKS = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;
const STEM = 32;
const LAST = 1280;

const schema = backboneSchema("mobilenetv2", {
  variant: z.enum(["x1.0", "x1.4"]).describe("Factor on the number of channels"),
});

type MobileNetConfig = Pick<z.output<typeof schema>, "variant">;

/** The nearest multiple of 8 that is not smaller by more than a tenth (the authors' rounding of channels). */
function rounded(channels: number): number {
  const nearest = Math.max(8, Math.floor((channels + 4) / 8) * 8);
  return nearest < 0.9 * channels ? nearest + 8 : nearest;
}

/** A convolution and its batch norm, entries `at` and `at + 1` of a list. */
const normalised = (scope: ParameterScope, at: number, options: NormalisedConvolution): Layer =>
  normalisedConvolution(
    { conv: scope.child(at), norm: scope.child(at + 1) },
    { ...options, initWeight: kaimingNormalFanOut },
  );

/** An inverted residual: 1×1 to wide, depthwise 3×3, 1×1 to narrow, the last without activation (Sandler et al. 2018). */
function invertedResidual(
  scope: ParameterScope,
  { in: channels, out, stride, expansion }: { in: number; out: number; stride: number; expansion: number },
): Layer {
  const hidden = channels * expansion;
  const conv = scope.child("conv");
  const wide = expansion === 1 ? [] : [normalised(conv.child(0), 0, { in: channels, out: hidden, kernel: 1 }), relu6];
  const depth = conv.child(wide.length === 0 ? 0 : 1);
  const last = wide.length === 0 ? 1 : 2;
  const body = sequential(
    ...wide,
    normalised(depth, 0, { in: hidden, out: hidden, kernel: 3, stride, groups: hidden }),
    relu6,
    normalised(conv, last, { in: hidden, out, kernel: 1 }),
  );
  const residual = stride === 1 && channels === out;
  return (x, context) => inScope(scope.path, () => (residual ? add(x, body(x, context)) : body(x, context)));
}

/**
 * `features` of torchvision's list, cut after the last layer of each stride, 2, 4, 8, 16 and 32: the first part is the stem.
 */
function trunk(scope: ParameterScope, { variant }: MobileNetConfig) {
  const width = Number(variant.slice(1));
  const features = scope.child("features");
  const parts: { layers: Layer[]; paths: string[]; channels: number }[] = [];
  let channels = rounded(STEM * width);
  let index = 0;
  const append = (stride: number, out: number, make: (at: ParameterScope) => Layer) => {
    if (stride === 2) parts.push({ layers: [], paths: [], channels: out });
    const part = parts.at(-1)!;
    part.paths.push(`features.${index}`);
    part.layers.push(make(features.child(index++)));
    part.channels = out;
    channels = out;
  };
  append(2, channels, (at) => sequential(normalised(at, 0, { in: 3, out: channels, kernel: 3, stride: 2 }), relu6));
  for (const [expansion, base, count, first] of BLOCKS) {
    const out = rounded(base * width);
    for (let i = 0; i < count; i++) {
      const stride = i === 0 ? first : 1;
      append(stride, out, (at) => invertedResidual(at, { in: channels, out, stride, expansion }));
    }
  }
  const last = rounded(LAST * Math.max(1, width));
  append(1, last, (at) => sequential(normalised(at, 0, { in: channels, out: last, kernel: 1 }), relu6));
  return parts.map(({ layers, ...part }) => ({ ...part, layer: sequential(...layers) }));
}

const stagesOf = (parts: readonly { readonly paths: readonly string[] }[]) => parts.map(({ paths }) => paths);

/**
 * MobileNetV2 (Sandler et al. 2018, "Inverted Residuals and Linear Bottlenecks") as a dense backbone: the last map of
 * each of the strides 4, 8, 16 and 32, the very last after the 1×1 convolution to 1280 channels. Parameter names are
 * torchvision's.
 */
export function mobileNetV2(scope: ParameterScope, config: MobileNetConfig): Backbone {
  const parts = trunk(scope, config);
  const [stem, first, ...rest] = parts.map(({ layer }) => layer) as [Layer, Layer, ...Layer[]];
  return fourStages({
    channels: parts.slice(1).map(({ channels }) => channels),
    parts: [sequential(stem, first), ...rest],
    stages: stagesOf(parts),
  });
}

/** MobileNetV2 as an ImageNet classifier; without the dropout before the last layer. */
export function mobileNetV2Classifier(
  scope: ParameterScope,
  { classes, ...config }: MobileNetConfig & { readonly classes: number },
): Classifier {
  const parts = trunk(scope, config);
  const { channels } = parts.at(-1)!;
  const head = pooledHead(scope.child("classifier.1"), {
    channels,
    classes,
    initWeight: normal(0.01),
    initBias: zeros,
  });
  return { stages: stagesOf(parts), forward: sequential(...parts.map(({ layer }) => layer), head) };
}

/** The index of a group's block in torchvision's list; the stem is 0. */
const featureOf = (group = "", block = ""): string => {
  const before = BLOCKS.slice(0, Number(group)).reduce((sum, [, , count]) => sum + count, 0);
  return `features.${1 + before + Number(block)}`;
};

/** Other parts of a block have the same names as EfficientNet's, whose groups have other lengths. */
const timm: Naming = {
  name: "timm's MobileNetV2",
  mark: /^blocks\.3\.3\.conv_pw\.weight$/,
  unless: /^(blocks\.5\.3\.|conv_head\.bias$)|\.se\./,
  renames: [
    [/^conv_stem\./, "features.0.0."],
    [/^bn1\./, "features.0.1."],
    [/^conv_head\./, "features.18.0."],
    [/^bn2\./, "features.18.1."],
    [/^classifier\./, "classifier.1."],
    // The first block does not widen.
    [/^blocks\.0\.0\.conv_dw\./, "features.1.conv.0.0."],
    [/^blocks\.0\.0\.bn1\./, "features.1.conv.0.1."],
    [/^blocks\.0\.0\.conv_pw\./, "features.1.conv.1."],
    [/^blocks\.0\.0\.bn2\./, "features.1.conv.2."],
    [/^blocks\.(\d+)\.(\d+)\.conv_pw\./, ([group, block]) => `${featureOf(group, block)}.conv.0.0.`],
    [/^blocks\.(\d+)\.(\d+)\.bn1\./, ([group, block]) => `${featureOf(group, block)}.conv.0.1.`],
    [/^blocks\.(\d+)\.(\d+)\.conv_dw\./, ([group, block]) => `${featureOf(group, block)}.conv.1.0.`],
    [/^blocks\.(\d+)\.(\d+)\.bn2\./, ([group, block]) => `${featureOf(group, block)}.conv.1.1.`],
    [/^blocks\.(\d+)\.(\d+)\.conv_pwl\./, ([group, block]) => `${featureOf(group, block)}.conv.2.`],
    [/^blocks\.(\d+)\.(\d+)\.bn3\./, ([group, block]) => `${featureOf(group, block)}.conv.3.`],
  ],
};

const published = ofTimm("Apache-2.0", {
  "x1.0": "mobilenetv2_100.ra_in1k",
  "x1.4": "mobilenetv2_140.ra_in1k",
});

export const mobileNetV2Kind = backboneKind({
  schema,
  make: (scope, config) => mobileNetV2(scope, config),
  classifier: (scope, config, { classes }) => mobileNetV2Classifier(scope, { ...config, classes }),
  title: ({ variant }) => `MobileNetV2 ×${variant.slice(1)}`,
  layers: () => {
    const blocks = BLOCKS.reduce((sum, [, , count]) => sum + count, 0);
    const features = Array.from({ length: blocks + 1 }, (_, i) => [`features.${i}`]);
    return withLast(features, `features.${blocks + 1}`);
  },
  imagenet: ({ variant }) => published(variant),
  namings: [timm],
  published: { name: "torchvision's MobileNetV2", mark: /^(backbone\.)?features\.1\.conv\.0\.0\.weight$/ },
});
