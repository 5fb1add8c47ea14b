import {
  abs,
  add,
  gather,
  input,
  mul,
  reshape,
  scalar,
  sigmoidCrossEntropy,
  softmaxCrossEntropy,
  sub,
  sum,
  type Value,
} from "../../graph/index.js";
import { chosenLoss } from "../../heads/losses/keys.js";
import type { Context } from "../../nn/context.js";
import type { MaskRcnn } from "./model.js";

export type LossValues = Readonly<Record<string, Value>>;

/**
 * Objectness and delta losses of the region proposal head at the sampled anchors (see `RpnSamples` for the inputs).
 *
 * @param patches [S, C · 9]
 */
export function rpnLosses(model: MaskRcnn, patches: Value, context: Context): LossValues {
  const { anchors } = model.rpn;
  const places = patches.shape[0]!;
  const { logits, deltas } = model.rpn.forwardSamples(patches, context);
  const shapes = input("rpn/shapes", [places, anchors]);
  const logit = sum(mul(logits, shapes), { axes: [1] }); // [S]
  const perShape = reshape(deltas, [places, anchors, 4]);
  const delta = sum(mul(perShape, reshape(shapes, [places, anchors, 1])), { axes: [1] }); // [S, 4]
  const objectness = sigmoidCrossEntropy(logit, input("rpn/targets", [places]));
  const distance = sum(abs(sub(delta, input("rpn/deltas", [places, 4]))), { axes: [1] });
  const { classWeight, boxWeight } = model.config.rpn;
  return {
    rpnClass: scaled(sum(mul(objectness, input("rpn/weights", [places]))), classWeight),
    rpnBox: scaled(sum(mul(distance, input("rpn/deltaWeights", [places]))), boxWeight),
  };
}

/** Class and box losses of R pooled RoIs. */
export function boxLosses(model: MaskRcnn, features: Value, context: Context): LossValues {
  const rois = features.shape[0]!;
  const { logits, deltas } = model.boxes.forward(features, context);
  const { classWeight, boxWeight } = model.config.roi;
  const scores = reshape(logits, [rois, model.classes + 1, 1]);
  const labels = reshape(input("roi/labels", [rois], "int32"), [rois, 1]);
  const crossEntropy = softmaxCrossEntropy(scores, labels);
  const perRoi = chosenLoss(model.config.roi)?.({ crossEntropy, logits: scores, labels }) ?? crossEntropy;
  const own = input("roi/classes", [rois, model.classes]); // one-hot of the class for positives, else zeros
  const perClass = reshape(deltas, [rois, model.classes, 4]);
  const delta = sum(mul(perClass, reshape(own, [rois, model.classes, 1])), { axes: [1] }); // [R, 4]
  const distance = sum(abs(sub(delta, input("roi/deltas", [rois, 4]))), { axes: [1] });
  return {
    boxClass: scaled(sum(mul(reshape(perRoi, [rois]), input("roi/weights", [rois]))), classWeight),
    box: scaled(sum(mul(distance, input("roi/deltaWeights", [rois]))), boxWeight),
  };
}

/** Mask loss of M pooled positive RoIs: cross-entropy of each pixel in the map of the RoI's own class. */
export function maskLosses(model: MaskRcnn, features: Value, context: Context): LossValues {
  const rois = features.shape[0]!;
  const logits = model.masks!.forward(features, context); // [M, K, s, s]
  const side = logits.shape[2]!;
  const rows = reshape(logits, [rois * model.classes, side, side]);
  const own = gather(rows, input("mask/rows", [rois], "int32"), 0); // [M, s, s]
  const perPixel = sigmoidCrossEntropy(own, input("mask/targets", [rois, side, side]));
  const perRoi = sum(perPixel, { axes: [1, 2] });
  return { mask: scaled(sum(mul(perRoi, input("mask/weights", [rois]))), model.config.roi.maskWeight) };
}

const scaled = (x: Value, weight: number): Value => (weight === 1 ? x : mul(x, scalar(weight)));

export const total = (losses: LossValues): Value => Object.values(losses).reduce(add);
