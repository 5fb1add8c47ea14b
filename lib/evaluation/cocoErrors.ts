import { detectionTable, readGroundTruth } from "./coco-files.js";
import type { CocoGroundTruth, CocoResult } from "./cocoTypes.js";
import { type ErrorBreakdown, type ErrorOptions, errorBreakdown } from "./errors.js";
import type { JudgedSubset } from "./frame.js";

export interface CocoErrorsOptions extends JudgedSubset, Omit<ErrorOptions, "groundTruth" | "detections"> {
  /** A COCO instances file, parsed. */
  readonly groundTruth: CocoGroundTruth;
  /** A COCO results file, parsed. */
  readonly results: readonly CocoResult[];
}

/**
 * What the kinds of error in COCO results cost; see `errorBreakdown`.
 *
 * @throws UserError naming the annotation or result that is malformed or unknown
 */
export function cocoErrors({
  groundTruth,
  results,
  imageIds,
  categoryIds,
  ...rest
}: CocoErrorsOptions): ErrorBreakdown {
  const subset = { ...(imageIds && { imageIds }), ...(categoryIds && { categoryIds }) };
  const [frame, truth] = readGroundTruth(groundTruth, { type: rest.type, ...subset });
  const detections = detectionTable(results, frame, truth, "image");
  return errorBreakdown({ ...rest, groundTruth: truth, detections });
}
