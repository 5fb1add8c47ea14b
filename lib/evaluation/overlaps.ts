import { UserError } from "../errors.js";
import { indexedIou } from "../masks/overlap.js";
import type { DetectionTable, EvaluationType, GroundTruthTable } from "./tables.js";

/** Rows of the tables that belong to one picture (and category). */
export interface PictureRows {
  /** Detections by falling score. */
  readonly detections: Int32Array;
  readonly objects: Int32Array;
}

/** Fills `ious` [D, G] for the detections and objects of one picture. */
export function fillIous(
  type: EvaluationType,
  rows: PictureRows,
  groundTruth: GroundTruthTable,
  detections: DetectionTable,
  ious: Float64Array,
): void {
  if (type === "bbox") fillBoxIous(rows, groundTruth, detections, ious);
  else fillMaskIous(rows, groundTruth, detections, ious);
}

function fillMaskIous(rows: PictureRows, groundTruth: GroundTruthTable, table: DetectionTable, ious: Float64Array) {
  const { masks: objectMasks, crowd } = groundTruth;
  if (objectMasks === undefined || table.masks === undefined) {
    throw new UserError("evaluating masks needs the masks of the ground truth and of the detections");
  }
  const G = rows.objects.length;
  for (let d = 0; d < rows.detections.length; d++) {
    const detection = table.masks[rows.detections[d]!]!;
    for (let k = 0; k < G; k++) {
      const g = rows.objects[k]!;
      ious[d * G + k] = indexedIou(detection, objectMasks[g]!, crowd[g] === 1);
    }
  }
}

function fillBoxIous(rows: PictureRows, groundTruth: GroundTruthTable, table: DetectionTable, ious: Float64Array) {
  const G = rows.objects.length;
  for (let d = 0; d < rows.detections.length; d++) {
    const a = 4 * rows.detections[d]!;
    for (let k = 0; k < G; k++) {
      const g = rows.objects[k]!;
      ious[d * G + k] = boxIou(table.boxes, a, groundTruth.boxes, 4 * g, groundTruth.crowd[g] === 1);
    }
  }
}

/** IoU of the boxes x y width height at `a` and `b`; over the first one's area alone where the second is a crowd. */
export function boxIou(boxesA: Float64Array, a: number, boxesB: Float64Array, b: number, crowd: boolean): number {
  const width = Math.min(boxesA[a + 2]! + boxesA[a]!, boxesB[b + 2]! + boxesB[b]!) - Math.max(boxesA[a]!, boxesB[b]!);
  if (width <= 0) return 0;
  const height =
    Math.min(boxesA[a + 3]! + boxesA[a + 1]!, boxesB[b + 3]! + boxesB[b + 1]!) -
    Math.max(boxesA[a + 1]!, boxesB[b + 1]!);
  if (height <= 0) return 0;
  const intersection = width * height;
  const area = boxesA[a + 2]! * boxesA[a + 3]!;
  return intersection / (crowd ? area : area + boxesB[b + 2]! * boxesB[b + 3]! - intersection);
}
