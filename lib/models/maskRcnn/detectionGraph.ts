import {
  add,
  axisRange,
  axisSize,
  cast,
  div,
  gather,
  int32Indices,
  less,
  maximum,
  mul,
  neg,
  nonMaximumSuppression,
  type Rois,
  reshape,
  restore,
  roiAlign,
  scalar,
  sigmoid,
  slice,
  softmax,
  sum,
  topK,
  transpose,
  truncate,
  type Value,
  where,
} from "../../graph/index.js";
import type { Context } from "../../nn/context.js";
import { decodeBoxes, gatherRows, levelsOf } from "./boxGraph.js";
import { type MaskRcnn, roiStrides } from "./model.js";
import { proposalGraph } from "./proposalGraph.js";

/** What the graph finds in each image: `places` detections of which the first `count` are real, best first. */
export interface DetectionValues {
  /** int32 [B] */
  readonly count: Value;
  /** [B, places, 4] xyxy in pixels of the original image */
  readonly boxes: Value;
  /** [B, places], 0 from `count` on */
  readonly scores: Value;
  /** int32 [B, places] */
  readonly labels: Value;
  /** [B, places, side, side] probabilities inside the box, of the detection's own class */
  readonly masks?: Value;
}

export interface DetectionInputs {
  /** [B, 3, H, W] normalised */
  readonly images: Value;
  /** [B, 4] width, height, width, height of each image without padding */
  readonly sizes: Value;
  /** [B, 4] x, y, x, y: pixels of the network's input per pixel of the original image */
  readonly scales: Value;
}

/** Detection from normalised images to boxes and mask probabilities, all in one graph. */
export function detectionGraph(
  model: MaskRcnn,
  context: Context,
  { images, sizes, scales }: DetectionInputs,
): DetectionValues {
  const batch = images.shape[0]!;
  const pyramid = model.features(images, context);
  const { logits, deltas } = model.rpn.forward(pyramid, context);
  const { boxes: rois, valid } = proposalGraph(model, logits, deltas, sizes); // [B, R, 4]
  const { classes, config } = model;
  const count = rois.shape[1]!;
  const maps = pyramid.slice(0, -1);

  const features = align(model, maps, roisOf(model, rois), config.roi.boxPoolSize);
  const found = model.boxes.forward(features, context); // of all images' RoIs
  const probabilities = slice(softmax(found.logits, 1), { axis: 1, end: classes }); // without the background
  const perRoi = where(valid, reshape(probabilities, [batch, count, classes]), scalar(0));
  const scores = transpose(perRoi, [0, 2, 1]); // [B, K, R]
  const decoded = decodeBoxes(
    reshape(rois, [batch, count, 1, 4]),
    reshape(found.deltas, [batch, count, classes, 4]),
    config.roi.boxStds,
    reshape(sizes, [batch, 1, 1, 4]),
  );
  const boxes = transpose(div(decoded, reshape(scales, [batch, 1, 1, 4])), [0, 2, 1, 3]); // [B, K, R, 4]

  const detections = best(model, boxes, scores);
  if (model.masks === undefined) return detections;
  return { ...detections, masks: masksOf(model, maps, detections, scales, context) };
}

/** Suppression within each class of each image, then the best of all classes. */
function best({ config, classes }: MaskRcnn, boxes: Value, scores: Value): DetectionValues {
  const { scoreThreshold, nms, maxPerImage } = config.test;
  const [batch, , count] = scores.shape as [number, number, number];
  const groups = batch * classes;
  const kept = nonMaximumSuppression(reshape(boxes, [groups, count, 4]), reshape(scores, [groups, count]), {
    iouThreshold: nms,
    scoreThreshold,
    maxKept: maxPerImage,
  });
  const keptScores = where(reshape(kept, scores.shape), scores, scalar(0));
  const { values, indices } = topK(reshape(keptScores, [batch, classes * count]), maxPerImage); // class · R + RoI
  return {
    count: sum(cast(less(scalar(0), values), "int32"), { axes: [1] }),
    boxes: gatherRows(reshape(boxes, [batch, classes * count, 4]), indices),
    scores: values,
    labels: div(indices, axisSize(scores, 2)),
  };
}

/** Mask probabilities of the real detections; the other places get zeros. */
function masksOf(
  model: MaskRcnn,
  maps: readonly Value[],
  { boxes, scores, labels }: DetectionValues,
  scales: Value,
  context: Context,
): Value {
  const [batch, perImage] = scores.shape as [number, number];
  const places = batch * perImage;
  const real = reshape(less(scalar(0), scores), [places]);
  const rois = roisOf(model, mul(boxes, reshape(scales, [batch, 1, 4])));
  // For one image the real ones come first already; for several they are moved together, so that only they are
  // computed.
  const { order, inverse } = batch === 1 ? {} : realFirst(real);
  const sorted = (x: Value) => (order === undefined ? x : gather(x, order, 0));
  const some = maximum(sum(cast(real, "int32"), { axes: [0], keepDims: true }), int32Indices([1])); // never an empty batch
  const here = {
    boxes: truncate(sorted(rois.boxes), some),
    images: truncate(sorted(rois.images), some),
    levels: truncate(sorted(rois.levels), some),
  };
  const logits = restore(model.masks!.forward(align(model, maps, here, model.config.roi.maskPoolSize), context));
  const [, classes, side] = logits.shape as [number, number, number, number];
  const own = add(mul(axisRange(real, 0), scalar(classes, "int32")), sorted(reshape(labels, [places])));
  const masks = sigmoid(gather(reshape(logits, [places * classes, side, side]), own, 0));
  const placed = inverse === undefined ? masks : gather(masks, inverse, 0);
  const shown = where(reshape(real, [places, 1, 1]), placed, scalar(0));
  return reshape(shown, [batch, perImage, side, side]);
}

/** More than there can be, so that topK sorts. */
const ALL = 2 ** 31 - 1;

/** Moves the places where `real` is true to the front: the permutation and its inverse. */
function realFirst(real: Value): { readonly order: Value; readonly inverse: Value } {
  const order = topK(cast(real, "float32"), ALL).indices;
  return { order, inverse: topK(neg(cast(order, "float32")), ALL).indices }; // sorting a permutation inverts it
}

/** @param decoded [B, R, 4] @returns the RoIs of all images together, [B · R] */
function roisOf(model: MaskRcnn, decoded: Value): Rois {
  const [batch, count] = decoded.shape as [number, number];
  const finite = where(less(decoded, scalar(Number.POSITIVE_INFINITY)), decoded, scalar(0)); // NaN would be on no level
  const boxes = reshape(finite, [batch * count, 4]);
  const images = div(axisRange(boxes, 0), axisSize(decoded, 1));
  return { boxes, images, levels: levelsOf(boxes, roiStrides(model).length, model.config.roi.finestScale) };
}

function align(model: MaskRcnn, maps: readonly Value[], rois: Rois, side: number): Value {
  return roiAlign(maps, rois, {
    outputSize: [side, side],
    scales: roiStrides(model).map((stride) => 1 / stride),
    samplingRatio: model.config.roi.samplingRatio,
  });
}
