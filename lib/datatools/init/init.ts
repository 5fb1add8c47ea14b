import { existsSync, statSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { basename, dirname, join, parse, relative, resolve } from "node:path";
import { loadConfig } from "../../config/load.js";
import { listImagesBelow } from "../../datasets/folders.js";
import { findObjectInfo, readObjectInfo } from "../../datasets/objectInfo.js";
import { UserError } from "../../errors.js";
import { safeName } from "../../fileNames.js";
import { absence, describeFileError, makeFolder, refuseExisting, writeFileAtomic } from "../../files.js";
import { decodeLabelMap } from "../../images/decode.js";
import { OutputFolder } from "../../outputFolder.js";
import { IGNORED_LABEL } from "../../pixels/image.js";
import type { ProgressEvent } from "../../progress.js";
import { convertedSource, type DataSource, type LabelMapsSource } from "../../tasks/sources.js";
import { counted } from "../../words.js";
import { checkData } from "../check/check.js";
import type { CheckResult } from "../check/types.js";
import { convertData } from "../convert/convert.js";
import { splitData } from "../split/split.js";
import { configText } from "./configText.js";
import { type Facts, factsOf } from "./facts.js";
import { type ModelSize, type Recipe, recipeOf } from "./recipe.js";
import {
  type DataFormat,
  type FoundData,
  type FoundPart,
  nothingFound,
  type Recognised,
  recognise,
} from "./recognise.js";
import { type Folder, MAKER, readFolder } from "./walk.js";

/** The data that `init` looks at, and the config it writes. */
export interface InitOptions {
  /** A folder with images and annotations, or the file that describes them. */
  readonly data: string;
  /** Which data set, where there are several. */
  readonly format?: DataFormat;
  /** Chooses one of several data sets; without it, several are an error. */
  readonly choose?: (found: readonly FoundData[]) => Promise<FoundData>;
  /** Default "nano". */
  readonly size?: ModelSize | (() => Promise<ModelSize>);
  /** The config to write; default named as the folder, here. */
  readonly out?: string | ((suggested: string) => Promise<string>);
  /** Write over what an earlier one wrote. */
  readonly force?: boolean;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: ProgressEvent) => void;
}

/** What `init` recognised and wrote. */
export interface InitResult {
  /** The config. */
  readonly out: string;
  readonly format: DataFormat;
  readonly task: FoundData["task"];
  readonly title: string;
  readonly size: ModelSize;
  readonly images: { readonly train: number; readonly val: number };
  readonly recipe: Recipe;
  readonly facts: Facts;
  readonly warnings: number;
  /** What was converted or divided, and where that is. */
  readonly notes: readonly string[];
}

/**
 * Writes a config for a data set that it recognises in a folder, after checking the data. What training does not read as it is,
 * is converted; what has no validation set is divided: both into a folder beside the config.
 *
 * @throws UserError where nothing is recognised, the data has errors, or something is in the way; then nothing is written
 */
