export type { CocoAnnotation, CocoGroundTruth, CocoImage, CocoResult } from "../coco/entries.js";
export type { CocoSegmentation } from "../masks/coco.js";
export { maskPolygons } from "../masks/outlines.js";
export { mergeRles, rleIou } from "../masks/overlap.js";
export { boxToRle, polygonsToRle, polygonToRle } from "../masks/polygons.js";
export { decodeRle, encodeRle, rleArea, rleBoxXywh } from "../masks/rle.js";
export { compressRle, decompressRle } from "../masks/strings.js";
export type { Rle } from "../masks/types.js";
export type { PrecisionRecall } from "../metrics/coco/accumulate.js";
export {
  type CocoErrorsOptions,
  cocoErrors,
  type ErrorBreakdown,
  type ErrorCost,
  type ErrorKind,
} from "../metrics/coco/errorKinds.js";
export {
  type CategoryFigures,
  type CocoEvaluation,
  type EvaluateCocoOptions,
  type EvaluateInstancesOptions,
  evaluateCoco,
  evaluateInstances,
  formatCocoSummary,
} from "../metrics/coco/evaluate.js";
export type { EvaluatedDetections, EvaluatedObjects } from "../metrics/coco/instances.js";
export type { ImageMatches } from "../metrics/coco/judging.js";
export type { AreaRange, CocoOptions } from "../metrics/coco/options.js";
export { boxIous } from "../metrics/coco/overlaps.js";
export type { SummaryRow } from "../metrics/coco/summary.js";
export {
  type ClassMap,
  type ConfusionCounter,
  type ConfusionMatrix,
  type ConfusionOptions,
  type CounterOptions,
  confusionCounter,
  confusionOf,
  emptyConfusion,
  mergeConfusions,
} from "../metrics/labels/confusion.js";
export { type ClassFigures, type SegmentationFigures, segmentationFigures } from "../metrics/labels/figures.js";
export { type Confusion, mostConfused } from "../metrics/mostConfused.js";
export { type EvaluateCocoFilesOptions, evaluateCocoFiles } from "./cocoFiles.js";
export { type EvaluateLabelMapsOptions, evaluateLabelMaps, type LabelMapsEvaluation } from "./labelMapFiles.js";
