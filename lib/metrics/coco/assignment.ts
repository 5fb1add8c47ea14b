import { boxIou } from "./overlaps.js";
import { fallingOrder, groupRows } from "./rows.js";
import type { DetectionTable, EvaluationType, GroundTruthTable } from "./tables.js";

/** Ground truth and detections as tables, and whether boxes or masks are compared. */
export interface AssignmentInput {
  readonly type: EvaluationType;
  readonly groundTruth: GroundTruthTable;
  /** For masks, made with `comparedWith` "image": compared with the objects of all classes. */
  readonly detections: DetectionTable;
  /** The smallest overlap at which an object counts as found. Default 0.5. */
  readonly iouThreshold?: number;
  /** The largest number of detections of an image, the best ones. Default 100. */
  readonly maxDetections?: number;
}

/** In `matches`: a wrong detection. */
export const WRONG = -1;
/** In `matches`: a detection on a crowd, which counts neither as right nor as wrong. */
export const IGNORED = -2;

/** One image's D detections and G objects of all classes, and which detection found which object. */
export interface AssignedImage {
  /** Index into `imageIds`. */
  readonly image: number;
  /** [D] rows of the detection table by descending score. */
  readonly detections: Int32Array;
  /** [G] rows of the ground truth's table. */
  readonly objects: Int32Array;
  /** [D, G] intersection over union, over the detection's own area for a crowd. */
  readonly ious: Float64Array;
  /** [D] index into `objects` of the object found, WRONG or IGNORED. */
  readonly matches: Int32Array;
  /** [G] index into `detections` of the one that found the object, or −1. */
  readonly found: Int32Array;
}

/**
 * Gives each detection, best score first, the object of its class that it overlaps most, if the overlap reaches the
 * threshold and the object is not yet taken. A remaining detection that overlaps a crowd of its class by more than the
 * threshold is ignored. This is the matching of TIDE; it differs from COCO's only in ties of overlaps and in that the
 * limit applies to all classes of an image together.
 *
 * A detection's fate depends on better ones alone, so leaving out those below a score changes nothing for the others.
 *
 * @returns every image, those without objects or detections too, in order of `imageIds`
 */
export function assignImages(input: AssignmentInput): AssignedImage[] {
  const { groundTruth, detections, maxDetections = 100 } = input;
  const images = groundTruth.imageIds.length;
  const objects = groupRows(groundTruth.image, images);
  const ranked = groupRows(detections.image, images, fallingOrder(detections.scores));
  const fill = iousOf(input);
  return Array.from({ length: images }, (_, image) => {
    const first = ranked.starts[image]!;
    const last = Math.min(ranked.starts[image + 1]!, first + maxDetections);
    const rows = {
      image,
      detections: ranked.rows.subarray(first, last),
      objects: objects.rows.subarray(objects.starts[image], objects.starts[image + 1]),
    };
    return { ...rows, ...match(rows, fill(rows), input) };
  });
}

type Rows = Pick<AssignedImage, "image" | "detections" | "objects">;

function match(
  { detections: rows, objects }: Rows,
  ious: Float64Array,
  { groundTruth, detections, iouThreshold = 0.5 }: AssignmentInput,
): Pick<AssignedImage, "ious" | "matches" | "found"> {
  const G = objects.length;
  const matches = new Int32Array(rows.length).fill(WRONG);
  const found = new Int32Array(G).fill(-1);
  for (let d = 0; d < rows.length; d++) {
    let best = -1;
    let inCrowd = false;
    for (let g = 0; g < G; g++) {
      const object = objects[g]!;
      if (groundTruth.category[object] !== detections.category[rows[d]!]) continue;
      const iou = ious[d * G + g]!;
      if (groundTruth.crowd[object] === 1) inCrowd ||= iou > iouThreshold;
      else if (found[g]! < 0 && iou >= iouThreshold && (best < 0 || iou > ious[d * G + best]!)) best = g;
    }
    if (best >= 0) {
      matches[d] = best;
      found[best] = d;
    } else if (inCrowd) matches[d] = IGNORED;
  }
  return { ious, matches, found };
}

/** @throws RangeError when masks are judged but were only compared with objects of their own class */
function iousOf({ type, groundTruth, detections }: AssignmentInput): (rows: Rows) => Float64Array {
  return type === "bbox" ? boxIousOf(groundTruth, detections) : maskIousOf(groundTruth, detections);
}

function boxIousOf(groundTruth: GroundTruthTable, detections: DetectionTable): (rows: Rows) => Float64Array {
  return ({ detections: rows, objects }) => {
    const ious = new Float64Array(rows.length * objects.length); // [D, G]
    let i = 0;
    for (const d of rows) {
      for (const g of objects) {
        ious[i++] = boxIou(detections.boxes, 4 * d, groundTruth.boxes, 4 * g, groundTruth.crowd[g] === 1);
      }
    }
    return ious;
  };
}

function maskIousOf(groundTruth: GroundTruthTable, { overlaps }: DetectionTable): (rows: Rows) => Float64Array {
  if (overlaps?.comparedWith !== "image") {
    throw new RangeError('the masks must have been compared with those of all classes (comparedWith "image")');
  }
  const { starts, objects: others, ious: values } = overlaps;
  const place = new Int32Array(groundTruth.image.length); // of an object within its image
  return ({ detections: rows, objects }) => {
    const ious = new Float64Array(rows.length * objects.length); // [D, G]
    objects.forEach((g, k) => {
      place[g] = k;
    });
    rows.forEach((d, at) => {
      for (let i = starts[d]!; i < starts[d + 1]!; i++) ious[at * objects.length + place[others[i]!]!] = values[i]!;
    });
    return ious;
  };
}
