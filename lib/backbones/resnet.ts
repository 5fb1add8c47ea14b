import { z } from "zod";
import { add, inScope, maxPool } from "../graph/index.js";
import { kaimingNormalFanOut } from "../nn/initialisers.js";
import { type Layer, type NormalisedConvolution, normalisedConvolution, relu, sequential } from "../nn/layers.js";
import type { ParameterScope } from "../nn/parameters.js";
import {
  type Backbone,
  backboneKind,
  backboneSchema,
  blockLayers,
  type Classifier,
  fourStages,
  ofTimm,
  pooledHead,
} from "./backbone.js";

const STEM = 64;
/** Channels inside the blocks of the four stages. */
const WIDTHS = [64, 128, 256, 512] as const;

/** Blocks of the four stages, and how many times wider a block's output is than its inside. */
const VARIANTS = {
  18: { depths: [2, 2, 2, 2], expansion: 1 },
  34: { depths: [3, 4, 6, 3], expansion: 1 },
  50: { depths: [3, 4, 6, 3], expansion: 4 },
  101: { depths: [3, 4, 23, 3], expansion: 4 },
} as const;

const schema = backboneSchema("resnet", {
  variant: z.literal([18, 34, 50, 101]).describe("Number of layers"),
  style: z
    .enum(["pytorch", "caffe"])
    .default("pytorch")
    .describe(
      "Where a bottleneck strides: in its 3×3 convolution (torchvision, timm) or in its first 1×1 (Caffe's weights)",
    ),
  outputStride: z
    .literal([8, 16, 32])
    .default(32)
    .describe(
      "Image pixels per pixel of the last map; below 32 the last stages dilate their 3×3 convolutions instead of striding (50 and 101)",
    ),
}).superRefine(({ variant, outputStride }, context) => {
  if (outputStride < 32 && VARIANTS[variant].expansion === 1) {
    const message = `${outputStride} needs blocks of three convolutions: variant 50 or 101, not ${variant}`;
    context.addIssue({ code: "custom", path: ["outputStride"], message });
  }
});

type ResNetConfig = Pick<z.output<typeof schema>, "variant" | "style"> &
  Partial<Pick<z.output<typeof schema>, "outputStride">>;

interface BlockOptions {
  readonly in: number;
  readonly width: number;
  readonly stride: number;
  /** Dilation of the 3×3 convolution in a block with three. */
  readonly dilation: number;
  readonly expansion: number;
  readonly style: ResNetConfig["style"];
}

/** A residual block: two 3×3 convolutions, or 1×1, 3×3, 1×1 if it widens at its end. */
function block(scope: ParameterScope, options: BlockOptions): Layer {
  const { in: channels, width, stride, dilation, expansion, style } = options;
  const out = width * expansion;
  const part = (i: number, options: NormalisedConvolution) =>
    normalisedConvolution(
      { conv: scope.child(`conv${i}`), norm: scope.child(`bn${i}`) },
      { ...options, initWeight: kaimingNormalFanOut },
    );
  const [first, second] = style === "caffe" ? [stride, 1] : [1, stride];
  const body =
    expansion === 1
      ? sequential(
          part(1, { in: channels, out: width, kernel: 3, stride }),
          relu,
          part(2, { in: width, out, kernel: 3 }),
        )
      : sequential(
          part(1, { in: channels, out: width, kernel: 1, stride: first }),
          relu,
          part(2, { in: width, out: width, kernel: 3, stride: second, dilation }),
          relu,
          part(3, { in: width, out, kernel: 1 }),
        );
  const shortcut =
    stride === 1 && channels === out
      ? undefined
      : normalisedConvolution(
          { conv: scope.child("downsample.0"), norm: scope.child("downsample.1") },
          { in: channels, out, kernel: 1, stride, initWeight: kaimingNormalFanOut },
        );
  return (x, context) =>
    inScope(scope.path, () => {
      const y = body(x, context);
      return relu(add(y, shortcut === undefined ? x : shortcut(x, context)), context);
    });
}

