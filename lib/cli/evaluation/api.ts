import type { CocoEvaluation } from "../../evaluation/coco.js";
import type { EvaluateCocoFilesOptions } from "../../evaluation/cocoEvaluateFiles.js";
import type { EvaluateLabelMapsOptions, LabelMapsEvaluation } from "../../evaluation/labelMapFiles.js";

/** What `evaluate` calls for files of results, without a model. */
export interface EvaluationApi {
  coco(options: EvaluateCocoFilesOptions): Promise<CocoEvaluation>;
  labelMaps(options: EvaluateLabelMapsOptions): Promise<LabelMapsEvaluation>;
}

export const evaluationApi: EvaluationApi = {
  async coco(options) {
    const { evaluateCocoFiles } = await import("../../evaluation/cocoEvaluateFiles.js");
    return evaluateCocoFiles(options);
  },
  async labelMaps(options) {
    const { evaluateLabelMaps } = await import("../../evaluation/labelMapFiles.js");
    return evaluateLabelMaps(options);
  },
};
