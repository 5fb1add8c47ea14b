import { existsSync } from "node:fs";
import { basename, dirname } from "node:path";
import { NO_DATA_SET } from "../config/portable.js";
import type { ClassificationConfig, Config, DetectionConfig, SegmentationConfig } from "../config/schema.js";
import { type CocoOptions, openCoco } from "../datasets/coco.js";
import { type ImageLabelsOptions, openImageLabels, placeOf } from "../datasets/imageLabels.js";
import { type LabelMapOptions, openLabelMaps } from "../datasets/labelMaps.js";
import { limitDataset } from "../datasets/limit.js";
import { UserError } from "../errors.js";
import { absence } from "../files.js";

interface SourceBase {
  /** Its name in messages and tables, such as "train". */
  readonly name: string;
  /** Take only this many images, the first ones. */
  readonly limit?: number;
}

/** A COCO file with its images folder. */
export interface CocoSource extends SourceBase, CocoOptions {
  readonly kind: "coco";
}

/** A folder of images with a folder of label maps. */
export interface LabelMapsSource extends SourceBase, LabelMapOptions {
  readonly kind: "labelMaps";
}

/** Images with one class each, from folders or a list. */
export interface ImageLabelsSource extends SourceBase, ImageLabelsOptions {
  readonly kind: "imageLabels";
}

/** Where a data set is and how to read it. */
export type DataSource = CocoSource | LabelMapsSource | ImageLabelsSource;

/** A function for each kind of source. */
export type BySource<A extends readonly unknown[], R> = {
  readonly [K in DataSource["kind"]]: (source: Extract<DataSource, { kind: K }>, ...more: A) => R;
};

/** Calls the one of the source's kind. */
export function bySource<A extends readonly unknown[], R>(table: BySource<A, R>, source: DataSource, ...more: A): R {
  // Each takes its own kind; that tie is lost in this look-up.
  return (table[source.kind] as (source: DataSource, ...more: A) => R)(source, ...more);
}

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

export function imageLabelsSource(
  { data }: ClassificationConfig,
  split: Split,
  classes: readonly string[] | undefined = data.classes,
): ImageLabelsSource {
  return { kind: "imageLabels", name: split, ...data[split], ...(classes !== undefined && { classes }) };
}

const pathsOf = (config: Config, split: Split): [name: string, path: string][] =>
  Object.entries(config.data[split]).filter((entry): entry is [string, string] => typeof entry[1] === "string");

/** @throws UserError where the config is that of a model's file and nobody has said which data set is meant */
export function refuseNoDataSet(config: Config, split: Split): void {
  const missing = pathsOf(config, split).filter(([, path]) => basename(path) === NO_DATA_SET);
  if (missing.length === 0) return;
  const keys = missing.map(([name]) => `--set data.${split}.${name}=...`).join(" ");
  throw new UserError(`${dirname(missing[0]![1])}: the model's file names no data set; name one with ${keys}`);
}

/**
 * @throws UserError where a path of a config's split does not exist, naming the key it comes from and where data is
 *   looked for
 */
export function checkPresent(config: Config, split: Split): void {
  refuseNoDataSet(config, split);
  const paths = pathsOf(config, split);
  const missing = paths.find(([, path]) => !existsSync(path));
  if (missing === undefined) return;
  const [name, path] = missing;
  const key = `data.${split}.${name}`;
  const root = process.env.DENSEKIT_DATA;
  const folder = root === undefined || root === "" ? "not set: ./data" : root;
  throw new UserError(
    `cannot read ${path}: ${absence(path)}; ${key} of the config names it. Name your own with --set ${key}=... or in a config; ` +
      `the configs shipped with densekit look for data sets in DENSEKIT_DATA (${folder})`,
  );
}

const OPEN = {
  coco: openCoco,
  labelMaps: openLabelMaps,
  imageLabels: openImageLabels,
} as const;

/** The data set that a source is of. */
export type DatasetOf<S extends DataSource> = Awaited<ReturnType<(typeof OPEN)[S["kind"]]>>;

/** @throws UserError like the function that opens the source's kind */
export async function openSource<S extends DataSource>(source: S): Promise<DatasetOf<S>> {
  // Each opens its own kind; that tie is lost in this look-up.
  const open = OPEN[source.kind] as unknown as (source: S) => Promise<DatasetOf<S>>;
  const dataset = await open(source);
  return source.limit === undefined ? dataset : limitDataset(dataset, source.limit);
}

const ANNOTATIONS: BySource<[], string> = {
  coco: ({ annotations }) => annotations,
  labelMaps: ({ labelMaps }) => labelMaps,
  imageLabels: placeOf,
};

/** The file or folder that has a source's annotations. */
export const annotationsOf = (source: DataSource): string => bySource(ANNOTATIONS, source);
