import type { Verdicts } from "./matching.js";
import type { ResolvedCocoOptions } from "./options.js";
import type { DetectionTable, EvaluationType, GroundTruthTable } from "./tables.js";

/** What became of one category's n detections. */
export interface ClassVerdicts extends Verdicts {
  count: number;
  /** [n] */
  readonly scores: Float64Array;
  /** [n] 0 for an image's best detection of the category, and so on. */
  readonly ranks: Int32Array;
  /** The detections by falling score, equal scores in order of images; those beyond an image's limit left out. */
  readonly ranked: Int32Array;
  /** [A] objects to be found. */
  readonly positives: Int32Array;
}

export interface JudgeInput {
  readonly type: EvaluationType;
  readonly groundTruth: GroundTruthTable;
  readonly detections: DetectionTable;
  readonly options: ResolvedCocoOptions;
}
