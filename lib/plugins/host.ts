import { z } from "zod";
import { backboneKind, backboneSchema, fourStages, pooledHead } from "../backbones/backbone.js";
import { registerBackbone } from "../backbones/index.js";
import { registerDataSet } from "../datasets/sets/index.js";
import { dataSetKind, dataSetSchema } from "../datasets/sets/kind.js";
import { registerTransform } from "../datasets/transforms/index.js";
import { type Transform, transform } from "../datasets/transforms/transform.js";
import { registerBoxHead } from "../heads/boxHeads/index.js";
import { registerSegmentationHead } from "../heads/index.js";
import { registerLoss } from "../heads/losses/index.js";
import { lossKind } from "../heads/losses/loss.js";
import { registerMaskHead } from "../heads/maskHeads/index.js";
import { roiHeadKind } from "../heads/roiHead.js";
import { segmentationHeadKind, segmentationHeadSchema } from "../heads/segmentationHead.js";
import { registerLogger } from "../loggers/index.js";
import { loggerKind } from "../loggers/logger.js";
import { registerMetric } from "../metrics/registered.js";
import { registerNeck } from "../necks/index.js";
import { neckKind } from "../necks/neck.js";
import { filePath } from "../schemas/fields.js";
import type { KindSchema } from "../schemas/kinds.js";

/** What describes parts; `densekit/parts` has the same, for plugins that can import it. */
const describing = {
  z,
  backboneKind,
  backboneSchema,
  dataSetKind,
  dataSetSchema,
  filePath,
  fourStages,
  loggerKind,
  lossKind,
  neckKind,
  pooledHead,
  roiHeadKind,
  segmentationHeadKind,
  segmentationHeadSchema,
  transform,
} as const;

/** What a plugin is given: functions that add parts, and what describes these. */
export interface PluginHost extends Readonly<typeof describing> {
  readonly registerBackbone: typeof registerBackbone;
  readonly registerBoxHead: typeof registerBoxHead;
  readonly registerDataSet: typeof registerDataSet;
  readonly registerLogger: typeof registerLogger;
  readonly registerLoss: typeof registerLoss;
  readonly registerMaskHead: typeof registerMaskHead;
  readonly registerMetric: typeof registerMetric;
  readonly registerNeck: typeof registerNeck;
  readonly registerSegmentationHead: typeof registerSegmentationHead;
  readonly registerTransform: <Schema extends KindSchema>(kind: Transform<Schema>) => () => void;
}

/** What a plugin's module exports, as default or as `register`. */
export type Plugin = (host: PluginHost) => void;

/**
 * @param threadModule the URL of a module whose import loads the plugin, for the threads that transform images
 * @param removals gets what removes each part again
 */
export function pluginHost(threadModule: string, removals: (() => void)[]): PluginHost {
  const noted =
    <A extends readonly unknown[]>(register: (...given: A) => () => void) =>
    (...given: A): (() => void) => {
      const remove = register(...given);
      removals.push(remove);
      return remove;
    };
  return {
    ...describing,
    registerBackbone: noted(registerBackbone) as typeof registerBackbone,
    registerBoxHead: noted(registerBoxHead) as typeof registerBoxHead,
    registerDataSet: noted(registerDataSet) as typeof registerDataSet,
    registerLogger: noted(registerLogger) as typeof registerLogger,
    registerLoss: noted(registerLoss) as typeof registerLoss,
    registerMaskHead: noted(registerMaskHead) as typeof registerMaskHead,
    registerMetric: noted(registerMetric) as typeof registerMetric,
    registerNeck: noted(registerNeck) as typeof registerNeck,
    registerSegmentationHead: noted(registerSegmentationHead) as typeof registerSegmentationHead,
    registerTransform: noted((kind: Transform) =>
      registerTransform(kind, threadModule),
    ) as PluginHost["registerTransform"],
  };
}
