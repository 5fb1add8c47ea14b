import { add, averagePool, inScope, mean, reshape, sub, transpose, type Value } from "../graph/index.js";
import type { Context } from "../nn/context.js";
import { truncatedNormal, zeros } from "../nn/initialisers.js";
import {
  batchNorm,
  convolution,
  dropPath,
  gelu,
  groupNorm,
  type Layer,
  layerNorm,
  layerScale,
  linear,
  relu,
  sequential,
} from "../nn/layers.js";
import type { ParameterScope } from "../nn/parameters.js";
import { type AttentionBias, selfAttention } from "./attention.js";
import { type Backbone, type Classifier, checkSides, distilled } from "./backbone.js";
import { NETWORK_STAGES } from "./networkPlaces.js";

/*
 * What all EfficientFormers are made of, and their supernet too.
 */

const EXPANSION = 4;
const initWeight = truncatedNormal(0.02);

/** 1×1 convolutions around a GELU, each with batch norm: `fc1 → norm1 → GELU → fc2 → norm2`. */
function convolutionalMlp(scope: ParameterScope, channels: number): Layer {
  const hidden = channels * EXPANSION;
  const point = { kernel: 1, initWeight, initBias: zeros };
  const fc1 = convolution(scope.child("fc1"), { ...point, in: channels, out: hidden });
  const fc2 = convolution(scope.child("fc2"), { ...point, in: hidden, out: channels });
  const norm1 = batchNorm(scope.child("norm1"), hidden);
  const norm2 = batchNorm(scope.child("norm2"), channels);
  return sequential(fc1, norm1, gelu, fc2, norm2);
}

export interface BlockOptions {
  readonly channels: number;
  readonly dropPath: number;
  readonly layerScaleInit: number;
  /** Of the layer norms; default `layerNorm`. */
  readonly norm?: NormOf;
}

/** Makes a norm over so many channels. */
export type NormOf = (scope: ParameterScope, channels: number) => Layer;

/** MB4D, on maps [B, C, H, W]: a residual 3×3 pooling, then a residual MLP. */
export function mb4d(scope: ParameterScope, { channels, dropPath: rate, layerScaleInit }: BlockOptions): Layer {
  const scale1 = layerScale(scope, "layer_scale_1", channels, layerScaleInit);
  const scale2 = layerScale(scope, "layer_scale_2", channels, layerScaleInit);
  const mlp = convolutionalMlp(scope.child("mlp"), channels);
  const drop1 = dropPath(scope, "drop_path_1", rate);
  const drop2 = dropPath(scope, "drop_path_2", rate);
  const pooled: Layer = (x) => sub(averagePool(x, { kernel: 3, padding: 1 }), x);
  return (x, context) =>
    inScope(scope.path, () => {
      const mixed = add(x, drop1(scale1(pooled(x, context), context), context));
      return add(mixed, drop2(scale2(mlp(mixed, context), context), context));
    });
}

/** MB3D, on tokens [B, T, C]: residual self-attention, then a residual MLP, each behind a layer norm. */
export function mb3d(scope: ParameterScope, options: BlockOptions, bias: AttentionBias): Layer {
  const { channels, dropPath: rate, layerScaleInit, norm = layerNorm } = options;
  const scale1 = layerScale(scope, "layer_scale_1", channels, layerScaleInit);
  const scale2 = layerScale(scope, "layer_scale_2", channels, layerScaleInit);
  const norm1 = norm(scope.child("norm1"), channels);
  const mixer = selfAttention(scope.child("token_mixer"), { channels, bias });
  const norm2 = norm(scope.child("norm2"), channels);
  const hidden = channels * EXPANSION;
  const fc1 = linear(scope.child("mlp.fc1"), { in: channels, out: hidden, initWeight, initBias: zeros });
  const fc2 = linear(scope.child("mlp.fc2"), { in: hidden, out: channels, initWeight, initBias: zeros });
  const attention = sequential(norm1, mixer, scale1, dropPath(scope, "drop_path_1", rate));
  const mlp = sequential(norm2, fc1, gelu, fc2, scale2, dropPath(scope, "drop_path_2", rate));
  const forward: Layer = (x, context) => {
    const mixed = add(x, attention(x, context));
    return add(mixed, mlp(mixed, context));
  };
  return (x: Value, context: Context) => inScope(scope.path, () => forward(x, context));
}

