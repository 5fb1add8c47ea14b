import type { Value } from "../graph/index.js";
import type { Context } from "../nn/context.js";
import { kaimingNormalFanOut, zeros } from "../nn/initialisers.js";
import { convolution, type Layer, relu, sequential, transposedConvolution } from "../nn/layers.js";
import type { ParameterScope } from "../nn/parameters.js";
import { count } from "../schemas/fields.js";

/** Its config keys. */
export const maskHeadKeys = {
  maskPoolSize: count("Bins along a side for the mask head").default(14),
  maskConvolutions: count("3×3 convolutions of the mask head").default(4),
  maskChannels: count("Channels of the mask head").default(256),
};

export interface MaskHead {
  /** @param features [R, C, p, p] @returns logits [R, classes, 2p, 2p] */
  readonly forward: (features: Value, context: Context) => Value;
}

export interface MaskHeadOptions {
  readonly in: number;
  readonly channels: number;
  readonly convolutions: number;
  readonly classes: number;
}

/** The mask head of Mask R-CNN (He et al. 2017): 3×3 convolutions, a transposed one that doubles the size, 1×1 to the classes. */
export function maskHead(scope: ParameterScope, options: MaskHeadOptions): MaskHead {
  const { channels } = options;
  const init = { initWeight: kaimingNormalFanOut, initBias: zeros };
  const layers: Layer[] = [];
  for (let i = 0; i < options.convolutions; i++) {
    const from = i === 0 ? options.in : channels;
    layers.push(convolution(scope.child(`convs.${i}.conv`), { in: from, out: channels, kernel: 3, ...init }), relu);
  }
  layers.push(
    transposedConvolution(scope.child("upsample"), { in: channels, out: channels, factor: 2, ...init }),
    relu,
    convolution(scope.child("conv_logits").ofOutput(), { in: channels, out: options.classes, kernel: 1, ...init }),
  );
  return { forward: sequential(...layers) };
}
