import type { Config, InstancesConfig, SemanticConfig } from "../config/schema.js";
import { type CocoOptions, openCoco } from "../datasets/coco.js";
import { type LabelMapOptions, openLabelMaps } from "../datasets/labelMaps.js";
import { limitDataset } from "../datasets/limit.js";
import type { DetectionDataset, SegmentationDataset } from "../datasets/types.js";

interface SourceBase {
  /** What messages and tables call it, such as "train". */
  readonly name: string;
  /** Take only this many pictures, the first ones. */
  readonly limit?: number;
}

/** A COCO file with its pictures folder. */
export interface CocoSource extends SourceBase, CocoOptions {
  readonly kind: "coco";
}

/** A folder of pictures with a folder of label maps. */
export interface LabelMapsSource extends SourceBase, LabelMapOptions {
  readonly kind: "labelMaps";
}

/** Where a data set lies and how it is to be read. */
export type DataSource = CocoSource | LabelMapsSource;

export type Split = "train" | "val";

/** The data set of a config's split. @param classes those of a model or of another split; default the config's */
export function sourceOf(config: Config, split: Split, classes?: readonly string[]): DataSource {
  return config.task === "instances" ? cocoSource(config, split, classes) : labelMapsSource(config, split, classes);
}

export function cocoSource(
  { data }: InstancesConfig,
  split: Split,
  classes: readonly string[] | undefined = data.classes,
): CocoSource {
  const dropEmpty = split === "train" && data.dropEmpty;
  return { kind: "coco", name: split, ...data[split], dropEmpty, ...(classes !== undefined && { classes }) };
}

export function labelMapsSource(
  { data }: SemanticConfig,
  split: Split,
  classes: readonly string[] | undefined = data.classes,
): LabelMapsSource {
  const { labelSuffix, objectInfo, reduceZeroLabel, palette } = data;
  return {
    kind: "labelMaps",
    name: split,
    ...data[split],
    labelSuffix,
    reduceZeroLabel,
    ...(classes === undefined ? objectInfo !== undefined && { objectInfo } : { classes }),
    ...(palette !== undefined && { palette }),
  };
}

/** @throws UserError as `openCoco` and `openLabelMaps` */
export async function openSource(source: CocoSource): Promise<DetectionDataset>;
export async function openSource(source: LabelMapsSource): Promise<SegmentationDataset>;
export async function openSource(source: DataSource): Promise<DetectionDataset | SegmentationDataset>;
export async function openSource(source: DataSource): Promise<DetectionDataset | SegmentationDataset> {
  const dataset = source.kind === "coco" ? await openCoco(source) : await openLabelMaps(source);
  return source.limit === undefined ? dataset : limitDataset(dataset, source.limit);
}
