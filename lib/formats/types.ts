import type { CocoSegmentation } from "../masks/coco.js";

/** What every format is read into and written from. Coordinates are pixel edges: x = 0 is the left border. */
export interface ConvertedSet {
  readonly classes: readonly string[];
  readonly images: readonly ConvertedImage[];
  /** The folder that the images' names are relative to. */
  readonly folder: string;
  /** Size of the annotation file, if its objects' masks are still to be drawn. */
  readonly bytes?: number;
  /** What was left out or corrected, for the user. */
  readonly remarks: readonly string[];
}

/** What a reader reads; a file that is not there counts too, for it may come. */
export interface Inputs {
  readonly files: readonly string[];
  /** All files in these folders, but not in folders in them. */
  readonly folders: readonly string[];
  /** All files in these folders, at any depth. */
  readonly trees?: readonly string[];
}

export interface ConvertedImage {
  readonly file: string;
  /** Where its name is given, for messages. */
  readonly source?: string;
  readonly width: number;
  readonly height: number;
  readonly objects: readonly ConvertedObject[];
}

export interface ConvertedObject {
  readonly label: string;
  /** x y width height in pixels. */
  readonly bbox: readonly [number, number, number, number];
  readonly segmentation?: CocoSegmentation;
  readonly area: number;
  readonly crowd: boolean;
  /** Where it is, for messages. */
  readonly source?: string;
}

export type Point = readonly [x: number, y: number];

export interface Size {
  readonly width: number;
  readonly height: number;
}
