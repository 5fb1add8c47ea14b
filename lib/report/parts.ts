import type { Config } from "../config/schema.js";
import { UserError } from "../errors.js";
import { classificationPart } from "./classificationPart.js";
import { detectionPart } from "./detectionPart.js";
import type { EvaluationPart, PartMaker, PartOption } from "./part.js";
import type { StoredEvaluation } from "./run.js";
import { segmentationPart } from "./segmentationPart.js";
import type { ReportOptions } from "./types.js";

/** The part of the page that is specific to each task. */
const PARTS: { readonly [T in Config["task"]]: PartMaker<Extract<Config, { task: T }>> } = {
  detection: detectionPart,
  segmentation: segmentationPart,
  classification: classificationPart,
};

/** What the command line calls them. */
const OPTIONS: Readonly<Record<PartOption, string>> = {
  type: "--type (type in the API)",
  iouThreshold: "--iou (iouThreshold in the API)",
  scoreThreshold: "--score (scoreThreshold in the API)",
};

/** @throws UserError where an option is given that the task would ignore */
export function refuseOthers(task: Config["task"], options: ReportOptions): void {
  const names = Object.keys(OPTIONS) as PartOption[];
  const other = names.find((name) => options[name] !== undefined && !PARTS[task].options.includes(name));
  if (other === undefined) return;
  const own = (Object.keys(PARTS) as Config["task"][]).filter((one) => PARTS[one].options.includes(other));
  throw new UserError(
    `${OPTIONS[other]} is for runs of ${own.join(" and ")}; this run is one of ${task}: leave it out`,
    2,
  );
}

export function evaluationPart(
  evaluation: StoredEvaluation,
  weights: string | undefined,
  options: ReportOptions,
): Promise<EvaluationPart> {
  const maker: PartMaker = PARTS[evaluation.config.task];
  return maker.make(evaluation, weights, options);
}
