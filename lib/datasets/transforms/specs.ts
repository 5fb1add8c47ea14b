import type { Interpolation } from "../../images/resize.js";

/** Resizes keeping the ratio so that the long side is at most max(scale) and the short one at most min(scale). */
export interface ResizeSpec {
  readonly type: "resize";
  readonly scale: readonly [number, number];
  /** False: to exactly [width, height]. Default true. */
  readonly keepRatio?: boolean;
  /** Raises both sides to a multiple afterwards, stretching the picture by less than that. */
  readonly multipleOf?: number;
  readonly interpolation?: Interpolation;
}

/** As "resize", with the scale times a factor uniform in ratioRange, the sides cut to whole pixels. */
export interface RandomScaleSpec {
  readonly type: "randomScale";
  readonly scale: readonly [number, number];
  readonly ratioRange: readonly [low: number, high: number];
  readonly interpolation?: Interpolation;
}

/** As "resize", to a scale drawn from a list, or from between the smallest and largest of it. */
export interface RandomResizeSpec {
  readonly type: "randomResize";
  readonly scales: readonly (readonly [number, number])[];
  /** "choice": one of the scales; "range": long and short side each drawn from between. Default "choice". */
  readonly sampling?: "choice" | "range";
  /** False: to exactly [width, height]. Default true. */
  readonly keepRatio?: boolean;
  readonly interpolation?: Interpolation;
}

/** Scales by a random factor, then cuts or pads to exactly width × height. */
export interface LargeScaleJitterSpec {
  readonly type: "largeScaleJitter";
  readonly width: number;
  readonly height: number;
  /** Factors on the scale at which the picture just fits; default [0.1, 2]. */
  readonly ratioRange?: readonly [low: number, high: number];
  /** Default the ImageNet mean. */
  readonly fill?: readonly [number, number, number];
  readonly interpolation?: Interpolation;
}

/** Mirrors left and right, or top and bottom. Default probability 0.5, direction horizontal. */
export interface RandomFlipSpec {
  readonly type: "randomFlip";
  readonly probability?: number;
  readonly direction?: "horizontal" | "vertical";
}

/** Cuts out a window, anywhere in the picture; a side already smaller stays as it is. */
export interface RandomCropSpec {
  readonly type: "randomCrop";
  readonly width: number;
  readonly height: number;
  /** For label maps: the window is drawn anew, up to ten times, while one class fills this share or more. */
  readonly maxClassShare?: number;
}

/** Cuts out a window that overlaps every box by a drawn IoU, or leaves the picture whole. */
export interface MinIouCropSpec {
  readonly type: "minIouCrop";
  /** Least overlaps to draw from, besides "no crop" and "any crop"; default [0.1, 0.3, 0.5, 0.7, 0.9]. */
  readonly minIous?: readonly number[];
  /** Least share of the picture's width and height, default 0.3. */
  readonly minSize?: number;
}

/** Covers a rectangle, with probability one half. */
export interface RandomErasingSpec {
  readonly type: "randomErasing";
  readonly probability?: number;
  /** Share of the picture's area, default [0.02, 0.33]. */
  readonly area?: readonly [low: number, high: number];
  /** Height ÷ width, default [0.3, 3.3]. */
  readonly aspect?: readonly [low: number, high: number];
  /** Red, green, blue of 0–255, or random values; default the ImageNet mean. */
  readonly fill?: readonly [number, number, number] | "noise";
  /** An object is left out from this covered share of its box on; default 0.9. */
  readonly maxCovered?: number;
}

/** Brightness, contrast, saturation and hue in random order, as torchvision's ColorJitter. Default: nothing changes. */
export interface ColourJitterSpec {
  readonly type: "colourJitter";
  /** Factors are drawn from 1 ± this, at least 0. */
  readonly brightness?: number;
  readonly contrast?: number;
  readonly saturation?: number;
  /** The largest turn, in shares of the circle, at most ½. */
  readonly hue?: number;
}

/** RandAugment with torchvision's fourteen operations. For classification, or without those that move pixels. */
export interface RandAugmentSpec {
  readonly type: "randAugment";
  /** How many a picture, default 2. */
  readonly operations?: number;
  /** 0 … bins − 1; default 9 of 31. */
  readonly magnitude?: number;
  readonly bins?: number;
  /** False: only operations that leave every pixel in its place. Default true. */
  readonly geometric?: boolean;
}

/** Lays objects of another picture on this one. */
export interface CopyPasteSpec {
  readonly type: "copyPaste";
  /** Default 1. */
  readonly probability?: number;
  /** The number of objects is drawn from below this; default 100. */
  readonly maxObjects?: number;
  /** Pixels; an object beneath stays if its box changed by no more, default 10, … */
  readonly maxBoxShift?: number;
  /** … or if more than this many pixels of it are seen, default 300. */
  readonly minVisible?: number;
}

/** This picture and three others about a point of a canvas of 2 width × 2 height. */
export interface MosaicSpec {
  readonly type: "mosaic";
  /** Default 1. */
  readonly probability?: number;
  /** What each picture is scaled to fit into. */
  readonly width: number;
  readonly height: number;
  /** The point's place, in widths and heights; default [0.5, 1.5]. */
  readonly centre?: readonly [low: number, high: number];
  /** Default grey, 114. */
  readonly fill?: readonly [number, number, number];
  readonly interpolation?: Interpolation;
}

/** Brightness ± , contrast and saturation factors, hue ± degrees of 360; each applied with probability one half. */
export interface PhotometricDistortionSpec {
  readonly type: "photometricDistortion";
  /** Default 32, of 255. */
  readonly brightness?: number;
  /** Default [0.5, 1.5]. */
  readonly contrast?: readonly [low: number, high: number];
  /** Default [0.5, 1.5]. */
  readonly saturation?: readonly [low: number, high: number];
  /** Degrees, in steps of 2; default 36. */
  readonly hue?: number;
}

/**
 * Pads right and below to at least this size, label maps with 255. A batch is padded anyway, with exact zeros after
 * normalising; this is for what must see a larger picture.
 */
export interface PadSpec {
  readonly type: "pad";
  readonly width: number;
  readonly height: number;
  /** Default the ImageNet mean, which normalises to about zero. */
  readonly fill?: readonly [number, number, number];
}

/** For classification: a window of random area and aspect, resized to size × size. */
export interface RandomResizedCropSpec {
  readonly type: "randomResizedCrop";
  readonly size: number;
  /** Share of the picture's area, default [0.08, 1]. */
  readonly area?: readonly [low: number, high: number];
  /** Width ÷ height, default [3/4, 4/3]. */
  readonly aspect?: readonly [low: number, high: number];
  readonly interpolation?: Interpolation;
}

/** For classification: the short side to `resize`, then the middle size × size. */
export interface CentreCropSpec {
  readonly type: "centreCrop";
  readonly resize: number;
  readonly size: number;
  readonly interpolation?: Interpolation;
}

/** A step that takes other pictures of the data set in. */
export type MixingSpec = CopyPasteSpec | MosaicSpec;

/** One step of a pipeline, as plain data. */
export type TransformSpec =
  | MixingSpec
  | ResizeSpec
  | RandomScaleSpec
  | RandomResizeSpec
  | LargeScaleJitterSpec
  | MinIouCropSpec
  | RandomErasingSpec
  | ColourJitterSpec
  | RandAugmentSpec
  | RandomFlipSpec
  | RandomCropSpec
  | PhotometricDistortionSpec
  | PadSpec
  | RandomResizedCropSpec
  | CentreCropSpec;
