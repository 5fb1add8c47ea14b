import { existsSync } from "node:fs";
import { basename, dirname } from "node:path";
import { pathsOf, type Split } from "../config/paths.js";
import { NO_DATA_SET } from "../config/portable.js";
import type { ClassificationConfig, Config, DetectionConfig, SegmentationConfig } from "../config/schema.js";
import { type CocoOptions, openCoco } from "../datasets/coco.js";
import { type ImageLabelsOptions, openImageLabels, placeOf } from "../datasets/imageLabels.js";
import { type LabelMapOptions, openLabelMaps } from "../datasets/labelMaps.js";
import { limitDataset } from "../datasets/limit.js";
import { UserError } from "../errors.js";
import { absence } from "../files.js";
import { cachedCoco, checkClasses } from "../formats/cache.js";
import type { ForeignSource } from "../formats/read.js";
import { registeredImageLabels, registeredLabelMaps } from "../formats/registered/labels.js";
import { foreignSource, registeredSet } from "./foreign.js";

interface SourceBase {
  /** Its name in messages and tables, such as "train". */
  readonly name: string;
  /** Take only this many images, the first ones. */
  readonly limit?: number;
}

/** A COCO file with its images folder. */
export interface CocoSource extends SourceBase, CocoOptions {
  readonly kind: "coco";
  /** What the file was converted from. */
  readonly from?: ForeignSource;
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

export type { Split } from "../config/paths.js";

/** Annotations of another format are converted, or were before. @throws UserError as their readers do */
export async function cocoSource(
  config: DetectionConfig,
  split: Split,
  given?: readonly string[],
): Promise<CocoSource> {
  const { data } = config;
  const dropEmpty = split === "train" && data.dropEmpty;
  const classes = given ?? data.classes;
  const chosen = { dropEmpty, ...(classes !== undefined && { classes }) };
  if (data.type === "coco") return { kind: "coco", name: split, ...data[split], ...chosen };
  const { limit } = data[split];
  const from = foreignSource(config, split);
  // What nobody has shown to exist may be a slip of the pen.
  if (classes !== undefined && given === undefined && split === "train" && !listsClasses(from)) {
    checkClasses(await cachedCoco(from), classes, from.input);
  }
  return convertedSource({ kind: "coco", name: split, ...chosen, ...(limit !== undefined && { limit }) }, from);
}

/** @param base its classes are had even if no object is of them, unless the format has a list of classes */
export async function convertedSource(
  base: Omit<CocoSource, "annotations" | "images" | "from" | "conversion">,
  from: ForeignSource,
): Promise<CocoSource> {
  const lists = listsClasses(from);
  const set = await cachedCoco(from, lists ? [] : base.classes);
  if (lists) checkClasses(set, base.classes ?? [], from.input);
  const { annotations, images, remarks: conversion } = set;
  return { ...base, annotations, images, conversion, from };
}

/** Whether the data set names its classes, also those without an object. */
const listsClasses = ({ format }: ForeignSource): boolean => format === "yolo" || format === "registered";

/** A source that is read with these classes. */
export async function withClasses(source: DataSource, classes: readonly string[]): Promise<DataSource> {
  if (source.kind !== "coco" || source.from === undefined) return { ...source, classes };
  const { annotations: _, images: __, conversion: ___, from, ...base } = source;
  return convertedSource({ ...base, classes }, from);
}

/** @throws UserError where a data set from outside cannot be read, or has other classes */
export async function labelMapsSource(
  config: SegmentationConfig,
  split: Split,
  given?: readonly string[],
): Promise<LabelMapsSource> {
  const { data } = config;
  const { labelSuffix, objectInfo, reduceZeroLabel, ignoreLabel, palette } = data;
  const registered = registeredSet(config, split);
  if (registered !== undefined) {
    const { limit } = data[split];
    const set = await registeredLabelMaps(registered);
    if (given !== undefined) refuseOtherClasses(set.classes, given, registered.input);
    const more = { ...(limit !== undefined && { limit }), ...(palette !== undefined && { palette }) };
    return { kind: "labelMaps", name: split, ...set, ...more };
  }
  const classes = given ?? data.classes;
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

function refuseOtherClasses(own: readonly string[], given: readonly string[], where: string): void {
  if (own.length === given.length && own.every((name, i) => name === given[i])) return;
  throw new UserError(`${where}: its classes are ${own.join(", ")}, but those of the model ${given.join(", ")}`);
}

/** @throws UserError where a data set from outside cannot be read */
export async function imageLabelsSource(
  config: ClassificationConfig,
  split: Split,
  given?: readonly string[],
): Promise<ImageLabelsSource> {
  const { data } = config;
  const classes = given ?? data.classes;
  const registered = registeredSet(config, split);
  if (registered !== undefined) {
    const { limit } = data[split];
    const set = await registeredImageLabels(registered);
    const more = { ...(limit !== undefined && { limit }), ...(classes !== undefined && { classes }) };
    return { kind: "imageLabels", name: split, ...set, ...more };
  }
  return { kind: "imageLabels", name: split, ...data[split], ...(classes !== undefined && { classes }) };
}

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

/** The same as its user knows it: what was converted, if it was. */
export const originOf = (source: DataSource): string =>
  source.kind === "coco" && source.from !== undefined ? source.from.input : annotationsOf(source);
