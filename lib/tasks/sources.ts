import { existsSync } from "node:fs";
import type { Config, DetectionConfig, SegmentationConfig } from "../config/schema.js";
import { type CocoOptions, openCoco } from "../datasets/coco.js";
import { type LabelMapOptions, openLabelMaps } from "../datasets/labelMaps.js";
import { limitDataset } from "../datasets/limit.js";
import type { DetectionDataset, SegmentationDataset } from "../datasets/types.js";
import { UserError } from "../errors.js";

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

export function cocoSource(
  { data }: DetectionConfig,
  split: Split,
  classes: readonly string[] | undefined = data.classes,
): CocoSource {
  const dropEmpty = split === "train" && data.dropEmpty;
  return { kind: "coco", name: split, ...data[split], dropEmpty, ...(classes !== undefined && { classes }) };
}

export function labelMapsSource(
  { data }: SegmentationConfig,
  split: Split,
  classes: readonly string[] | undefined = data.classes,
): LabelMapsSource {
  const { labelSuffix, objectInfo, reduceZeroLabel, ignoreLabel, palette } = data;
  return {
    kind: "labelMaps",
    name: split,
    ...data[split],
    labelSuffix,
    reduceZeroLabel,
    ignoreLabel,
    ...(classes === undefined ? objectInfo !== undefined && { objectInfo } : { classes }),
    ...(palette !== undefined && { palette }),
  };
}

/**
 * @throws UserError where a path of a config's split does not exist, saying which key names it and where data is looked for
 */
export function checkPresent(config: Config, split: Split): void {
  const paths = Object.entries(config.data[split]).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string",
  );
  const missing = paths.find(([, path]) => !existsSync(path));
  if (missing === undefined) return;
  const [name, path] = missing;
  const key = `data.${split}.${name}`;
  const root = process.env.DENSEKIT_DATA;
  const folder = root === undefined || root === "" ? "not set: ./data" : root;
  throw new UserError(
    `cannot read ${path}: no such file or folder; ${key} of the config names it. Name your own by --set ${key}=... or in a config; ` +
      `data sets of the configs that come with densekit are looked for in DENSEKIT_DATA (${folder})`,
  );
}

/** @throws UserError as `openCoco` and `openLabelMaps` */
export async function openSource(source: CocoSource): Promise<DetectionDataset>;
export async function openSource(source: LabelMapsSource): Promise<SegmentationDataset>;
export async function openSource(source: DataSource): Promise<DetectionDataset | SegmentationDataset>;
export async function openSource(source: DataSource): Promise<DetectionDataset | SegmentationDataset> {
  const dataset = source.kind === "coco" ? await openCoco(source) : await openLabelMaps(source);
  return source.limit === undefined ? dataset : limitDataset(dataset, source.limit);
}
