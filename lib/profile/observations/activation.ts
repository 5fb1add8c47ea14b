import { batchNorm, convolution, gelu, hardSwish, type Layer, relu, sequential, silu } from "../../nn/layers.js";
import type { ParameterScope } from "../../nn/parameters.js";
import type { Experiment, Observation, Variant } from "./experiment.js";
import { EXPANSION, mapShape, STAGES, type StageSize, titleOfStage } from "./sizes.js";

const NONLINEARITIES: readonly (readonly [label: string, layer: Layer])[] = [
  ["ReLU", relu],
  ["GELU", gelu],
  ["hard-swish", hardSwish],
  ["SiLU", silu],
];

function variants(around: (activation: Layer) => Variant["layer"]): Experiment["variants"] {
  const [first, second, ...rest] = NONLINEARITIES.map(([label, activation]) => ({ label, layer: around(activation) }));
  return [first!, second!, ...rest];
}

/** The block's MLP on maps, like EfficientFormer's `convolutionalMlp`. */
const mlp =
  ({ channels }: StageSize) =>
  (activation: Layer) =>
  (scope: ParameterScope): Layer => {
    const hidden = channels * EXPANSION;
    return sequential(
      convolution(scope.child("fc1"), { in: channels, out: hidden, kernel: 1 }),
      batchNorm(scope.child("norm1"), hidden),
      activation,
      convolution(scope.child("fc2"), { in: hidden, out: channels, kernel: 1 }),
      batchNorm(scope.child("norm2"), channels),
    );
  };

const inMlp = (size: StageSize): Experiment => ({
  title: `The MLP of ${titleOfStage(size)}`,
  shape: mapShape(size),
  variants: variants(mlp(size)),
});

const [first] = STAGES as readonly [StageSize];
const hidden = { ...first, channels: first.channels * EXPANSION };

export const activation: Observation = {
  name: "activation",
  title: "Nonlinearities",
  paper: "The cost of a nonlinearity depends on the hardware and on the compiler.",
  experiments: [
    {
      title: `Alone, ${hidden.channels} channels of ${hidden.side} × ${hidden.side}`,
      shape: mapShape(hidden),
      variants: variants((layer) => () => layer),
    },
    ...STAGES.map(inMlp),
  ],
};
