import type { CocoSegmentation } from "../masks/coco.js";

export interface CocoImage {
  readonly id: number;
  readonly width: number;
  readonly height: number;
}

export interface CocoAnnotation {
  readonly id: number;
  readonly image_id: number;
  readonly category_id: number;
  /** x y width height. */
  readonly bbox: readonly number[];
  /** Where left out: the mask's area, or the box's where there is no mask. */
  readonly area?: number;
  readonly iscrowd?: number;
  readonly segmentation?: CocoSegmentation;
}

export interface CocoGroundTruth {
  readonly images: readonly CocoImage[];
  readonly annotations: readonly CocoAnnotation[];
  readonly categories: readonly { readonly id: number; readonly name: string }[];
}

export interface CocoResult {
  readonly image_id: number;
  readonly category_id: number;
  readonly score: number;
  /** x y width height; the mask's tight box where left out. */
  readonly bbox?: readonly number[];
  readonly segmentation?: CocoSegmentation;
}
