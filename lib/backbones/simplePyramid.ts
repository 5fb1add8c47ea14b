import { maxPool } from "../graph/index.js";
import { kaimingNormalFanOut } from "../nn/initialisers.js";
import { convolution, gelu, type Layer, mapLayerNorm, sequential, transposedConvolution } from "../nn/layers.js";
import type { ParameterScope } from "../nn/parameters.js";

const epsilon = 1e-6;

/** Channels of every map, as in ViTDet. */
export const PYRAMID_CHANNELS = 256;

/**
 * ViTDet's simple feature pyramid (Li et al. 2022, "Exploring Plain Vision Transformer Backbones for Object
 * Detection"): from one map [B, C, h, w] of stride 16, maps of strides 4, 8, 16 and 32, each made separately, by
 * transposed convolutions and max-pooling, then a 1×1 and a 3×3 convolution to 256 channels. Names are Detectron2's:
 * `simfp_2` has stride 2².
 */
export function simplePyramid(scope: ParameterScope, channels: number): Layer[] {
  const half = channels / 2;
  const up = (at: ParameterScope, from: number, out: number) => transposedConvolution(at, { in: from, out, factor: 2 });
  const normalised = (at: ParameterScope, from: number, kernel: number) =>
    sequential(
      convolution(at, { in: from, out: PYRAMID_CHANNELS, kernel, bias: false, initWeight: kaimingNormalFanOut }),
      mapLayerNorm(at.child("norm"), PYRAMID_CHANNELS, { epsilon }),
    );
  // Layers are numbered, including those without parameters.
  const level = (power: 2 | 3 | 4 | 5, width: number, resample: (at: ParameterScope) => readonly Layer[]) => {
    const at = scope.child(`simfp_${power}`);
    const layers = resample(at);
    return sequential(
      ...layers,
      normalised(at.child(layers.length), width, 1),
      normalised(at.child(layers.length + 1), PYRAMID_CHANNELS, 3),
    );
  };
  return [
    level(2, channels / 4, (at) => [
      up(at.child(0), channels, half),
      mapLayerNorm(at.child(1), half, { epsilon }),
      gelu,
      up(at.child(3), half, channels / 4),
    ]),
    level(3, half, (at) => [up(at.child(0), channels, half)]),
    level(4, channels, () => []),
    level(5, channels, () => [(x) => maxPool(x, { kernel: 2, stride: 2 })]),
  ];
}
