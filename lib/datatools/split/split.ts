import { basename, join, parse, sep } from "node:path";
import { fieldsOf } from "../../datasets/cocoChecks.js";
import { readCocoFile } from "../../datasets/cocoFile.js";
import { readRecords } from "../../datasets/cocoRecords.js";
import { placeOf } from "../../datasets/imageLabels.js";
import { labelListText } from "../../datasets/labelList.js";
import { findObjectInfo } from "../../datasets/objectInfo.js";
import type { Dataset, ImageFile } from "../../datasets/types.js";
import { setWork } from "../../datasets/work.js";
import { UserError } from "../../errors.js";
import { checkName, checkPartName } from "../../files.js";
import { cocoFileParts } from "../../formats/cocoFileParts.js";
import { COST, UNCOUNTED, type Work } from "../../masks/work.js";
import { OutputFolder } from "../../outputFolder.js";
import { IGNORED_LABEL } from "../../pixels/image.js";
import type { ProgressEvent } from "../../progress.js";
import { Random } from "../../random.js";
import {
  type BySource,
  bySource,
  type CocoSource,
  type DataSource,
  type ImageLabelsSource,
  type LabelMapsSource,
  openSource,
} from "../../tasks/sources.js";
import { counted, pick } from "../../words.js";
import { type Example, stratify } from "./stratify.js";

/** The data set that `splitData` divides, and how. */
export interface SplitOptions {
  /** For a COCO source, the images folder is not read. */
  readonly source: DataSource;
  /**
   * The folder: instances_NAME.json go there; for label maps, images/NAME and annotations/NAME; for classification,
   * NAME.csv.
   */
  readonly output: string;
  /** Name → share of the images; they sum to 1. */
  readonly shares: Readonly<Record<string, number>>;
  /** Default 0. */
  readonly seed?: number;
  /** A regular expression for file names: images with the same first group (or whole match) stay together. */
  readonly groupBy?: string;
  /** Replace what a split wrote into the folder before, whatever its parts' names. */
  readonly force?: boolean;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: ProgressEvent) => void;
}

export interface SplitSet {
  readonly name: string;
  readonly images: number;
  /** Class → number of images it occurs in. */
  readonly classes: Readonly<Record<string, number>>;
  /** What was written: a COCO file, the folder of images, or a list of images and their classes. */
  readonly path: string;
}

/** What `splitData` wrote. */
export interface SplitResult {
  readonly output: string;
  /** The number of groups that stayed together; without `groupBy`, the number of images. */
  readonly groups: number;
  readonly sets: readonly SplitSet[];
  /** For classification: classes without an image, which are in no list. */
  readonly empty?: readonly string[];
}

interface Labelled {
  readonly file: string;
  readonly labels: ReadonlySet<number>;
}

/**
 * Divides a data set so that every part has its share of the images of each class (`stratify`).
 *
 * @throws UserError for shares that do not sum to 1, a file name without group, a part without images, and like the
 *   readers
 */
export async function splitData(options: SplitOptions): Promise<SplitResult> {
  const names = Object.keys(options.shares);
  checkShares(options.shares);
  return bySource(SPLITTERS, options.source, names, options);
}

/** How a set of each kind is divided. */
const SPLITTERS: BySource<[names: readonly string[], options: SplitOptions], Promise<SplitResult>> = {
  coco: splitCoco,
  labelMaps: splitLabelMaps,
  imageLabels: splitImageLabels,
};

/** One for all kinds, so that a split of one replaces that of another. */
const claim = ({ output, force }: SplitOptions, names: readonly string[]): Promise<OutputFolder> =>
  OutputFolder.claim({ maker: "data split", folder: output, names, force });

