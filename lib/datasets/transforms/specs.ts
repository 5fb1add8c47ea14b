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

/** Mirrors left and right. Default probability 0.5. */
export interface RandomFlipSpec {
  readonly type: "randomFlip";
  readonly probability?: number;
}

/** Cuts out a window, anywhere in the picture; a side already smaller stays as it is. */
export interface RandomCropSpec {
  readonly type: "randomCrop";
  readonly width: number;
  readonly height: number;
  /** For label maps: the window is drawn anew, up to ten times, while one class fills this share or more. */
  readonly maxClassShare?: number;
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
  /** Default 36 degrees. */
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

/** One step of a pipeline, as plain data. */
export type TransformSpec =
  | ResizeSpec
  | RandomScaleSpec
  | RandomFlipSpec
  | RandomCropSpec
  | PhotometricDistortionSpec
  | PadSpec
  | RandomResizedCropSpec
  | CentreCropSpec;
