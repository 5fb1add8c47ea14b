import { z } from "zod";
import { add, mul, resizeBilinear, spatial } from "../graph/index.js";
import { kaimingNormalFanOut, normal, zeros } from "../nn/initialisers.js";
import { batchNorm, convolution, type Layer, relu, sequential } from "../nn/layers.js";
import type { ParameterScope } from "../nn/parameters.js";
import { count, positive } from "../schemas/fields.js";
import { segmentationHeadKind, segmentationHeadSchema } from "./segmentationHead.js";

const schema = segmentationHeadSchema("semanticFpn", {
  channels: count("Channels of the head's convolutions").default(128),
  dropout: z.number().min(0).lt(1).default(0.1).describe("Dropout rate before the last convolution"),
  classifierStd: positive(
    "Standard deviation of the last convolution's initial weights: MMSegmentation's 0.01; more for short runs",
  ).default(0.01),
});

/**
 * The semantic head of Panoptic FPN (Kirillov et al. 2019): each level goes through 3×3 convolutions, each doubled in
 * size, to the finest level's size; the sum is classified by a 1×1 convolution.
 */
export const semanticFpn = segmentationHeadKind({
  schema,
  make: (scope, { channels, dropout, classifierStd }, { classes, ...options }) => {
    // The official order: the classifier's parameters come first.
    const init = { initWeight: normal(classifierStd), initBias: zeros };
    const classify = convolution(scope.child("conv_seg").ofOutput(), {
      in: channels,
      out: classes,
      kernel: 1,
      ...init,
    });
    const [finest] = options.strides as [number];
    const branches = options.strides.map((stride, level) =>
      branch(scope.child(`scale_heads.${level}`), Math.log2(stride / finest), options.in, channels),
    );
    return {
      forward: (levels, context) => {
        const size = spatial(levels[0]!);
        const maps = levels.map((level, i) => resizeBilinear(branches[i]!(level, context), size));
        let total = maps.reduce(add); // [B, channels, H_0, W_0]
        if (context.training && dropout > 0) {
          const mask = context.dropMask(`${scope.path}.dropout`, [total.shape[0]!, channels, 1, 1], 1 - dropout);
          total = mul(total, mask);
        }
        return classify(total, context);
      },
    };
  },
});

function branch(scope: ParameterScope, doublings: number, from: number, channels: number): Layer {
  const layers: Layer[] = [];
  for (let i = 0; i < Math.max(1, doublings); i++) {
    const here = scope.child(doublings === 0 ? i : 2 * i); // between two convolutions is the enlargement
    const width = i === 0 ? from : channels;
    const convolutionOptions = { in: width, out: channels, kernel: 3, bias: false, initWeight: kaimingNormalFanOut };
    layers.push(convolution(here.child("conv"), convolutionOptions), batchNorm(here.child("bn"), channels), relu);
    if (doublings > 0) layers.push(doubled);
  }
  return sequential(...layers);
}

const doubled: Layer = (x) => {
  const [height, width] = spatial(x);
  return resizeBilinear(x, [2 * height, 2 * width]);
};
