import {
  add,
  cast,
  div,
  gather,
  input,
  int32Indices,
  less,
  maximum,
  mul,
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
import { decodeBoxes, levelsOf } from "./boxGraph.js";
import { type MaskRcnn, roiStrides } from "./model.js";
import { proposalGraph, within } from "./proposalGraph.js";

/** What the graph finds in one picture: `places` detections of which the first `count` are real, best first. */
export interface DetectionValues {
  /** int32 [1] */
  readonly count: Value;
  /** [places, 4] xyxy in pixels of the original picture */
  readonly boxes: Value;
  /** [places] */
  readonly scores: Value;
  /** int32 [places] */
  readonly labels: Value;
  /** [places, side, side] probabilities inside the box, of the detection's own class */
  readonly masks?: Value;
}

/** Detection from normalised pictures to boxes and mask probabilities, all in one graph. */
export interface DetectionGraph {
  readonly pictures: readonly DetectionValues[];
  readonly pyramid: readonly Value[];
}

/**
 * Inputs: `images` [B, 3, H, W]; `sizes` [B, 4] width, height, width, height of each picture without padding; `scales`
 * [B, 4] x, y, x, y: pixels of the network's input per pixel of the original picture.
 */
export function detectionGraph(
  model: MaskRcnn,
  context: Context,
  { batch, height, width }: { readonly batch: number; readonly height: number; readonly width: number },
): DetectionGraph {
  const pyramid = model.features(input("images", [batch, 3, height, width]), context);
  const { logits, deltas } = model.rpn.forward(pyramid, context);
  const sizes = input("sizes", [batch, 4]);
  const scales = input("scales", [batch, 4]);
  const row = (x: Value, i: number) => slice(x, { axis: 0, start: i, end: i + 1 });
  const pictures = Array.from({ length: batch }, (_, i) => {
    const only = (values: readonly Value[]) => values.map((value) => row(value, i));
    const size = reshape(row(sizes, i), [4]);
    const proposals = proposalGraph(model, only(logits), only(deltas), { height, width, size });
    const pooled = only(pyramid.slice(0, -1));
    return detect(model, pooled, proposals, { size, scale: reshape(row(scales, i), [4]) }, context);
  });
  return { pictures, pyramid };
}

interface PictureSize {
  readonly size: Value;
  readonly scale: Value;
}

/** Box head, suppression within each class, and masks of one picture. */
function detect(
  model: MaskRcnn,
  maps: readonly Value[],
  { boxes: rois, valid }: { readonly boxes: Value; readonly valid: Value },
  { size, scale }: PictureSize,
  context: Context,
): DetectionValues {
  const { classes, config } = model;
  const count = rois.shape[0]!;
  const features = align(model, maps, roisOf(model, rois), config.roi.boxPoolSize);
  const { logits, deltas } = model.boxes.forward(features, context);
  const probabilities = slice(softmax(logits, 1), { axis: 1, end: classes }); // [R, K], without the background
  const scores = transpose(where(valid, probabilities, scalar(0)), [1, 0]); // [K, R]
  const perClass = reshape(deltas, [count, classes, 4]);
  const decoded = decodeBoxes(reshape(rois, [count, 1, 4]), perClass, config.roi.boxStds, size);
  const boxes = transpose(div(decoded, scale), [1, 0, 2]); // [K, R, 4]

  const { scoreThreshold, nms, maxPerPicture } = config.test;
  const suppressed = nonMaximumSuppression(boxes, scores, {
    iouThreshold: nms,
    scoreThreshold,
    maxKept: maxPerPicture,
  });
  const places = Math.min(maxPerPicture, suppressed.kept.shape[0]!);
  const keptScores = where(
    within(suppressed.kept, suppressed.count),
    gather(reshape(scores, [classes * count]), suppressed.kept, 0),
    scalar(0),
  );
  const best = topK(keptScores, places);
  const chosen = gather(suppressed.kept, best.indices, 0); // class · R + RoI
  const found = sum(cast(less(scalar(0), best.values), "int32"), { axes: [0], keepDims: true });
  const detections = {
    count: found,
    boxes: gather(reshape(boxes, [classes * count, 4]), chosen, 0),
    scores: best.values,
    labels: div(chosen, scalar(count, "int32")),
  };
  if (model.masks === undefined) return detections;
  return { ...detections, masks: masksOf(model, maps, detections, scale, context) };
}

/** Mask probabilities of the detections that are there; the others get zeros. */
function masksOf(
  model: MaskRcnn,
  maps: readonly Value[],
  { boxes, labels, count }: DetectionValues,
  scale: Value,
  context: Context,
): Value {
  const places = boxes.shape[0]!;
  const some = maximum(count, int32Indices([1])); // no operator sees an empty batch
  const rois = roisOf(model, mul(boxes, scale));
  const here = {
    boxes: truncate(rois.boxes, some),
    pictures: truncate(rois.pictures, some),
    levels: truncate(rois.levels, some),
  };
  const logits = restore(model.masks!.forward(align(model, maps, here, model.config.roi.maskPoolSize), context));
  const [, classes, side] = logits.shape as [number, number, number, number];
  const firstRows = int32Indices(Array.from({ length: places }, (_, i) => i * classes));
  const own = gather(reshape(logits, [places * classes, side, side]), add(firstRows, labels), 0);
  return sigmoid(own);
}

function roisOf(model: MaskRcnn, decoded: Value): Rois {
  const boxes = where(less(decoded, scalar(Number.POSITIVE_INFINITY)), decoded, scalar(0)); // NaN is on no level
  const pictures = int32Indices(Array.from({ length: boxes.shape[0]! }, () => 0));
  return { boxes, pictures, levels: levelsOf(boxes, roiStrides(model).length, model.config.roi.finestScale) };
}

function align(model: MaskRcnn, maps: readonly Value[], rois: Rois, side: number): Value {
  return roiAlign(maps, rois, {
    outputSize: [side, side],
    scales: roiStrides(model).map((stride) => 1 / stride),
    samplingRatio: model.config.roi.samplingRatio,
  });
}
