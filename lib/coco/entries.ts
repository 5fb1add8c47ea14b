import type { CocoSegmentation } from "../masks/coco.js";

/** An image of a COCO file, its size in pixels. */
export interface CocoImage {
  readonly id: number;
  readonly width: number;
  readonly height: number;
}

/** An object of a COCO instances file; lengths are in pixels. */
export interface CocoAnnotation {
  readonly id: number;
  readonly image_id: number;
  readonly category_id: number;
  /** x y width height. */
  readonly bbox: readonly number[];
  /** Default: the mask's area, or the box's if there is no mask. */
  readonly area?: number;
  readonly iscrowd?: number;
  readonly segmentation?: CocoSegmentation;
}

/** The parts of a COCO instances file that metrics read. */
export interface CocoGroundTruth {
  readonly images: readonly CocoImage[];
  readonly annotations: readonly CocoAnnotation[];
  readonly categories: readonly { readonly id: number; readonly name: string }[];
}

/** A detection of a COCO results file; lengths are in pixels. */
export interface CocoResult {
  readonly image_id: number;
  readonly category_id: number;
  readonly score: number;
  /** x y width height; default the mask's tight box. */
  readonly bbox?: readonly number[];
  readonly segmentation?: CocoSegmentation;
}
