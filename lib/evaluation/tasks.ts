import { type JsonPiece, readJsonPiece } from "../jsonfiles/lists.js";
import { boundedWork, WORK_VARIABLE, type Work } from "../masks/work.js";
import { type Curves, emptyCurves, grown } from "./accumulate.js";
import type { CocoAnnotation, CocoResult } from "./cocoTypes.js";
import { detectionColumns, type ObjectColumns, objectColumns } from "./columns.js";
import type { CocoFrame } from "./frame.js";
import { judgeClasses } from "./judge.js";
import type { JudgeInput } from "./judging.js";
import { overlapTarget } from "./maskOverlaps.js";
import type { ClassRows } from "./rows.js";
import type { ComparedWith, DetectionTable, EvaluationType, GroundTruthTable } from "./tables.js";

// What worker threads are asked to do. Tables lie in shared memory, so that a task is small.

export interface ObjectsTask {
  readonly path: string;
  readonly piece: JsonPiece;
  readonly frame: CocoFrame;
  readonly type: EvaluationType;
}

/** Parses some of a file's annotations. */
export async function readObjects({ path, piece, frame, type }: ObjectsTask): Promise<ObjectColumns> {
  const annotations = await readJsonPiece(path, piece); // checked one by one
  return objectColumns(annotations as CocoAnnotation[], piece.first, frame, type, workOf(piece));
}

export interface DetectionsTask {
  readonly path: string;
  readonly piece: JsonPiece;
  readonly frame: CocoFrame;
  readonly truth: GroundTruthTable;
  readonly comparedWith: ComparedWith;
}

/** Parses some of a file's results, and compares their masks with the ground truth's. */
export async function readDetections(task: DetectionsTask): Promise<DetectionTable> {
  const { path, piece, frame, truth, comparedWith } = task;
  const results = await readJsonPiece(path, piece); // checked one by one
  const target = truth.masks && overlapTarget(truth, comparedWith);
  return detectionColumns(results as CocoResult[], piece.first, frame, target, workOf(piece));
}

/** What the masks of a piece may ask for. */
function workOf({ start, end }: JsonPiece): Work {
  const work = boundedWork(process.env[WORK_VARIABLE]);
  work.addFile(end - start);
  return work;
}

export interface JudgeTask {
  readonly input: JudgeInput;
  readonly classes: readonly ClassRows[];
}

/** Judges some categories; category k of the answer is the k-th of them. */
export function judgePart({ input, classes }: JudgeTask): Curves {
  const curves = emptyCurves(input.options, classes.length);
  judgeClasses(input, classes, curves);
  return grown(curves);
}
