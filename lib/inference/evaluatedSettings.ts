import { differingPaths, valueAt } from "../config/differences.js";
import type { Config } from "../config/schema.js";

/** What of a config is for training, for speed or for the eye alone, and so leaves a model's figures as they are. */
const WITHOUT_EFFECT = [
  "output",
  "engine",
  "training",
  ...[
    "train",
    "dropEmpty",
    "repeatThreshold",
    "backgroundShare",
    "batchSize",
    "testBatchSize",
    "workers",
    "prefetch",
    "grouping",
    "codec",
    "decode",
    "repeats",
    "sampling",
    "mixing",
    "palette",
    "transforms.train",
  ].map((key) => `data.${key}`),
  ...["weights", "dropPath", "layerScaleInit", "frozenStages", "batchNorm"].map((key) => `model.backbone.${key}`),
  ...[
    "dropout",
    "averageOverAllPixels",
    "labelSmoothing",
    "classWeights",
    "classLoss",
    "focalGamma",
    "distillation",
  ].map((key) => `model.head.${key}`),
  ...[
    "positiveIou",
    "negativeIou",
    "minPositiveIou",
    "samples",
    "positiveFraction",
    "classWeight",
    "boxWeight",
    "classWeights",
    "classLoss",
    "focalGamma",
  ].flatMap((key) => [`model.head.rpn.${key}`, `model.head.roi.${key}`]),
  "model.head.rpn.trainPerLevel",
  "model.head.roi.maskWeight",
];

/** A setting of an evaluation that is another in the run's own config. */
export interface OtherSetting {
  readonly path: string;
  /** Both as JSON. */
  readonly here: string;
  readonly own: string;
}

/** By which settings the figures that a config gives are not those that another gives with the same weights. */
export function otherSettings(here: Config, own: Config): OtherSetting[] {
  return differingPaths(here, own)
    .filter((path) => !WITHOUT_EFFECT.some((prefix) => path === prefix || path.startsWith(`${prefix}.`)))
    .map((path) => ({ path, here: shown(valueAt(here, path)), own: shown(valueAt(own, path)) }));
}

const LONGEST = 200;

function shown(value: unknown): string {
  const text = value === undefined ? "not set" : JSON.stringify(value);
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST)} …`;
}
