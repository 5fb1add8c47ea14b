import { UserError } from "../errors.js";
import type { CocoGroundTruth, CocoResult } from "./cocoTypes.js";
import { detectionColumns, objectColumns } from "./columns.js";
import { type CocoFrame, type JudgedSubset, readFrame } from "./frame.js";
import { joinDetections, joinObjects } from "./join.js";
import { overlapTarget } from "./maskOverlaps.js";
import type { ComparedWith, DetectionTable, EvaluationType, GroundTruthTable } from "./tables.js";

export interface GroundTruthOptions extends JudgedSubset {
  /** Masks are made only for `segm`. */
  readonly type: EvaluationType;
}

/**
 * Reads a parsed COCO instances file into columns.
 *
 * @throws UserError naming the annotation that is malformed, repeated, or of an unknown image or category
 */
export function groundTruthTable(file: CocoGroundTruth, options: GroundTruthOptions): GroundTruthTable {
  return readGroundTruth(file, options)[1];
}

/** The same with what results are read by. */
export function readGroundTruth(
  file: CocoGroundTruth,
  { type, ...subset }: GroundTruthOptions,
): [CocoFrame, GroundTruthTable] {
  for (const part of ["images", "annotations", "categories"] as const) {
    if (!Array.isArray(file[part]))
      throw new UserError(`the ground truth is no COCO instances file: no list "${part}"`);
  }
  const [frame, judged] = readFrame(file, subset);
  return [frame, joinObjects([objectColumns(file.annotations, 0, frame, type)], judged)];
}

/**
 * Reads a parsed COCO results file into columns. Masks are compared with the ground truth's in passing and not kept.
 *
 * @param comparedWith where masks are judged: with all objects of the image if categories are not looked at
 * @throws UserError naming the result that is malformed or of an image the file does not have
 */
export function detectionTable(
  results: readonly CocoResult[],
  frame: CocoFrame,
  truth: GroundTruthTable,
  comparedWith: ComparedWith = "category",
): DetectionTable {
  if (!Array.isArray(results)) throw new UserError("the results are no COCO results file: it must hold a list");
  const target = truth.masks && overlapTarget(truth, comparedWith);
  return joinDetections([detectionColumns(results, 0, frame, target)]);
}
