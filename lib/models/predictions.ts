import type { SampleMeta } from "../datasets/types.js";
import type { Rle } from "../masks/types.js";
import type { LabelMap } from "../pixels/image.js";

/** Images ready for a network, with what is needed to map its outputs back to the original images. */
export interface InferenceBatch {
  /** [batch, 3, height, width] normalised, zero where padded. */
  readonly images: Float32Array;
  readonly height: number;
  readonly width: number;
  /** [batch] */
  readonly meta: readonly SampleMeta[];
}

/** What was found in one image: n objects, the best score first. */
export interface Detections {
  /** [n, 4] x1 y1 x2 y2 in pixels of the original image. */
  readonly boxes: Float32Array;
  /** [n] 0 … 1 */
  readonly scores: Float32Array;
  /** [n] class index, from 0. */
  readonly labels: Int32Array;
  /** [n] of the original image's size; absent where the model has no mask head. */
  readonly masks?: readonly Rle[];
}

/** Predicts on batches, with a model's programs or an exported file. */
export interface BatchPredictor<Answer> {
  /** @returns one answer per image, in the pixels of the original image */
  predict(batch: InferenceBatch): Promise<readonly Answer[]>;
  /** Releases the memory; after that it cannot predict any more. */
  dispose(): Promise<void>;
}

/** Finds objects. */
export type Detector = BatchPredictor<Detections>;

/** Gives every pixel a class: maps of the original image's size. */
export type Segmenter = BatchPredictor<LabelMap>;
