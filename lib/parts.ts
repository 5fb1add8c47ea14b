/**
 * How to add a part of your own: describe it, with a schema of its config keys, and register it; configs can then name
 * it by its type.
 */
export { z } from "zod";
export {
  type Backbone,
  type BackboneKind,
  backboneKind,
  backboneSchema,
  type Classifier,
  type ClassifierOptions,
  fourStages,
  type MakeOptions,
  pooledHead,
} from "./backbones/backbone.js";
export { registerBackbone } from "./backbones/index.js";
export { registerDataSet } from "./datasets/sets/index.js";
export {
  type DataItems,
  type DataSetKind,
  type DataSetSchema,
  type DataTask,
  dataSetKind,
  dataSetSchema,
  type ItemImage,
  type ItemObject,
  type OpenedSet,
} from "./datasets/sets/kind.js";
export { registerTransform } from "./datasets/transforms/index.js";
export { type Transform, transform } from "./datasets/transforms/transform.js";
export type { Sample } from "./datasets/types.js";
export { registerBoxHead } from "./heads/boxHeads/index.js";
export { registerSegmentationHead } from "./heads/index.js";
export { registerLoss } from "./heads/losses/index.js";
export { type ClassDecisions, type ClassLoss, type LossKind, lossKind } from "./heads/losses/loss.js";
export { registerMaskHead } from "./heads/maskHeads/index.js";
export { type RoiHeadKind, type RoiHeadOptions, roiHeadKind } from "./heads/roiHead.js";
export {
  type SegmentationHead,
  type SegmentationHeadKind,
  type SegmentationHeadOptions,
  segmentationHeadKind,
  segmentationHeadSchema,
} from "./heads/segmentationHead.js";
export { registerLogger } from "./loggers/index.js";
export { type LoggedRun, type LoggerKind, loggerKind, type RunLogger } from "./loggers/logger.js";
export { type Judged, type MetricKind, type MetricRun, registerMetric } from "./metrics/registered.js";
export { registerNeck } from "./necks/index.js";
export { type Neck, type NeckKind, type NeckOptions, neckKind } from "./necks/neck.js";
export type { Plugin, PluginHost } from "./plugins/host.js";
export type { Random } from "./random.js";
export { filePath } from "./schemas/fields.js";
