import type { Shape } from "../../graph/index.js";
import { batchNorm, convolution, type Layer, relu, sequential } from "../../nn/layers.js";
import type { ParameterScope } from "../../nn/parameters.js";
import type { Observation } from "./experiment.js";
import { stageOf } from "./sizes.js";

const IMAGE: Shape = [1, 3, 224, 224];

/** 3×3 convolutions of stride 2, each with batch norm and ReLU, like EfficientFormer's stem. */
const stem =
  (widths: readonly number[]) =>
  (scope: ParameterScope): Layer =>
    sequential(
      ...widths.map((out, i) =>
        sequential(
          convolution(scope.child(`conv${i}`), { in: i === 0 ? 3 : widths[i - 1]!, out, kernel: 3, stride: 2 }),
          batchNorm(scope.child(`norm${i}`), out),
          relu,
        ),
      ),
    );

/** One convolution whose stride does all of the downsampling. */
const patches =
  (out: number, how: { readonly kernel: number; readonly stride: number; readonly padding: number }) =>
  (scope: ParameterScope): Layer =>
    convolution(scope.child("proj"), { in: 3, out, ...how });

/** Of DeiT-Small, which has 14 × 14 tokens. */
const TOKEN_WIDTH = 384;
const { channels } = stageOf(1);

export const patchEmbedding: Observation = {
  name: "patch-embedding",
  title: "Patch embedding",
  paper:
    "A convolution with a large kernel and a large stride is slower than a stack of 3 × 3 convolutions of stride 2.",
  experiments: [
    {
      title: `To 14 × 14, ${TOKEN_WIDTH} channels, as in DeiT-Small`,
      shape: IMAGE,
      variants: [
        {
          label: "four 3 × 3",
          name: "a stem of four 3 × 3 convolutions",
          layer: stem([TOKEN_WIDTH / 8, TOKEN_WIDTH / 4, TOKEN_WIDTH / 2, TOKEN_WIDTH]),
        },
        {
          label: "16 × 16, stride 16",
          name: "one 16 × 16 convolution of stride 16",
          layer: patches(TOKEN_WIDTH, { kernel: 16, stride: 16, padding: 0 }),
          paper: "slower",
        },
      ],
    },
    {
      title: `To 56 × 56, ${channels} channels, as in EfficientFormer-L1`,
      shape: IMAGE,
      variants: [
        { label: "two 3 × 3", name: "a stem of two 3 × 3 convolutions", layer: stem([channels / 2, channels]) },
        {
          label: "7 × 7, stride 4",
          name: "one 7 × 7 convolution of stride 4",
          layer: patches(channels, { kernel: 7, stride: 4, padding: 2 }),
        },
        {
          label: "4 × 4, stride 4",
          name: "one 4 × 4 convolution of stride 4",
          layer: patches(channels, { kernel: 4, stride: 4, padding: 0 }),
        },
      ],
    },
  ],
};
