import type { LabelMap } from "../../pixels/image.js";
import type { Dataset, Instances, SampleMeta } from "../types.js";

interface BatchBase {
  /** [batch, 3, height, width] normalised, zero where padded. */
  readonly images: Float32Array;
  readonly height: number;
  readonly width: number;
  /** [batch] indices into the data set. */
  readonly indices: Int32Array;
  readonly meta: readonly SampleMeta[];
  /** What the collate hook returned. */
  readonly extra?: unknown;
}

export interface DetectionBatch extends BatchBase {
  readonly kind: "detection";
  readonly instances: readonly Instances[];
}

export interface SegmentationBatch extends BatchBase {
  readonly kind: "segmentation";
  /** [batch, height, width] class or 255; empty if the annotations are kept untransformed. */
  readonly labels: Uint8Array;
  /** The untransformed label maps, if the annotations are kept untransformed. */
  readonly labelMaps: readonly LabelMap[];
}

export interface ClassificationBatch extends BatchBase {
  readonly kind: "classification";
  /** [batch] class index. */
  readonly labels: Int32Array;
}

export type Batch = DetectionBatch | SegmentationBatch | ClassificationBatch;

/** The batch type of a data set's kind. */
export type BatchOf<D extends Dataset> = Extract<Batch, { readonly kind: D["kind"] }>;