/** The stem: two strided 3×3 convolutions, [B, 3, H, W] → [B, C, H / 4, W / 4]. */
export function stem(scope: ParameterScope, channels: number): Layer {
  const half = channels / 2;
  const layers = sequential(
    convolution(scope.child(0), { in: 3, out: half, kernel: 3, stride: 2 }),
    batchNorm(scope.child(1), half),
    relu,
    convolution(scope.child(3), { in: half, out: channels, kernel: 3, stride: 2 }),
    batchNorm(scope.child(4), channels),
    relu,
  );
  return (x, context) => inScope(scope.path, () => layers(x, context));
}

/** Between stages: a strided 3×3 convolution and batch norm, halving the map. */
export function embedding(scope: ParameterScope, from: number, to: number): Layer {
  return sequential(
    convolution(scope.child("proj"), { in: from, out: to, kernel: 3, stride: 2 }),
    batchNorm(scope.child("norm"), to),
  );
}

/** Maps [B, C, H, W] as tokens [B, H · W, C]. */
export const toTokens = (x: Value): Value => {
  const [b, c, h, w] = x.shape as [number, number, number, number];
  return transpose(reshape(x, [b, c, h * w]), [0, 2, 1]); // [B, T, C]
};

/** Tokens [B, H · W, C] as the maps of that height and width they were. */
export const toMap = (x: Value, [height, width]: readonly [number, number]): Value => {
  const [b, , c] = x.shape as [number, number, number];
  return reshape(transpose(x, [0, 2, 1]), [b, c, height, width]);
};

/** An EfficientFormer without its heads. */
export interface Trunk {
  readonly stem: Layer;
  /** Each stage on maps; one hands over tokens where it ends in self-attention. */
  readonly stages: readonly Layer[];
  /** What joins a stage to the one before. */
  readonly embeddings: readonly Layer[];
}

/** Image pixels per pixel of each stage's map. */
export const STRIDES = [4, 8, 16, 32] as const;

function runTrunk({ stem, stages, embeddings }: Trunk, x: Value, context: Context): Value[] {
  const outputs: Value[] = [];
  let value = stem(x, context);
  stages.forEach((stage, i) => {
    value = stage(value, context);
    outputs.push(value);
    const next = embeddings[i];
    if (next !== undefined) value = next(asMap(value, x, i), context);
  });
  return outputs;
}

/** What a stage gives as maps. @param images that the network was given */
function asMap(x: Value, images: Value, stage: number): Value {
  if (x.shape.length === 4) return x;
  const [height, width] = images.shape.slice(2) as [number, number];
  const stride = STRIDES[stage]!;
  return toMap(x, [height / stride, width / stride]);
}

/**
 * A dense backbone: four maps at strides 4, 8, 16 and 32, each through a group norm of its own (`norm0`, `norm2`, `norm4`,
 * `norm6`).
 *
 * @param normOf of a stage's maps, stages counted from 0
 */
export function denseModel(
  scope: ParameterScope,
  trunk: Trunk,
  widths: readonly number[],
  normOf: (stage: number) => NormOf = () => groupNorm,
): Backbone {
  const norms = widths.map((channels, stage) => normOf(stage)(scope.child(`norm${stage * 2}`), channels));
  return {
    channels: widths,
    strides: STRIDES,
    multiple: 32,
    stages: NETWORK_STAGES,
    forward: (x, context) => {
      checkSides(x, 32);
      return runTrunk(trunk, x, context).map((y, i) => norms[i]!(asMap(y, x, i), context));
    },
  };
}

/** The published classifier: a layer norm, the mean of all tokens, and two linear heads. @param options.channels of the last stage */
export function trunkClassifier(
  scope: ParameterScope,
  trunk: Trunk,
  {
    channels,
    classes,
    norm: normOf = layerNorm,
  }: Pick<BlockOptions, "channels" | "norm"> & { readonly classes: number },
): Classifier {
  const norm = normOf(scope.child("norm"), channels);
  const heads = ["head", "dist_head"].map((name) =>
    linear(scope.child(name).ofOutput(), { in: channels, out: classes, initWeight, initBias: zeros }),
  ) as [Layer, Layer];
  return distilled(NETWORK_STAGES, (x, context) => {
    const last = runTrunk(trunk, x, context).at(-1)!;
    const tokens = last.shape.length === 4 ? toTokens(last) : last;
    const pooled = mean(norm(tokens, context), { axes: [1] }); // [B, C]
    return [heads[0](pooled, context), heads[1](pooled, context)];
  });
}