async function splitCoco(source: CocoSource, names: readonly string[], options: SplitOptions): Promise<SplitResult> {
  const parts = names.map((name) => `instances_${name}.json`);
  const output = await claim(options, parts);
  const file = await readCocoFile(source.annotations);
  const { records, classes } = readRecords(file, source.annotations, undefined);
  const images = records.map((record) => ({ file: record.file, labels: new Set(record.labels) }));
  const work = setWork();
  work.addFile(file.bytes);
  const { subsets, groups } = assign(images, source.annotations, options, work);
  const subsetOf = new Map(records.map(({ id }, i) => [id, subsets[i]!]));
  const paths = await output.fill([source.annotations], () =>
    eachOf(parts, (part, j) => {
      const within = (entry: unknown, key: string): boolean => {
        const id = fieldsOf(entry, { file: source.annotations })[key];
        return typeof id === "number" && subsetOf.get(id) === j;
      };
      const content = {
        ...file.others,
        images: file.images.filter((entry) => within(entry, "id")) as object[],
        annotations: file.annotations.filter((entry) => within(entry, "image_id")) as object[],
        categories: file.categories as object[],
      };
      return output.write(part, cocoFileParts(content));
    }),
  );
  const sets = summarise(images, subsets, classes, names).map((set, j) => ({ ...set, path: paths[j]! }));
  return { output: options.output, groups, sets };
}

async function splitLabelMaps(
  source: LabelMapsSource,
  names: readonly string[],
  options: SplitOptions,
): Promise<SplitResult> {
  const output = await claim(
    options,
    names.flatMap((name) => [`images/${name}/`, `annotations/${name}/`]),
  );
  const dataset = await openSource(source);
  if (source.pairs !== undefined) refuseSameNames(dataset.images, source.labelMaps);
  const images: Labelled[] = [];
  for (let index = 0; index < dataset.length; index++) {
    options.signal?.throwIfAborted();
    // What is copied is decoded first: images too, which must match their maps.
    const { labelMap } = await dataset.load(index);
    const labels = new Set(labelMap?.data);
    labels.delete(IGNORED_LABEL);
    images.push({ file: dataset.images[index]!.file, labels });
    options.onEvent?.({ type: "progress", what: "reading", done: index + 1, total: dataset.length });
  }
  const { subsets, groups } = assign(images, source.images, options, UNCOUNTED);
  await output.fill(filesOf(dataset), async () => {
    await copyClassTable(source, output);
    for (const [index, subset] of subsets.entries()) {
      options.signal?.throwIfAborted();
      const { path, labelMap } = dataset.source(index);
      await output.copy(path, `images/${names[subset]}/${basename(path)}`);
      if (labelMap !== undefined) {
        const name = source.pairs === undefined ? basename(labelMap.path) : `${parse(path).name}.png`;
        await output.copy(labelMap.path, `annotations/${names[subset]}/${name}`);
      }
      options.onEvent?.({ type: "progress", what: "copying", done: index + 1, total: dataset.length });
    }
  });
  const sets = summarise(images, subsets, dataset.classes, names);
  const pathOf = (name: string): string => join(options.output, "images", name);
  return { output: options.output, groups, sets: sets.map((set) => ({ ...set, path: pathOf(set.name) })) };
}

/** Images of one folder have names of their own; those of a set from outside may be in many. */
function refuseSameNames(images: readonly ImageFile[], where: string): void {
  const seen = new Map<string, string>();
  for (const { file } of images) {
    const { name } = parse(file);
    const other = seen.get(name);
    if (other !== undefined && other !== file) {
      throw new UserError(`${where}: ${other} and ${file} would have the same name; rename one of them`);
    }
    seen.set(name, file);
  }
}

/** Only writes lists: the images stay where they are. */
async function splitImageLabels(
  source: ImageLabelsSource,
  names: readonly string[],
  options: SplitOptions,
): Promise<SplitResult> {
  const lists = names.map((name) => `${name}.csv`);
  const output = await claim(options, lists);
  const dataset = await openSource(source);
  const { classes, labels } = dataset;
  const where = placeOf(source);
  const images = dataset.images.map(({ file }, i) => ({ file: file.split(sep).join("/"), label: labels[i]! }));
  for (const { file } of images) checkName(file, where);
  const labelled = images.map(({ file, label }) => ({ file, labels: new Set([label]) }));
  const { subsets, groups } = assign(labelled, where, options, UNCOUNTED);
  const paths = await output.fill(source.labels === undefined ? [] : [source.labels], () =>
    eachOf(lists, (list, j) => {
      const own = images.filter((_, i) => subsets[i] === j);
      return output.write(list, labelListText(own.map(({ file, label }) => ({ file, label: classes[label]! }))));
    }),
  );
  const sets = summarise(labelled, subsets, classes, names).map((set, j) => ({ ...set, path: paths[j]! }));
  const empty = classes.filter((_, k) => !labels.includes(k));
  return { output: options.output, groups, sets, ...(empty.length > 0 && { empty }) };
}

