import type { Config } from "../../config/schema.js";
import type { DetectionReport } from "../../datasets/types.js";
import type { ProgressEvent } from "../../progress.js";
import type { DataSource } from "../../tasks/sources.js";

/** The data sets that `dataStats` counts. */
export interface StatsOptions {
  /** Data sets of one kind, such as training and validation. */
  readonly sources: readonly DataSource[];
  /** If given, how well its anchors cover the boxes of the first set is also measured. */
  readonly config?: Config;
  /** Images that the anchors are tried on, after the training transforms; default 300. */
  readonly anchorImages?: number;
  /** An HTML page with plots; without it, only the statistics are computed. */
  readonly output?: string;
  readonly force?: boolean;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: ProgressEvent) => void;
}

/** The distribution of values. */
export interface Spread {
  readonly min: number;
  readonly p10: number;
  readonly median: number;
  readonly mean: number;
  readonly p90: number;
  readonly max: number;
}

export interface ObjectClass {
  readonly name: string;
  readonly objects: number;
  /** Images with at least one. */
  readonly images: number;
  /** Share of all objects, 0–1. */
  readonly share: number;
  /** Median of the square root of the box's area in pixels; null if there are no objects. */
  readonly medianSide: number | null;
}

export interface PixelClass {
  readonly name: string;
  readonly images: number;
  /** Share of all labelled pixels, 0–1. */
  readonly share: number;
  /** Median share of an image's labelled pixels, over the images that have the class; null if none has. */
  readonly medianShare: number | null;
}

interface SetBase {
  readonly name: string;
  readonly images: number;
  readonly widths: Spread;
  readonly heights: Spread;
  /** The most frequent image sizes, the most frequent first. */
  readonly sizes: readonly { readonly width: number; readonly height: number; readonly images: number }[];
}

export interface ObjectStats extends SetBase {
  readonly kind: "objects";
  readonly report: DetectionReport;
  readonly classes: readonly ObjectClass[];
  readonly perImage: Spread;
  /** Square root of a box's area, in pixels. */
  readonly sides: Spread;
  /** Width over height. */
  readonly ratios: Spread;
  /** Shares of COCO's size classes: annotated areas below 32², below 96², above. */
  readonly areas: { readonly small: number; readonly medium: number; readonly large: number };
}

export interface PixelStats extends SetBase {
  readonly kind: "pixels";
  readonly classes: readonly PixelClass[];
  readonly classesPerImage: Spread;
  /** Share of pixels without a class. */
  readonly ignored: number;
}

export interface ImageClass {
  readonly name: string;
  readonly images: number;
  /** Share of all images, 0–1. */
  readonly share: number;
}

export interface ImageStats extends SetBase {
  readonly kind: "images";
  /** Number of images whose sizes were read: for large sets a sample. */
  readonly measured: number;
  readonly classes: readonly ImageClass[];
  readonly perClass: Spread;
  /** Images of the largest class divided by those of the smallest non-empty one. */
  readonly imbalance: number;
  /** Classes without an image. */
  readonly empty: readonly string[];
}

export type SetStats = ObjectStats | PixelStats | ImageStats;

/** How well anchors cover boxes: shares of the boxes by the IoU of their best anchor. */
export interface Coverage {
  readonly name: string;
  readonly boxes: number;
  readonly medianIou: number | null;
  /** Share with an anchor of at least positiveIou. */
  readonly positive: number;
  /** Share with an anchor of at least minPositiveIou: other boxes are never trained on as proposals. */
  readonly reached: number;
}

export interface AnchorStats {
  readonly images: number;
  readonly positiveIou: number;
  readonly minPositiveIou: number;
  readonly all: Coverage;
  /** By the size of the box as the network sees it. */
  readonly byArea: readonly Coverage[];
  readonly byClass: readonly Coverage[];
  /** Boxes whose best anchor has this stride or ratio. */
  readonly byStride: readonly { readonly stride: number; readonly boxes: number }[];
  readonly byRatio: readonly { readonly ratio: number; readonly boxes: number }[];
}

/** What `dataStats` counted. */
export interface StatsResult {
  readonly sets: readonly SetStats[];
  readonly anchors?: AnchorStats;
  /** The page, if one was requested. */
  readonly output?: string;
}
