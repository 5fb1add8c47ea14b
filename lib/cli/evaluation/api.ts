import type { EvaluateCocoFilesOptions } from "../../evaluation/cocoFiles.js";
import type { EvaluateLabelMapsOptions, LabelMapsEvaluation } from "../../evaluation/labelMapFiles.js";
import type { CocoEvaluation } from "../../metrics/coco/evaluate.js";

/** What `evaluate` calls for files of results, without a model. */
export interface EvaluationApi {
  coco(options: EvaluateCocoFilesOptions): Promise<CocoEvaluation>;
  labelMaps(options: EvaluateLabelMapsOptions): Promise<LabelMapsEvaluation>;
}

export const evaluationApi: EvaluationApi = {
  async coco(options) {
    const { evaluateCocoFiles } = await import("../../evaluation/cocoFiles.js");
    return evaluateCocoFiles(options);
  },
  async labelMaps(options) {
    const { evaluateLabelMaps } = await import("../../evaluation/labelMapFiles.js");
    return evaluateLabelMaps(options);
  },
};
