import { batchNorm, convolution, gelu, groupNorm, type Layer, layerNorm, linear, sequential } from "../../nn/layers.js";
import type { ParameterScope } from "../../nn/parameters.js";
import type { Experiment, Observation } from "./experiment.js";
import { EXPANSION, mapShape, STAGES, type StageSize, titleOfStage, tokenShape } from "./sizes.js";

type Make = (scope: ParameterScope) => Layer;

/** The two layers of an MLP around a GELU. */
function mlp(scope: ParameterScope, channels: number, make: (scope: ParameterScope, sizes: Sizes) => Layer): Layer {
  const hidden = channels * EXPANSION;
  const [first, second] = [
    { in: channels, out: hidden },
    { in: hidden, out: channels },
  ];
  return sequential(make(scope.child("fc1"), first), gelu, make(scope.child("fc2"), second));
}

interface Sizes {
  readonly in: number;
  readonly out: number;
}

const pointwise = (scope: ParameterScope, sizes: Sizes): Layer => convolution(scope, { ...sizes, kernel: 1 });
const normalised = (scope: ParameterScope, sizes: Sizes): Layer =>
  sequential(pointwise(scope, sizes), batchNorm(scope.child("norm"), sizes.out));

function experiment(size: StageSize): Experiment {
  const { channels } = size;
  const shape = tokenShape(size);
  const behindGroupNorm: Make = (scope) =>
    sequential(groupNorm(scope.child("norm"), channels), mlp(scope, channels, pointwise));
  const behindLayerNorm: Make = (scope) =>
    sequential(layerNorm(scope.child("norm"), channels), mlp(scope, channels, linear));
  return {
    title: `The MLP of ${titleOfStage(size)}`,
    shape: mapShape(size),
    variants: [
      {
        label: "BN + convolution",
        name: "an MLP of convolutions with batch norm, folded",
        layer: (scope) => mlp(scope, channels, normalised),
      },
      {
        label: "GN + convolution",
        name: "one of convolutions behind a group norm",
        layer: behindGroupNorm,
        paper: "slower",
      },
      {
        label: "LN + linear",
        name: "one of linear layers behind a layer norm",
        layer: behindLayerNorm,
        shape,
        paper: "slower",
      },
      {
        label: "linear alone",
        name: "one of linear layers without a norm",
        layer: (scope) => mlp(scope, channels, linear),
        shape,
      },
    ],
  };
}

export const norm: Observation = {
  name: "norm",
  title: "Norms",
  paper: "Convolutions with batch norm, folded, are faster than linear layers with layer or group norm.",
  experiments: STAGES.map(experiment),
};