export async function initConfig(options: InitOptions): Promise<InitResult> {
  const { data, signal, onEvent, force } = options;
  const found = await chosen(options);
  const size = typeof options.size === "function" ? await options.size() : (options.size ?? "nano");
  const file = resolve(await outOf(options));
  refuseExisting([file], force);
  const folder = join(dirname(file), `${parse(file).name}-prepared`);
  const output =
    found.val !== undefined ? undefined : await OutputFolder.claim({ maker: MAKER, folder, names: ["/"], force });
  const staging = await stagingIn(dirname(file));
  try {
    const watch = { ...(signal && { signal }), ...(onEvent && { onEvent }) };
    const { sources, notes: made } = await prepare(found, staging, watch);
    const checked = await checkData({ sources, ...watch });
    if (checked.errors > 0) {
      // What was made for the check is deleted: what it was made of is to be mended.
      const originOf = (path: string): string => (path.startsWith(staging) ? originIn(found, basename(path)) : path);
      throw faulty(checked, data, originOf);
    }
    const facts = await factsOf(sources[0]);
    const recipe = recipeOf(found.task, size, facts);
    const notes = made.map((note) => `${note} in ${basename(folder)}`);
    const moved = (path: string): string => (path.startsWith(staging) ? folder + path.slice(staging.length) : path);
    const text = configText({ ...{ file, found, size, recipe, facts, notes, sources }, pathOf: moved });
    await output?.fill([], async () => {
      for (const name of await listFiles(staging)) await output.copy(join(staging, name), name);
    });
    await writeFileAtomic(file, text);
    loadConfig(file); // it trains as it is
    const [train, val] = checked.sets.map(({ images }) => images) as [number, number];
    const { format, task, title } = found;
    const { warnings } = checked;
    return { out: file, format, task, title, size, images: { train, val }, recipe, facts, warnings, notes };
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

async function chosen({ data, format, choose }: InitOptions): Promise<FoundData> {
  if (!existsSync(data)) throw new UserError(`cannot read ${data}: ${absence(data)}`);
  const isFile = !statSync(data).isDirectory();
  const { root, found, remarks } = isFile ? await aboutFile(data) : await inFolder(data);
  const fitting = found.filter((one) => format === undefined || one.format === format);
  const [first, ...others] = fitting;
  if (first === undefined) {
    if (found.length === 0) throw nothingFound(root, remarks);
    throw new UserError(`${data}: no ${format} here, but ${found.map(({ title }) => title).join("; ")}`, 2);
  }
  if (others.length === 0) return first;
  if (choose !== undefined) return choose(fitting);
  const formats = new Set(fitting.map((one) => one.format));
  const how = formats.size > 1 ? `--from (format in the API): ${[...formats].join(", ")}` : "its folder or its file";
  throw new UserError(
    `${data}: there are several data sets; name one by ${how}\n${fitting.map(({ title }) => `  ${title}`).join("\n")}`,
    2,
  );
}

async function inFolder(folder: string, only?: string): Promise<Recognised & { readonly root: Folder }> {
  const root = await readFolder(folder);
  return { root, ...(await recognise(root, only)) };
}

/** The images of a file lie with it or beside its folder. */
async function aboutFile(file: string): Promise<Recognised & { readonly root: Folder }> {
  const near = await inFolder(dirname(file), file);
  if (near.found.length > 0) return near;
  const beside = await inFolder(dirname(resolve(dirname(file))), file).catch((error: unknown) => {
    if (error instanceof UserError) return near;
    throw error;
  });
  return beside.found.length > 0 ? beside : near;
}

async function stagingIn(folder: string): Promise<string> {
  try {
    await makeFolder(folder);
    return await mkdtemp(join(folder, ".densekit-init-"));
  } catch (error) {
    throw describeFileError(error, folder, "write");
  }
}

async function outOf({ data, out }: InitOptions): Promise<string> {
  if (typeof out === "string") return out;
  const folder = statSync(data).isDirectory() ? data : dirname(data);
  const suggested = `${safeName(basename(resolve(folder))) || "mine"}.yaml`;
  return out === undefined ? suggested : out(suggested);
}

type Watch = Pick<InitOptions, "signal" | "onEvent">;

interface Prepared {
  /** For training and for validation. */
  readonly sources: readonly [DataSource, DataSource];
  readonly notes: readonly string[];
}

/** The parts as training reads them; files that this needs go into the folder. */
async function prepare({ train, val }: FoundData, folder: string, watch: Watch): Promise<Prepared> {
  if (val !== undefined)
    return { sources: [await partSource(train, "train"), await partSource(val, "val")], notes: [] };
  const notes: string[] = [];
  let whole: DataSource;
  if (train.kind === "convert") {
    const annotations = join(folder, "all.json");
    const { images, remarks } = await convertData({
      from: train.from,
      to: { format: "coco", output: annotations },
      ...watch,
    });
    for (const remark of remarks) watch.onEvent?.({ type: "message", text: `${train.from.input}: ${remark}` });
    notes.push("The annotations are converted to COCO JSON");
    whole = { kind: "coco", name: "all", annotations, images };
  } else whole = await partSource(train, "all");
  const { sets } = await splitData({ source: whole, output: folder, shares: { train: 0.8, val: 0.2 }, ...watch });
  notes.push("A fifth of the images is for validation: the data had no part for it, and was divided at random");
  const [first, second] = sets.map(({ name, path }) => partOf(whole, name, path)) as [DataSource, DataSource];
  return { sources: [first, second], notes };
}

async function partSource(part: FoundPart, name: string): Promise<DataSource> {
  switch (part.kind) {
    case "convert":
      return convertedSource({ kind: "coco", name }, part.from);
    case "labelMaps":
      return { name, ...part, ...(await classesOf(part.labelMaps)) };
    default:
      return { name, ...part };
  }
}

/** A part of a set, by what `data split` wrote for it. */
function partOf(whole: DataSource, name: string, path: string): DataSource {
  switch (whole.kind) {
    case "coco":
      return { ...whole, name, annotations: path };
    case "labelMaps":
      return { ...whole, name, images: path, labelMaps: join(dirname(dirname(path)), "annotations", name) };
    case "imageLabels":
      return { ...whole, name, labels: path };
  }
}

/** How many label maps are read to see which classes there are. */
const MOST_READ = 500;

/** Names for the values of label maps, where no table is beside them. */
async function classesOf(
  folder: string,
): Promise<Partial<Pick<LabelMapsSource, "classes" | "objectInfo" | "reduceZeroLabel">>> {
  const files = await listImagesBelow(folder);
  const step = Math.max(1, Math.ceil(files.length / MOST_READ));
  const seen = new Set<number>();
  for (let i = 0; i < files.length; i += step) {
    for (const value of (await decodeLabelMap(join(folder, files[i]!))).data) seen.add(value);
  }
  const values = [...seen].filter((value) => value !== IGNORED_LABEL);
  if (values.every((value) => value === 0) && seen.has(IGNORED_LABEL)) {
    throw new UserError(
      `${folder}: the pixels are 0 and 255 alone, and 255 means no class; for one class write 1 in its place, or convert them: ` +
        `densekit data convert ${folder} --from masks --layout classes --images IMAGES --classes background,NAME --out instances.json`,
    );
  }
  const most = Math.max(...values, 0);
  const table = await findObjectInfo(folder).catch(() => undefined);
  if (table !== undefined) {
    // As in ADE20K's maps, where 0 is none of the classes.
    return { objectInfo: table, ...(most === (await readObjectInfo(table)).length && { reduceZeroLabel: true }) };
  }
  return { classes: Array.from({ length: most + 1 }, (_, value) => `class${value}`) };
}

/** All files in a folder, relative to it. */
const listFiles = async (folder: string): Promise<string[]> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && !entry.name.startsWith("."))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
};

/** Where the annotations come from that a made file holds. */
function originIn({ train, val = train }: FoundData, made: string): string {
  const part = /val/.test(made) ? val : train;
  switch (part.kind) {
    case "coco":
      return part.annotations;
    case "labelMaps":
      return part.labelMaps;
    case "imageLabels":
      return part.images;
    case "convert":
      return part.from.input;
  }
}

/** How many problems a message lists. */
const LISTED = 10;

function faulty({ problems, errors }: CheckResult, data: string, originOf: (path: string) => string): UserError {
  const told = problems
    .filter(({ severity }) => severity === "error")
    .slice(0, LISTED)
    .map(({ file, entry, message }) => `  ${originOf(file)}: ${entry === undefined ? "" : `${entry}: `}${message}`);
  const rest = errors > LISTED ? [`  and ${errors - LISTED} more`] : [];
  return new UserError(
    [
      `${data}: ${counted(errors, "error")} in the data; nothing was written. Fix them, then run it again:`,
      ...told,
      ...rest,
    ].join("\n"),
  );
}
