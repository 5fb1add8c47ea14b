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
  /** Default: the mask's area, or the box's if there is no mask. */
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
  /** x y width height; default the mask's tight box. */
  readonly bbox?: readonly number[];
  readonly segmentation?: CocoSegmentation;
}
