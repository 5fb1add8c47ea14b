import { apply, check, type Operator, record, type Value } from "../value.js";

/**
 * The k largest elements along the last axis, or all if there are fewer, in descending order; equal elements keep their
 * order. Outputs: values and int32 indices.
 */
export const topKOperator: Operator<{ readonly k: number }> = {
  name: "topK",
  infer: ([x], { k }) => {
    check(k >= 1 && x!.shape.length >= 1, () => `the ${k} largest of [${x!.shape}]`);
    const shape = [...x!.shape.slice(0, -1), Math.min(k, x!.shape.at(-1)!)];
    return [
      { shape, dtype: x!.dtype },
      { shape, dtype: "int32" },
    ];
  },
};

/** Of `nonMaximumSuppression`. */
export interface NonMaximumSuppressionAttributes {
  /** A box is dropped when its IoU with a kept one of higher score is greater than this. */
  readonly iouThreshold: number;
  /** Only boxes with a higher score are considered. */
  readonly scoreThreshold: number;
  /** The largest number of boxes of a group to keep, the best ones. */
  readonly maxKept: number;
}

/**
 * Greedy non-maximum suppression, each group (image and level, image and class) separately. Inputs: boxes [G, n, 4]
 * xyxy, scores [G, n]. Output: bool [G, n], which boxes are kept.
 */
export const nonMaximumSuppressionOperator: Operator<NonMaximumSuppressionAttributes> = {
  name: "nonMaximumSuppression",
  infer: ([boxes, scores]) => {
    check(boxes!.shape.length === 3 && boxes!.shape[2] === 4, () => "boxes are [G, n, 4]");
    check(scores!.shape[0] === boxes!.shape[0] && scores!.shape[1] === boxes!.shape[1], () => "scores are [G, n]");
    return [{ shape: scores!.shape, dtype: "bool" }];
  },
};

/** Of `roiAlign`. */
export interface RoiAlignAttributes {
  readonly outputSize: readonly [height: number, width: number];
  /** Feature pixels per image pixel of each level, such as 1/4. */
  readonly scales: readonly number[];
  /** Samples per bin in each direction; 0: ⌈RoI size / output size⌉. */
  readonly samplingRatio: number;
}

/**
 * RoIAlign (He et al. 2017) with half-pixel alignment, each RoI from one level of a pyramid.
 * Inputs: level maps [N, C, H_l, W_l], then rois [R, 4] xyxy in image pixels, their images int32 [R] and levels
 * int32 [R]. Output [R, C, outputSize]. Its gradient is a host operation (see lib/regions).
 */
export const roiAlignOperator: Operator<RoiAlignAttributes> = {
  name: "roiAlign",
  infer: (inputs, { outputSize, scales }) => {
    check(inputs.length === scales.length + 3, () => `${scales.length} levels, then rois, images and levels`);
    const [rois, images, levels] = inputs.slice(-3);
    check(rois!.shape.length === 2 && rois!.shape[1] === 4, () => "rois are [R, 4]");
    check(images!.dtype === "int32" && levels!.dtype === "int32", () => "images and levels are int32");
    return [{ shape: [rois!.shape[0]!, inputs[0]!.shape[1]!, ...outputSize], dtype: inputs[0]!.dtype }];
  },
};

/**
 * Declares that only the first `count` (int32 [1]) rows of x matter, so that what follows, up to `restore`, may be
 * computed for those rows alone. The shape stays the same: the contents of later rows are undefined.
 */
export const truncateOperator: Operator<Record<string, never>> = {
  name: "truncate",
  half: "follows",
  infer: ([x, count]) => {
    check(count!.dtype === "int32" && `${count!.shape}` === "1", () => "count is int32[1]");
    return [{ shape: x!.shape, dtype: x!.dtype }];
  },
};

/** Ends what `truncate` began: x with its first axis padded with zeros to its static size. */
export const restoreOperator: Operator<Record<string, never>> = {
  name: "restore",
  half: "follows",
  infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
};

/** Declares that only the first `count` (int32 [1]) rows matter up to `restore`; the others are undefined. */
export const truncate = (x: Value, count: Value): Value => apply(truncateOperator, [x, count], {});
/** Ends what `truncate` began: later rows are zeros again. */
export const restore = (x: Value): Value => apply(restoreOperator, [x], {});

/** The k largest elements along the last axis in descending order, or all if there are fewer; indices are int32. */
export function topK(x: Value, k: number): { values: Value; indices: Value } {
  const [values, indices] = record(topKOperator, [x], { k });
  return { values: values!, indices: indices! };
}

/** Greedy suppression within each of G groups: boxes [G, n, 4] xyxy, scores [G, n] → bool [G, n], which are kept. */
export const nonMaximumSuppression = (
  boxes: Value,
  scores: Value,
  attributes: NonMaximumSuppressionAttributes,
): Value => apply(nonMaximumSuppressionOperator, [boxes, scores], attributes);

/** Regions to pool, R of them. */
export interface Rois {
  /** [R, 4] xyxy, image pixels. */
  readonly boxes: Value;
  /** Index of the image in the batch, int32 [R]. */
  readonly images: Value;
  /** Index of the pyramid level, int32 [R]. */
  readonly levels: Value;
}

/** RoIAlign (He et al. 2017) of regions from level maps [N, C, H_l, W_l] → [R, C, outputSize]. */
export function roiAlign(maps: readonly Value[], rois: Rois, attributes: RoiAlignAttributes): Value {
  return apply(roiAlignOperator, [...maps, rois.boxes, rois.images, rois.levels], attributes);
}
