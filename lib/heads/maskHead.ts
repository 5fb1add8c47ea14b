import type { Value } from "../graph/index.js";
import type { Context } from "../nn/context.js";
import { kaimingNormalFanOut, zeros } from "../nn/initialisers.js";
import { convolution, relu, sequential, transposedConvolution } from "../nn/layers.js";
import type { ParameterScope } from "../nn/parameters.js";
import { count } from "../schemas/fields.js";
import { type MaskHeadConfig, maskHeadLayers } from "./maskHeads/index.js";

/** Its config keys. */
export const maskHeadKeys = {
  maskPoolSize: count("Bins along a side for the mask head").default(14),
  maskConvolutions: count("3×3 convolutions of the mask head, if there is no maskHead").default(4),
  maskChannels: count("Channels of the mask head, if there is no maskHead").default(256),
};

export interface MaskHead {
  /** @param features [R, C, p, p] @returns logits [R, classes, 2p, 2p] */
  readonly forward: (features: Value, context: Context) => Value;
}

export interface MaskHeadOptions {
  readonly in: number;
  readonly poolSize: number;
  readonly layers: MaskHeadConfig;
  readonly classes: number;
}

/** The mask head of Mask R-CNN (He et al. 2017): layers (3×3 convolutions there), a transposed one that doubles the size, 1×1 to the classes. */
export function maskHead(scope: ParameterScope, { in: inputs, poolSize, layers, classes }: MaskHeadOptions): MaskHead {
  const own = maskHeadLayers(scope, layers, { in: inputs, poolSize });
  const { channels } = own;
  const init = { initWeight: kaimingNormalFanOut, initBias: zeros };
  const hidden = own.make();
  const predict = sequential(
    transposedConvolution(scope.child("upsample"), { in: channels, out: channels, factor: 2, ...init }),
    relu,
    convolution(scope.child("conv_logits").ofOutput(), { in: channels, out: classes, kernel: 1, ...init }),
  );
  return { forward: sequential(hidden, predict) };
}
