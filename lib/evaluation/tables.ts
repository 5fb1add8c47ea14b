import type { MaskTable } from "../masks/table.js";

/** What is compared: boxes, or masks. */
export type EvaluationType = "bbox" | "segm";

/** The objects of a data set in columns, n of them. */
export interface GroundTruthTable {
  /** [I] image ids in growing order. */
  readonly imageIds: Float64Array;
  /** [K] category ids in growing order. */
  readonly categoryIds: Float64Array;
  /** [K] */
  readonly categoryNames: readonly string[];
  /** [n] index into `imageIds`. */
  readonly image: Int32Array;
  /** [n] index into `categoryIds`. */
  readonly category: Int32Array;
  /** [n, 4] x y width height. */
  readonly boxes: Float64Array;
  /** [n] the area that decides on the size class. */
  readonly areas: Float64Array;
  /** [n] 1 for a crowd. */
  readonly crowd: Uint8Array;
  /** [n] annotation ids. */
  readonly ids: Float64Array;
  /** n, only where masks are compared. */
  readonly masks?: MaskTable;
}

/** Where masks are compared with more than one object: those of the detection's own category, or all of its image. */
export type ComparedWith = "category" | "image";

/**
 * Which objects each of n detections' masks overlaps, and by how much: all that judging needs of the masks. A detection
 * shares pixels with a few objects at most, so this is far smaller than the masks.
 */
export interface MaskOverlaps {
  /** [n + 1] detection d's entries are starts[d] … starts[d + 1] − 1. */
  readonly starts: Int32Array;
  /** Rows of the ground truth's table. */
  readonly objects: Int32Array;
  /** Intersection over union, over the detection's own area for a crowd; above 0. */
  readonly ious: Float64Array;
  readonly comparedWith: ComparedWith;
}

/** Results of categories that the ground truth lacks. */
export interface UnknownCategories {
  /** Of how many results. */
  readonly of: number;
  /** By category id how many. */
  readonly counts: ReadonlyMap<number, number>;
}

/** Detections in columns, n of them, in the order in which equal scores are ranked. */
export interface DetectionTable {
  /** [n] index into the ground truth's `imageIds`. */
  readonly image: Int32Array;
  /** [n] index into the ground truth's `categoryIds`. */
  readonly category: Int32Array;
  /** [n, 4] x y width height. */
  readonly boxes: Float64Array;
  /** [n] */
  readonly areas: Float64Array;
  /** [n] */
  readonly scores: Float64Array;
  /** [n] 1 + position in the list of results. */
  readonly ids: Float64Array;
  /** How the n masks overlap the ground truth's, only where masks are compared: the masks themselves are not kept. */
  readonly overlaps?: MaskOverlaps;
  /** What was left out, where a file was read. */
  readonly unknown?: UnknownCategories;
}
