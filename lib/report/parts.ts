import type { Config } from "../config/schema.js";
import { classificationPart } from "./classificationPart.js";
import { detectionPart } from "./detectionPart.js";
import type { EvaluationPart, PartMaker } from "./part.js";
import type { StoredEvaluation } from "./run.js";
import { segmentationPart } from "./segmentationPart.js";
import type { ReportOptions } from "./types.js";

/** The part of the page that is specific to each task. */
const PARTS: { readonly [T in Config["task"]]: PartMaker<Extract<Config, { task: T }>> } = {
  detection: detectionPart,
  segmentation: segmentationPart,
  classification: classificationPart,
};

export function evaluationPart(
  evaluation: StoredEvaluation,
  weights: string | undefined,
  options: ReportOptions,
): Promise<EvaluationPart> {
  const maker: PartMaker = PARTS[evaluation.config.task];
  return maker.make(evaluation, weights, options);
}
