export { type LoadedConfig, type LoadOptions, loadConfig, resolveConfig } from "./config/load.js";
export type { Config, ConfigInput } from "./config/schema.js";
export { type AugmentedSampleOptions, augmentedSample } from "./datasets/augment.js";
export { checkData } from "./datatools/check/check.js";
export type { CheckOptions, CheckResult, Problem } from "./datatools/check/types.js";
export { type ConvertOptions, type ConvertResult, convertData } from "./datatools/convert/convert.js";
export { type InitOptions, type InitResult, initConfig } from "./datatools/init/init.js";
export { type ShowOptions, type ShowResult, showData } from "./datatools/show/show.js";
export { type SplitOptions, type SplitResult, splitData } from "./datatools/split/split.js";
export { dataStats } from "./datatools/stats/stats.js";
export type { StatsOptions, StatsResult } from "./datatools/stats/types.js";
export { type TileOptions, type TileResult, tileData } from "./datatools/tile/tile.js";
export { UserError } from "./errors.js";
export * from "./evaluation/index.js";
export { type ExportOptions, type ExportResult, exportModel } from "./export/exportModel.js";
export {
  type ModelRepositoryOptions,
  type ModelRepositoryResult,
  writeModelRepository,
} from "./export/modelRepository.js";
export type { ExportSettings } from "./export/settings.js";
export type { VerifyResult } from "./export/verify/result.js";
export { type VerifyOptions, verifyModel } from "./export/verify/verify.js";
export { type DecodeOptions, decodeImage, decodeLabelMap } from "./images/decode.js";
export { type DrawnInstances, drawInstances, type InstanceStyle } from "./images/draw/instances.js";
export { drawLabelMap, type SemanticStyle } from "./images/draw/semantic.js";
export { encodeIndexedPng, encodeJpeg, encodePng } from "./images/encode.js";
export { type CompareWeightsOptions, compareWeights, type WeightsComparison } from "./inference/compareWeights.js";
export { type EvaluateOptions, type EvaluateResult, evaluate } from "./inference/evaluate.js";
export type { TrainingEvent } from "./loggers/events.js";
export type { LoggedRun, OpenLogger, RunLogger } from "./loggers/logger.js";
export type { Mask } from "./masks/mask.js";
export type { Image, LabelMap } from "./pixels/image.js";
export { claimProcess } from "./process.js";
export { observe } from "./profile/observations/observe.js";
export type { ObserveOptions, ObserveResult } from "./profile/observations/types.js";
export { profile } from "./profile/profile.js";
export type { ModelProfile, ProfileOptions, ProfileResult } from "./profile/types.js";
export type { ProgressEvent } from "./progress.js";
export { report } from "./report/report.js";
export type { ReportOptions, ReportResult } from "./report/types.js";
export { slimSearch } from "./slimming/slimSearch.js";
export { type SlimTableOptions, type SlimTableResult, slimTable } from "./slimming/slimTable.js";
export type { LatencyTable } from "./slimming/tableFile.js";
export { train } from "./slimming/train.js";
export type { SlimmedNetwork, SlimSearchOptions, SlimSearchResult } from "./slimming/types.js";
export type { FoundClass } from "./tasks/classification/found.js";
export type { ClassificationResult } from "./tasks/classification/result.js";
export type { FoundDifference } from "./tasks/comparison.js";
export type { FoundInstance } from "./tasks/detection/found.js";
export type { DetectionResult } from "./tasks/detection/result.js";
export { sourceOf } from "./tasks/kinds.js";
export type { ClassShare, PredictedImage, PredictedObject } from "./tasks/predictions.js";
export type { SegmentationResult } from "./tasks/segmentation/result.js";
export type { DataSource } from "./tasks/sources.js";
export type { ClassMetrics } from "./tasks/task.js";
export type { CheckpointControl, TrainingControl, TrainingHooks } from "./training/hooks.js";
export type { TrainOptions, TrainResult } from "./training/train.js";
export type { NamedImage } from "./use/imageInputs.js";
export {
  type AskOptions,
  type ClassificationModel,
  type DetectionModel,
  type LoadModelOptions,
  loadModel,
  type Model,
  type SegmentationModel,
} from "./use/loadModel.js";
export { type PackOptions, type PackResult, packModel } from "./use/pack.js";
export { type PredictOptions, type PredictResult, predictFiles, type WrittenResult } from "./use/predict.js";
export type { ImageInput, ImagePixels } from "./use/readInput.js";
export { type ResolvedModel, type ResolveModelOptions, resolveModel } from "./use/resolveModel.js";
export { type ConvertWeightsOptions, type ConvertWeightsResult, convertWeights } from "./weights/convert.js";
export { showWeights, type WeightsContents } from "./weights/show.js";