const FREEZABLE: Backbone["stages"] = [["conv1", "bn1"], ["layer1"], ["layer2"], ["layer3"], ["layer4"]];

/**
 * The stem and the four stages; the parameter names are torchvision's. A stage that should not stride dilates instead,
 * its first block by as much as the previous stage (torchvision's `replace_stride_with_dilation`).
 */
function trunk(scope: ParameterScope, { variant, style, outputStride = 32 }: ResNetConfig) {
  const { depths, expansion } = VARIANTS[variant];
  const stem = normalisedConvolution(
    { conv: scope.child("conv1"), norm: scope.child("bn1") },
    { in: 3, out: STEM, kernel: 7, stride: 2, initWeight: kaimingNormalFanOut },
  );
  let channels: number = STEM;
  const strides: number[] = [];
  let dilation = 1;
  const stages = depths.map((depth, stage) => {
    const path = scope.child(`layer${stage + 1}`);
    const width = WIDTHS[stage]!;
    const before = dilation;
    const wanted = 4 * 2 ** stage;
    strides.push(Math.min(wanted, outputStride));
    const dilates = wanted > outputStride;
    if (dilates) dilation *= 2;
    const blocks = Array.from({ length: depth }, (_, i) => {
      const first = i === 0;
      const options = { stride: first && stage > 0 && !dilates ? 2 : 1, dilation: first ? before : dilation };
      const layer = block(path.child(i), { in: channels, width, expansion, style, ...options });
      channels = width * expansion;
      return layer;
    });
    return sequential(...blocks);
  });
  const pool: Layer = (x) => maxPool(x, { kernel: 3, stride: 2, padding: 1 });
  return { channels: WIDTHS.map((width) => width * expansion), strides, stem: sequential(stem, relu, pool), stages };
}

/**
 * ResNet (He et al. 2016, "Deep Residual Learning for Image Recognition") as a dense backbone: the outputs of its four
 * stages, at strides 4, 8, 16 and 32, but not beyond `outputStride`.
 */
export function resNet(scope: ParameterScope, config: ResNetConfig): Backbone {
  const { channels, strides, stem, stages } = trunk(scope, config);
  const [first, ...rest] = stages as [Layer, ...Layer[]];
  return fourStages({
    channels,
    strides,
    parts: [sequential(stem, first), ...rest],
    stages: FREEZABLE,
  });
}

/** ResNet as an ImageNet classifier. */
export function resNetClassifier(
  scope: ParameterScope,
  { classes, ...config }: ResNetConfig & { readonly classes: number },
): Classifier {
  const { channels, stem, stages } = trunk(scope, config);
  const head = pooledHead(scope.child("fc"), { channels: channels.at(-1)!, classes });
  return { stages: FREEZABLE, forward: sequential(stem, ...stages, head) };
}

/** torchvision's first ones, from which detectors are usually trained. */
const published = ofTimm("BSD-3-Clause", {
  18: "resnet18.tv_in1k",
  34: "resnet34.tv_in1k",
  50: "resnet50.tv_in1k",
  101: "resnet101.tv_in1k",
});

export const resNetKind = backboneKind({
  schema,
  make: (scope, config) => resNet(scope, config),
  classifier: (scope, config, { classes }) => resNetClassifier(scope, { ...config, classes }),
  title: ({ variant }) => `ResNet-${variant}`,
  layers: ({ variant }) => [
    ["conv1", "bn1"],
    ...blockLayers(VARIANTS[variant].depths, (stage, block) => [`layer${stage + 1}.${block}`]),
  ],
  imagenet: ({ variant }) => published(variant),
  namings: [],
  published: { name: "torchvision's ResNet", mark: /^(backbone\.)?layer1\.0\.conv1\.weight$/ },
});
