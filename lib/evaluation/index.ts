export type { CocoSegmentation } from "../masks/coco.js";
export { mergeRles, rleIou } from "../masks/overlap.js";
export { boxToRle, polygonsToRle, polygonToRle } from "../masks/polygons.js";
export { decodeRle, encodeRle, rleArea, rleBoxXywh } from "../masks/rle.js";
export { compressRle, decompressRle } from "../masks/strings.js";
export type { Rle } from "../masks/types.js";
export type { PrecisionRecall } from "./accumulate.js";
export {
  type CategoryFigures,
  type CocoEvaluation,
  type EvaluateCocoOptions,
  type EvaluateInstancesOptions,
  evaluateCoco,
  evaluateInstances,
  formatCocoSummary,
} from "./coco.js";
export { type CocoErrorsOptions, cocoErrors } from "./cocoErrors.js";
export { type EvaluateCocoFilesOptions, evaluateCocoFiles } from "./cocoEvaluateFiles.js";
export type { CocoAnnotation, CocoGroundTruth, CocoImage, CocoResult } from "./cocoTypes.js";
export { type ClassMap, type ConfusionMatrix, emptyConfusion, mergeConfusions } from "./confusion.js";
export {
  type ConfusionCounter,
  type ConfusionOptions,
  type CounterOptions,
  confusionCounter,
  confusionOf,
} from "./confusionCounter.js";
export { type Confusion, mostConfused } from "./confusions.js";
export type { ErrorBreakdown, ErrorCost, ErrorKind } from "./errors.js";
export type { ImageMatches } from "./imageMatches.js";
export type { EvaluatedDetections, EvaluatedObjects } from "./instances.js";
export { type EvaluateLabelMapsOptions, evaluateLabelMaps, type LabelMapsEvaluation } from "./labelMapFiles.js";
export type { AreaRange, CocoOptions } from "./options.js";
export { boxIous } from "./overlaps.js";
export { type ClassFigures, type SegmentationFigures, segmentationFigures } from "./segmentation.js";
export type { SummaryRow } from "./summary.js";
