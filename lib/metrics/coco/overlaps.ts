import { UserError } from "../../errors.js";
import { checkSameSize, overlapRatio } from "../../masks/overlap.js";
import type { RunBuffer } from "../../masks/runBuffer.js";
import { type MaskTable, sharedWithTable } from "../../masks/table.js";
import { groupRows, type RowGroups } from "./rows.js";
import type { ComparedWith, DetectionTable, EvaluationType, GroundTruthTable, MaskOverlaps } from "./tables.js";

/** The rows of the tables that belong to one image (and category), as slices of longer lists. */
export interface ImageRows {
  /** An image's detections by descending score. */
  readonly detections: Int32Array;
  firstDetection: number;
  detectionCount: number;
  readonly objects: Int32Array;
  firstObject: number;
  objectCount: number;
}

/** Fills `ious` [D, G] for the detections and objects of one image. */
export type IouFiller = (rows: ImageRows, ious: Float64Array) => void;

/**
 * @param anyCategory whether detections are compared with objects of other categories too
 * @throws UserError where masks are to be compared and there are none, or only those of equal category are compared
 */
export function iouFiller(
  type: EvaluationType,
  groundTruth: GroundTruthTable,
  detections: DetectionTable,
  anyCategory: boolean,
): IouFiller {
  return type === "bbox" ? boxFiller(groundTruth, detections) : maskFiller(groundTruth, detections, anyCategory);
}

function maskFiller(groundTruth: GroundTruthTable, { overlaps }: DetectionTable, anyCategory: boolean): IouFiller {
  if (overlaps === undefined) {
    throw new UserError("evaluating masks needs the masks of the ground truth and of the detections");
  }
  if (anyCategory && overlaps.comparedWith === "category") {
    throw new UserError(
      'the masks were compared within their categories only; make the detection table with comparedWith "image"',
    );
  }
  const { starts, objects, ious: values } = overlaps;
  const place = new Int32Array(groundTruth.image.length).fill(-1); // index of an object within the image's rows
  return (
    { detections: found, firstDetection, detectionCount: D, objects: own, firstObject, objectCount: G },
    ious,
  ) => {
    if (G === 0) return;
    ious.fill(0, 0, D * G);
    for (let k = 0; k < G; k++) place[own[firstObject + k]!] = k;
    for (let d = 0; d < D; d++) {
      const row = found[firstDetection + d]!;
      for (let i = starts[row]!; i < starts[row + 1]!; i++) {
        const k = place[objects[i]!]!;
        if (k >= 0) ious[d * G + k] = values[i]!;
      }
    }
    for (let k = 0; k < G; k++) place[own[firstObject + k]!] = -1;
  };
}

function boxFiller({ boxes, crowd }: GroundTruthTable, { boxes: found }: DetectionTable): IouFiller {
  return ({ detections, firstDetection, detectionCount, objects, firstObject, objectCount: G }, ious) => {
    for (let d = 0; d < detectionCount; d++) {
      const a = 4 * detections[firstDetection + d]!;
      for (let k = 0; k < G; k++) {
        const g = objects[firstObject + k]!;
        ious[d * G + k] = boxIou(found, a, boxes, 4 * g, crowd[g] === 1);
      }
    }
  };
}

/** IoU of the boxes x y width height at `a` and `b`; divided by the first one's area where the second is a crowd. */
export function boxIou(boxesA: Float64Array, a: number, boxesB: Float64Array, b: number, crowd: boolean): number {
  const width = Math.min(boxesA[a + 2]! + boxesA[a]!, boxesB[b + 2]! + boxesB[b]!) - Math.max(boxesA[a]!, boxesB[b]!);
  if (width <= 0) return 0;
  const height =
    Math.min(boxesA[a + 3]! + boxesA[a + 1]!, boxesB[b + 3]! + boxesB[b + 1]!) -
    Math.max(boxesA[a + 1]!, boxesB[b + 1]!);
  if (height <= 0) return 0;
  return overlapRatio(width * height, boxesA[a + 2]! * boxesA[a + 3]!, boxesB[b + 2]! * boxesB[b + 3]!, crowd);
}

/**
 * IoU of every detection with every ground truth (pycocotools' `iou` of boxes).
 *
 * @param detections [d, 4] x y width height
 * @param groundTruth [g, 4]
 * @param crowd [g] 1 where a ground truth is a crowd: there the union is the detection's own area
 * @returns [d, g]
 */
export function boxIous(detections: Float64Array, groundTruth: Float64Array, crowd: ArrayLike<number>): Float64Array {
  const G = groundTruth.length / 4;
  return Float64Array.from({ length: (detections.length / 4) * G }, (_, i) =>
    boxIou(detections, 4 * Math.floor(i / G), groundTruth, 4 * (i % G), crowd[i % G] === 1),
  );
}

/** The ground truth that overlaps are computed against. */
export interface OverlapTarget {
  readonly truth: GroundTruthTable & { readonly masks: MaskTable };
  /** The truth's rows by image. */
  readonly byImage: RowGroups;
  readonly comparedWith: ComparedWith;
}

/** @throws RangeError where the ground truth was made without masks */
export function overlapTarget(truth: GroundTruthTable, comparedWith: ComparedWith): OverlapTarget {
  const { masks } = truth;
  if (masks === undefined) throw new RangeError("the ground truth was made without masks");
  return { truth: { ...truth, masks }, byImage: groupRows(truth.image, truth.imageIds.length), comparedWith };
}

export interface OverlapsBuilder {
  /** Adds the next detection. @throws UserError where its mask is not of the image's size */
  add(mask: RunBuffer, image: number, category: number): void;
  finish(): MaskOverlaps;
}

export function overlapsBuilder({ truth, byImage, comparedWith }: OverlapTarget): OverlapsBuilder {
  const { masks, crowd, category: categories } = truth;
  const starts = [0];
  const objects: number[] = [];
  const ious: number[] = [];
  return {
    add(mask, image, category) {
      for (let i = byImage.starts[image]!; i < byImage.starts[image + 1]!; i++) {
        const g = byImage.rows[i]!;
        if (comparedWith === "category" && categories[g] !== category) continue;
        checkSameSize(mask.height, mask.width, masks.sizes[2 * g]!, masks.sizes[2 * g + 1]!);
        const shared = sharedWithTable(mask, masks, g);
        if (shared === 0) continue;
        objects.push(g);
        ious.push(overlapRatio(shared, mask.area, masks.areas[g]!, crowd[g] === 1));
      }
      starts.push(objects.length);
    },
    finish: () => ({
      starts: Int32Array.from(starts),
      objects: Int32Array.from(objects),
      ious: Float64Array.from(ious),
      comparedWith,
    }),
  };
}
