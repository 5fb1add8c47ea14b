import { z } from "zod";
import { add, matMul, relu, reshape, type Value } from "../graph/index.js";
import type { Context } from "../nn/context.js";
import { normal, zeros } from "../nn/initialisers.js";
import { convolution, type Layer, relu as reluLayer, sequential } from "../nn/layers.js";
import type { Parameter, ParameterScope } from "../nn/parameters.js";
import { count, fraction, positive } from "../schemas/fields.js";
import { checkIous } from "./ious.js";

/** The config of region proposals: the head, its training, what it proposes. */
export const rpnConfig = z
  .strictObject({
    channels: count("Channels of the 3×3 convolution").default(256),
    anchorScale: positive("Side of a square anchor, in strides of its level").default(8),
    anchorRatios: z.array(positive("Height over width")).min(1).default([0.5, 1, 2]).describe("Height over width"),
    positiveIou: fraction("An anchor with at least this IoU with a box is positive").default(0.7),
    negativeIou: fraction("An anchor with less than this IoU with every box is negative").default(0.3),
    minPositiveIou: fraction("A box's best anchor is positive from this IoU, even below positiveIou").default(0.3),
    samples: count("Anchors in the loss per image").default(256),
    positiveFraction: fraction("Largest share of positive ones among the samples").default(0.5),
    trainPerLevel: count("Best proposals per level before NMS, in training").default(2000),
    testPerLevel: count("Best proposals per level before NMS, at test time").default(1000),
    maxPerImage: count("Proposals per image after NMS").default(1000),
    nms: fraction("IoU above which a proposal is suppressed by a better one of its level").default(0.7),
    minSize: z.number().min(0).default(0).describe("Proposals with a shorter side are dropped, in pixels"),
    classWeight: positive("Weight of the objectness loss").default(1),
    boxWeight: positive("Weight of the box loss").default(1),
  })
  .superRefine(checkIous)
  .prefault({})
  .describe("Region proposals");

export interface RpnHead {
  /** Anchors per cell. */
  readonly anchors: number;
  /** @param levels [B, C, H_l, W_l] @returns for each level logits [B, anchors, H_l, W_l] and deltas [B, 4 · anchors, H_l, W_l] */
  readonly forward: (levels: readonly Value[], context: Context) => { logits: Value[]; deltas: Value[] };

  /**
   * The same at single cells: the 3×3 convolution as a product with the cells' neighbourhoods.
   *
   * @param patches [S, C · 9] the 3×3 neighbourhood of each sampled cell, channel by channel
   * @returns logits [S, anchors] and deltas [S, 4 · anchors]
   */
  readonly forwardSamples: (patches: Value, context: Context) => { logits: Value; deltas: Value };
}

/**
 * The region proposal head of Faster R-CNN (Ren et al. 2015), shared by all levels: a 3×3 convolution with ReLU, then
 * an objectness logit and four deltas per anchor.
 */
export function rpnHead(
  scope: ParameterScope,
  options: { readonly in: number; readonly channels: number; readonly anchors: number },
): RpnHead {
  const { channels, anchors } = options;
  const init = { initWeight: normal(0.01), initBias: zeros };
  const shared = convolutionWithMatrix(scope.child("rpn_conv"), { in: options.in, out: channels, kernel: 3, ...init });
  const classify = convolutionWithMatrix(scope.child("rpn_cls").ofOutput(), {
    in: channels,
    out: anchors,
    kernel: 1,
    ...init,
  });
  const regress = convolutionWithMatrix(scope.child("rpn_reg").ofOutput(), {
    in: channels,
    out: 4 * anchors,
    kernel: 1,
    ...init,
  });
  return {
    anchors,
    forward: (levels, context) => {
      const hidden = levels.map((level) => sequential(shared.layer, reluLayer)(level, context));
      return {
        logits: hidden.map((x) => classify.layer(x, context)),
        deltas: hidden.map((x) => regress.layer(x, context)),
      };
    },
    forwardSamples: (patches, context) => {
      const hidden = relu(shared.matrix(patches, context));
      return { logits: classify.matrix(hidden, context), deltas: regress.matrix(hidden, context) };
    },
  };
}

/** A convolution, and the same weights as a linear layer on unfolded neighbourhoods. */
function convolutionWithMatrix(
  scope: ParameterScope,
  options: Parameters<typeof convolution>[1],
): { layer: Layer; matrix: Layer } {
  const made: Parameter[] = [];
  const layer = convolution(scope, { ...options, onParameter: (parameter) => made.push(parameter) });
  const [weight, bias] = made as [Parameter, Parameter];
  const matrix: Layer = (x, context) => {
    const rows = reshape(context.value(weight), [options.out, options.in * options.kernel ** 2]);
    return add(matMul(x, rows, { transposeB: true }), context.value(bias));
  };
  return { layer, matrix };
}