/** Copies the table, so that the parts are read like the whole without naming it. */
export async function copyClassTable(source: LabelMapsSource, output: OutputFolder): Promise<void> {
  if (source.classes !== undefined) return;
  const table = source.objectInfo ?? (await findObjectInfo(source.images));
  await output.share(table, /^objectInfo/i.test(basename(table)) ? basename(table) : "objectInfo.txt");
}

/** One after the other. */
async function eachOf<T, U>(list: readonly T[], work: (entry: T, index: number) => Promise<U>): Promise<U[]> {
  const results: U[] = [];
  for (const [i, entry] of list.entries()) results.push(await work(entry, i));
  return results;
}

/** All files that are read of a data set. */
export function* filesOf(dataset: Pick<Dataset, "length" | "source">): Generator<string> {
  for (let index = 0; index < dataset.length; index++) {
    const { path, labelMap } = dataset.source(index);
    yield path;
    if (labelMap !== undefined) yield labelMap.path;
  }
}

function checkShares(shares: Readonly<Record<string, number>>): void {
  const list = Object.entries(shares);
  const wrong = list.find(([, share]) => !(share > 0 && share < 1));
  if (wrong !== undefined)
    throw new UserError(`the share of "${wrong[0]}" must lie between 0 and 1, not ${wrong[1]}`, 2);
  const sum = list.reduce((total, [, share]) => total + share, 0);
  if (list.length < 2 || Math.abs(sum - 1) > 1e-6) {
    throw new UserError(`the shares must be of two parts or more and sum to 1, not to ${Number(sum.toFixed(6))}`, 2);
  }
  for (const [name] of list) checkPartName(name);
}

function assign(images: readonly Labelled[], where: string, options: SplitOptions, work: Work) {
  const { groupBy, seed = 0, shares } = options;
  if (images.length === 0) throw new UserError(`${where}: there are no images to split`);
  const members = groupImages(images, groupBy, where);
  const examples = members.map((indices): Example => {
    const labels = new Map<number, number>();
    for (const i of indices) for (const label of images[i]!.labels) labels.set(label, (labels.get(label) ?? 0) + 1);
    return { size: indices.length, labels };
  });
  const assigned = stratify(examples, Object.values(shares), Random.of(seed, "split"), (labels) =>
    work.spend(COST.label * labels, where),
  );
  const subsets = new Int32Array(images.length);
  for (const [g, indices] of members.entries()) for (const i of indices) subsets[i] = assigned[g]!;
  const empty = Object.keys(shares).find((_, j) => !subsets.includes(j));
  if (empty !== undefined) {
    const there = counted(members.length, groupBy === undefined ? "image" : "group");
    const verb = pick(members.length, "is", "are");
    throw new UserError(`${where}: "${empty}" would get no image: there ${verb} only ${there}`);
  }
  return { subsets, groups: members.length };
}

function groupImages(images: readonly Labelled[], groupBy: string | undefined, where: string): number[][] {
  if (groupBy === undefined) return images.map((_, i) => [i]);
  let pattern: RegExp;
  try {
    pattern = new RegExp(groupBy);
  } catch (error) {
    throw new UserError(`--group-by: not a regular expression: ${error instanceof Error ? error.message : error}`, 2);
  }
  const groups = new Map<string, number[]>();
  for (const [i, { file }] of images.entries()) {
    const match = pattern.exec(file);
    if (match === null) throw new UserError(`${where}: the name "${file}" does not match the pattern ${groupBy}`);
    const key = match[1] ?? match[0];
    const members = groups.get(key);
    if (members === undefined) groups.set(key, [i]);
    else members.push(i);
  }
  return [...groups.values()];
}

function summarise(
  images: readonly Labelled[],
  subsets: Int32Array,
  classes: readonly string[],
  names: readonly string[],
): Omit<SplitSet, "path">[] {
  return names.map((name, j) => {
    const own = images.filter((_, i) => subsets[i] === j);
    const counts = new Uint32Array(classes.length);
    for (const { labels } of own) for (const label of labels) counts[label]!++;
    const named = classes.map((className, label) => [className, counts[label]!]);
    return { name, images: own.length, classes: Object.fromEntries(named) };
  });
}
