import type { Colour } from "../images/draw/palette.js";
import type { CocoSegmentation } from "../masks/coco.js";
import type { Rle } from "../masks/types.js";
import type { Image, LabelMap } from "../pixels/image.js";

/** The objects of one image, in parallel arrays over n objects. */
export interface Instances {
  /** [n, 4] x1 y1 x2 y2 in image pixels; x2 and y2 are exclusive edges. */
  readonly boxes: Float32Array;
  /** [n] contiguous class index, from 0. */
  readonly labels: Int32Array;
  /** [n] 1 for a crowd, otherwise 0. */
  readonly crowd: Uint8Array;
  /** [n] masks of the image's size; undefined for objects without one. */
  readonly masks: readonly (Rle | undefined)[];
  /** [n] area in original image pixels as annotated (it decides the size class in evaluation). */
  readonly areas: Float32Array;
  /** [n] annotation ids. */
  readonly ids: Float64Array;
}

export interface ImageFile {
  readonly id: number;
  /** The name as the data set gives it, relative to its images folder. */
  readonly file: string;
}

/** What is known of an image without decoding it. */
export interface ImageInfo extends ImageFile {
  readonly width: number;
  readonly height: number;
}

/** Where a sample's image came from and what the transforms did to it. */
export interface SampleMeta {
  readonly id: number;
  readonly file: string;
  readonly originalWidth: number;
  readonly originalHeight: number;
  /** The valid part; a batch may be padded beyond it, to the right and below. */
  readonly width: number;
  readonly height: number;
  /** [x, y]: pixels after resizing per original pixel. */
  readonly scaleFactor: readonly [number, number];
  readonly flipped: boolean;
  /** Mirrored top to bottom; absent means no. */
  readonly flippedVertically?: boolean;
}

/** A decoded image with its annotation. The data set decides which of the three annotations it has. */
export interface Sample {
  readonly image: Image;
  readonly meta: SampleMeta;
  readonly instances?: Instances;
  readonly labelMap?: LabelMap;
  /** The class index of the whole image. */
  readonly label?: number;
}

/**
 * A sample before decoding: plain data that can be sent to a worker thread, so that a data set's index is read once, in
 * the main thread, however many workers decode.
 */
export interface SampleSource {
  readonly info: ImageFile | ImageInfo;
  readonly path: string;
  readonly instances?: Omit<Instances, "masks"> & { readonly shapes: readonly (CocoSegmentation | undefined)[] };
  readonly labelMap?: LabelMapSource;
  readonly label?: number;
}

export interface LabelMapSource {
  readonly path: string;
  readonly classCount: number;
  /** Value 0 means "no class" and becomes 255; the others are decreased by one. */
  readonly reduceZeroLabel: boolean;
  /** This value also means "no class" and becomes 255. */
  readonly ignoreLabel: number;
}

interface DatasetBase {
  readonly classes: readonly string[];
  readonly length: number;
  /** What `load` decodes, as plain data. */
  source(index: number): SampleSource;
  /** @throws UserError naming the file when the image or its annotation cannot be decoded */
  load(index: number): Promise<Sample>;
}

/** Counts of annotations corrected or left out while reading. */
export interface DetectionReport {
  readonly images: number;
  readonly imagesWithoutObjects: number;
  readonly objects: number;
  readonly crowds: number;
  /** Boxes that extended outside their image and were clipped. */
  readonly clippedBoxes: number;
  /** Objects left out because their box was thinner than a pixel after clipping. */
  readonly degenerateBoxes: number;
  /** Objects left out because the class list leaves their category out. */
  readonly otherClasses: number;
  readonly withoutMask: number;
  /** Those of them that are not crowds. */
  readonly singlesWithoutMask: number;
  /** What was left out or corrected before, in making the file from another format. */
  readonly conversion?: readonly string[];
}

export interface DetectionDataset extends DatasetBase {
  readonly kind: "detection";
  /** The COCO file that it was read from. */
  readonly annotations: string;
  readonly images: readonly ImageInfo[];
  /** The file's category id of each class, for results in COCO's format. */
  readonly categoryIds: readonly number[];
  readonly report: DetectionReport;
  /** True if an object that is not a crowd has a mask, or if there is no such object at all. */
  readonly hasMasks: boolean;
  /** Only the objects, with masks rasterised, without decoding the image. */
  instances(index: number): Instances;
}

export interface SegmentationDataset extends DatasetBase {
  readonly kind: "segmentation";
  readonly images: readonly ImageInfo[];
  readonly palette: readonly Colour[];
  loadLabelMap(index: number): Promise<LabelMap>;
}

export interface ClassificationDataset extends DatasetBase {
  readonly kind: "classification";
  readonly images: readonly ImageFile[];
  /** [length] class index of each image. */
  readonly labels: Int32Array;
}

export type Dataset = DetectionDataset | SegmentationDataset | ClassificationDataset;
