import { type AttentionBias, gridBias, selfAttention } from "../../backbones/attention.js";
import { mb3d, mb4d, toMap, toTokens } from "../../backbones/efficientformerParts.js";
import { add, averagePool, type Shape, sub } from "../../graph/index.js";
import {
  convolution,
  gelu,
  type Layer,
  layerNorm,
  layerScale,
  linear,
  mapLayerNorm,
  sequential,
} from "../../nn/layers.js";
import type { ParameterScope } from "../../nn/parameters.js";
import type { Experiment, Observation } from "./experiment.js";
import { EXPANSION, mapShape, type StageSize, stageOf, titleOfStage, tokenShape } from "./sizes.js";

type Make = (scope: ParameterScope) => Layer;

/** Several blocks in a row, so that the overhead of a program's call does not hide their cost. */
const BLOCKS = 4;

const stack =
  (block: Make): Make =>
  (scope) =>
    sequential(...Array.from({ length: BLOCKS }, (_, i) => block(scope.child(i))));

const residual =
  (branch: Layer): Layer =>
  (x, context) =>
    add(x, branch(x, context));

/** A layer on tokens for use between maps, and the reverse. */
const onTokens = (layer: Layer, { side }: StageSize): Layer =>
  sequential(toTokens, layer, (x) => toMap(x, [side, side]));
const onMaps = (layer: Layer, { side }: StageSize): Layer => sequential((x) => toMap(x, [side, side]), layer, toTokens);

const widths = ({ channels }: StageSize) =>
  [
    { in: channels, out: channels * EXPANSION },
    { in: channels * EXPANSION, out: channels },
  ] as const;

/** A block's MLP with folded batch norms, on maps and on tokens: the same function of the same parameters. */
function mapMlp(scope: ParameterScope, size: StageSize): Layer {
  const [first, second] = widths(size).map((sizes, i) =>
    convolution(scope.child(`fc${i + 1}`), { ...sizes, kernel: 1 }),
  );
  return sequential(first!, gelu, second!);
}

function tokenMlp(scope: ParameterScope, size: StageSize): Layer {
  const [first, second] = widths(size).map((sizes, i) => linear(scope.child(`fc${i + 1}`), sizes));
  return sequential(first!, gelu, second!);
}

/** 3×3 pooling minus its input, with a factor for each channel, like MB4D's token mixer. */
function pooling(scope: ParameterScope, { channels }: StageSize): Layer {
  const scale = layerScale(scope, "layer_scale_1", channels, 0.5);
  return sequential((x) => sub(averagePool(x, { kernel: 3, padding: 1 }), x), scale);
}

const biasOf = ({ side }: StageSize): AttentionBias => gridBias({ side });

const attention = (scope: ParameterScope, size: StageSize): Layer =>
  selfAttention(scope.child("token_mixer"), { channels: size.channels, bias: biasOf(size) });

/** Pooling blocks on maps, against the same with each MLP on tokens. */
function poolingBlocks(size: StageSize): Experiment {
  const block = (mlp: Make): Make =>
    stack((scope) => sequential(residual(pooling(scope, size)), residual(mlp(scope.child("mlp")))));
  return {
    title: `Reshapes: ${BLOCKS} pooling blocks of ${titleOfStage(size)}`,
    shape: mapShape(size),
    variants: [
      { label: "on maps", name: "a stack of pooling blocks on maps", layer: block((scope) => mapMlp(scope, size)) },
      {
        label: "MLPs on tokens",
        name: "one that goes to tokens and back for each MLP",
        layer: block((scope) => onTokens(tokenMlp(scope, size), size)),
        paper: "slower",
      },
    ],
  };
}

/** Attention blocks on tokens, against the same with each MLP on maps. */
function attentionBlocks(size: StageSize): Experiment {
  const block = (mlp: Make): Make =>
    stack((scope) =>
      sequential(
        residual(sequential(layerNorm(scope.child("norm1"), size.channels), attention(scope, size))),
        residual(sequential(layerNorm(scope.child("norm2"), size.channels), mlp(scope.child("mlp")))),
      ),
    );
  return {
    title: `Reshapes: ${BLOCKS} attention blocks of ${titleOfStage(size)}`,
    shape: tokenShape(size),
    variants: [
      {
        label: "on tokens",
        name: "a stack of attention blocks on tokens",
        layer: block((scope) => tokenMlp(scope, size)),
      },
      {
        label: "MLPs on maps",
        name: "one that goes to maps and back for each MLP",
        layer: block((scope) => onMaps(mapMlp(scope, size), size)),
        paper: "slower",
      },
    ],
  };
}

/** Attention between maps, its layer norm before the reshape to tokens or after it. */
function normPlacement(size: StageSize): Experiment {
  const { channels } = size;
  const after: Make = (scope) =>
    residual(onTokens(sequential(layerNorm(scope.child("norm1"), channels), attention(scope, size)), size));
  const before: Make = (scope) =>
    residual(sequential(mapLayerNorm(scope.child("norm1"), channels), onTokens(attention(scope, size), size)));
  return {
    title: `Layer norm's place: ${BLOCKS} attentions of ${titleOfStage(size)}`,
    shape: mapShape(size),
    variants: [
      {
        label: "norm of tokens",
        name: "attention with its layer norm on tokens, behind the switch",
        layer: stack(after),
      },
      { label: "norm of maps", name: "attention with its layer norm on maps, before the switch", layer: stack(before) },
    ],
  };
}

/** The paper's two blocks, each in its own dimension; and attention that leaves the maps for each block. */
function mixers(size: StageSize): Experiment {
  const options = { channels: size.channels, dropPath: 0, layerScaleInit: 0.5 };
  const tokens: Shape = tokenShape(size);
  const attending: Make = (scope) => mb3d(scope, options, biasOf(size));
  return {
    title: `Token mixers: ${BLOCKS} blocks of ${titleOfStage(size)}`,
    shape: mapShape(size),
    variants: [
      {
        label: "MB4D (pooling)",
        name: "a block with pooling on maps (MB4D)",
        layer: stack((scope) => mb4d(scope, options)),
      },
      {
        label: "MB3D (attention)",
        name: "one with attention on tokens (MB3D)",
        layer: stack(attending),
        shape: tokens,
      },
      {
        label: "MB3D, from maps and back",
        name: "one with attention that leaves the maps for each block",
        layer: stack((scope) => onTokens(attending(scope), size)),
      },
    ],
  };
}

const SIZES = [stageOf(3), stageOf(4)];

export const dimension: Observation = {
  name: "dimension",
  title: "Consistent dimension",
  paper:
    "Reshaping between maps and tokens again and again is slow; with a consistent dimension attention is not necessarily slower than pooling.",
  experiments: [poolingBlocks, attentionBlocks, normPlacement, mixers].flatMap((experiment) => SIZES.map(experiment)),
};
