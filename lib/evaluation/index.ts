export {
  type CocoEvaluation,
  type EvaluateCocoOptions,
  type EvaluateInstancesOptions,
  evaluateCoco,
  evaluateInstances,
  formatCocoSummary,
} from "./coco.js";
export type { CocoGroundTruth, CocoResult } from "./coco-files.js";
export {
  type ConfusionMatrix,
  confusionOf,
  emptyConfusion,
  mergeConfusions,
  type SegmentationFigures,
  segmentationFigures,
} from "./segmentation.js";
