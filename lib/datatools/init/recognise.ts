import { existsSync } from "node:fs";
import { basename, dirname, extname, join, parse, relative, resolve } from "node:path";
import { parseYaml, plainOf } from "../../config/tree.js";
import { readCocoFile } from "../../datasets/cocoFile.js";
import { isImage } from "../../datasets/folders.js";
import { UserError } from "../../errors.js";
import { readTextFile } from "../../files.js";
import { cvatImages } from "../../formats/cvat.js";
import type { OtherFormat } from "../../formats/read.js";
import { counted } from "../../words.js";
import { allOf, type Folder, headOf } from "./walk.js";

/** Where one part of a data set is: as training reads it, or as it is converted. */
export type FoundPart =
  | { readonly kind: "coco"; readonly annotations: string; readonly images: string }
  | { readonly kind: "labelMaps"; readonly images: string; readonly labelMaps: string; readonly labelSuffix: string }
  | { readonly kind: "imageLabels"; readonly images: string }
  | { readonly kind: "convert"; readonly from: OtherFormat };

export const FORMATS = ["coco", "yolo", "voc", "labelme", "cvat", "label-maps", "class-folders"] as const;
export type DataFormat = (typeof FORMATS)[number];

/** A data set found in a folder. */
export interface FoundData {
  readonly format: DataFormat;
  readonly task: "detection" | "segmentation" | "classification";
  /** What it is and where, for people. */
  readonly title: string;
  readonly train: FoundPart;
  /** Absent where all is one set, which must be split. */
  readonly val?: FoundPart;
}

export interface Recognised {
  readonly found: readonly FoundData[];
  /** What looked like data but is none, and why. */
  readonly remarks: readonly string[];
}

/** A part before it is known which one it is. */
interface Piece {
  readonly path: string;
  readonly part: FoundPart;
}

/** The data sets in a folder. @param only a file in it: only a set described by it counts */
export async function recognise(root: Folder, only?: string): Promise<Recognised> {
  const folders = allOf(root);
  const remarks: string[] = [];
  const is = (path: string) => only === undefined || resolve(path) === resolve(only);
  const annotated = [
    ...(await yoloSets(folders, root, is)),
    ...inSplits("cvat", "detection", "CVAT's XML", root, await cvatPieces(folders, is)),
    ...(await vocSets(folders, root, only)),
    ...inSplits("coco", "detection", "COCO JSON", root, await cocoPieces(folders, is, remarks)),
    ...inSplits("labelme", "detection", "LabelMe's JSON", root, only === undefined ? await labelmePieces(folders) : []),
  ];
  const mapped =
    only === undefined ? inSplits("label-maps", "segmentation", "label maps", root, labelMapPieces(folders)) : [];
  const found = [...annotated, ...mapped];
  return { found: found.length > 0 || only !== undefined ? found : classFolders(root), remarks };
}

/** Names of parts, as words in the names of files and folders. */
const WORDS = {
  train: /(?<![a-z])(train|training|trn)(?![a-z])/i,
  val: /(?<![a-z])(val|valid|validation)(?![a-z])/i,
  test: /(?<![a-z])(test|testing)(?![a-z])/i,
} as const;

/** Pieces whose names say that one is for training and another for validation are one set; each of the others is one. */
function inSplits(
  format: DataFormat,
  task: FoundData["task"],
  what: string,
  root: Folder,
  pieces: readonly Piece[],
): FoundData[] {
  const nameOf = (piece: Piece) => relative(root.path, piece.path) || ".";
  const named = (word: RegExp) => pieces.filter((piece) => word.test(nameOf(piece)));
  const [[train, ...more], vals, tests] = [named(WORDS.train), named(WORDS.val), named(WORDS.test)];
  const val = vals[0] ?? tests[0];
  if (train !== undefined && more.length === 0 && vals.length <= 1 && (val !== undefined || pieces.length === 1)) {
    const title = `${what}: ${nameOf(train)}${val === undefined ? "" : `, ${nameOf(val)}`}`;
    return [{ format, task, title, train: train.part, ...(val !== undefined && { val: val.part }) }];
  }
  return pieces.map((piece) => ({ format, task, title: `${what}: ${nameOf(piece)}`, train: piece.part }));
}

async function cocoPieces(
  folders: readonly Folder[],
  is: (path: string) => boolean,
  remarks: string[],
): Promise<Piece[]> {
  const pieces: Piece[] = [];
  for (const { path, files } of folders) {
    for (const name of files.filter((file) => /\.json$/i.test(file))) {
      const annotations = join(path, name);
      if (!is(annotations)) continue;
      const head = await headOf(annotations);
      if (!/^\s*\{/.test(head) || !/"(images|annotations|categories)"\s*:/.test(head)) continue;
      const images = await imagesOf(annotations, folders).catch((error: unknown) => {
        if (!(error instanceof UserError)) throw error;
        remarks.push(error.message);
        return undefined;
      });
      if (images !== undefined) pieces.push({ path: annotations, part: { kind: "coco", annotations, images } });
    }
  }
  return pieces;
}

/** The folder that holds files of these names; among several, one that is named as the file that lists them. */
function bestFolder(listing: string, names: readonly string[], folders: readonly Folder[]): Folder | undefined {
  const stem = parse(listing).name.toLowerCase();
  const holding = folders.filter(({ path }) => names.every((name) => existsSync(join(path, name))));
  return holding.find(({ path }) => stem.includes(basename(path).toLowerCase())) ?? holding[0];
}

/** The folder in which the images lie that a COCO file names. */
async function imagesOf(annotations: string, folders: readonly Folder[]): Promise<string> {
  const { images } = await readCocoFile(annotations);
  const names = images.flatMap((image) => {
    const name = typeof image === "object" && image !== null && "file_name" in image ? image.file_name : undefined;
    return typeof name === "string" && name !== "" ? [name] : [];
  });
  if (names.length === 0) throw new UserError(`${annotations}: it lists no images`);
  const some = [names[0]!, names[names.length >> 1]!, names.at(-1)!];
  const best = bestFolder(annotations, some, folders);
  if (best !== undefined) return best.path;
  throw new UserError(`${annotations}: its images (${names[0]}) are in none of the folders here`);
}

async function yoloSets(folders: readonly Folder[], root: Folder, is: (path: string) => boolean): Promise<FoundData[]> {
  const found: FoundData[] = [];
  for (const { path, files } of folders) {
    for (const name of files.filter((file) => /\.ya?ml$/i.test(file))) {
      const input = join(path, name);
      if (!is(input)) continue;
      const keys = await keysOf(input);
      if (!keys.has("names") || !keys.has("train")) continue;
      const part = (split: string): FoundPart => ({ kind: "convert", from: { format: "yolo", input, split } });
      const val = ["val", "valid", "test"].find((key) => keys.has(key));
      found.push({
        ...{ format: "yolo", task: "detection", title: `YOLO: ${relative(root.path, input)}`, train: part("train") },
        ...(val !== undefined && { val: part(val) }),
      });
    }
  }
  return found;
}

/** The keys of a YAML file that have a value; none for what is no such file. */
async function keysOf(path: string): Promise<ReadonlySet<string>> {
  try {
    const plain = plainOf(parseYaml(await readTextFile(path), path, dirname(path)));
    if (typeof plain !== "object" || plain === null) return new Set();
    return new Set(Object.entries(plain).flatMap(([key, value]) => (value === null || value === "" ? [] : [key])));
  } catch {
    return new Set(); // not ours to judge
  }
}

async function cvatPieces(folders: readonly Folder[], is: (path: string) => boolean): Promise<Piece[]> {
  const pieces: Piece[] = [];
  for (const { path, files } of folders) {
    for (const name of files.filter((file) => /\.xml$/i.test(file))) {
      const input = join(path, name);
      const head = await headOf(input);
      if (!is(input) || !/<annotations[\s>]/.test(head)) continue;
      const images = folderOfCvat(input, head, folders);
      const from = { format: "cvat", input, ...(images !== undefined && { images }) } as const;
      pieces.push({ path: input, part: { kind: "convert", from } });
    }
  }
  return pieces;
}

/** Where a folder other than those that CVAT's files have by default holds the first image that such a file names. */
function folderOfCvat(input: string, head: string, folders: readonly Folder[]): string | undefined {
  const [, name] = /<image\s[^>]*\bname="([^"]+)"/.exec(head) ?? [];
  if (name === undefined || existsSync(join(cvatImages({ input }), name))) return undefined;
  return bestFolder(input, [name], folders)?.path;
}

/** The lists of ImageSets/Main divide VOC's own layout; other layouts have folders. */
async function vocSets(folders: readonly Folder[], root: Folder, only: string | undefined): Promise<FoundData[]> {
  const sets: FoundData[] = [];
  const pieces: Piece[] = [];
  for (const folder of only === undefined ? folders : []) {
    const first = folder.files.find((file) => /\.xml$/i.test(file));
    if (first === undefined || !/<annotation[\s>]/.test(await headOf(join(folder.path, first)))) continue;
    const isInner = basename(folder.path) === "Annotations";
    const input = isInner ? dirname(folder.path) : folder.path;
    const list = (name: string) => join(input, "ImageSets", "Main", `${name}.txt`);
    const [train, val] = ["train", "val"].map(list) as [string, string];
    const part = (more: object): FoundPart => ({ kind: "convert", from: { format: "voc", input, ...more } });
    if (existsSync(train) && existsSync(val)) {
      const title = `VOC: ${relative(root.path, input) || "."}, divided by ImageSets/Main`;
      sets.push({ format: "voc", task: "detection", title, train: part({ list: train }), val: part({ list: val }) });
    } else pieces.push({ path: input, part: part({}) });
  }
  return [...sets, ...inSplits("voc", "detection", "VOC's XML", root, pieces)];
}

async function labelmePieces(folders: readonly Folder[]): Promise<Piece[]> {
  const pieces: Piece[] = [];
  for (const { path, files } of folders) {
    const first = files.find((file) => /\.json$/i.test(file));
    if (first === undefined || !/"shapes"\s*:/.test(await headOf(join(path, first)))) continue;
    pieces.push({ path, part: { kind: "convert", from: { format: "labelme", input: path } } });
  }
  return pieces;
}

/** Pairs of a folder of images and one of PNGs that are named as they are, perhaps with the same end to each name. */
function labelMapPieces(folders: readonly Folder[]): Piece[] {
  return folders.flatMap((images) => {
    if (images.images.length === 0) return [];
    for (const maps of folders) {
      if (maps === images || maps.images.length === 0 || !maps.images.every((name) => /\.png$/i.test(name))) continue;
      if (!MAPS.test(maps.path) || MAPS.test(images.path) || wordOf(maps.path) !== wordOf(images.path)) continue;
      const labelSuffix = suffixOf(images, maps);
      if (labelSuffix === undefined) continue;
      const part: FoundPart = { kind: "labelMaps", images: images.path, labelMaps: maps.path, labelSuffix };
      return [{ path: images.path, part }];
    }
    return [];
  });
}

/** What folders of label maps are called. */
const MAPS =
  /(annotations?|labels?|label[-_]?maps?|maps?|masks?|segmentations?|gt(fine)?)([-_/\\](train\w*|val\w*|test\w*))?$/i;

/** Which part a folder is of, by its name. */
const wordOf = (path: string): string | undefined =>
  Object.entries(WORDS).find(([, word]) => word.test(basename(path)))?.[0];

/** What follows an image's name in its map's, if it is the same for all images. */
function suffixOf(images: Folder, maps: Folder): string | undefined {
  const stem = parse(images.images[0]!).name;
  const suffixes = maps.images.filter((name) => name.startsWith(stem)).map((name) => name.slice(stem.length));
  const names = new Set(maps.images);
  return suffixes.find((suffix) => images.images.every((name) => names.has(parse(name).name + suffix)));
}

/** What holds images and is no class. */
const NO_CLASSES = /^(images?|imgs?|photos?|jpegimages|annotations?|labels?|masks?|maps?|train\w*|val\w*|test\w*)$/i;

function classFolders(root: Folder): FoundData[] {
  const isDivided = (folder: Folder): boolean =>
    folder.folders.filter(({ images, path }) => images.length > 0 && !NO_CLASSES.test(basename(path))).length >= 2;
  const parts = root.folders.filter((folder) => wordOf(folder.path) !== undefined && isDivided(folder));
  const divided = parts.length > 0 ? parts : isDivided(root) ? [root] : root.folders.filter(isDivided);
  const pieces = divided.map(({ path }): Piece => ({ path, part: { kind: "imageLabels", images: path } }));
  return inSplits("class-folders", "classification", "a folder for each class", root, pieces);
}

/** What to say where nothing was recognised. */
export function nothingFound(root: Folder, remarks: readonly string[]): UserError {
  const folders = allOf(root);
  const images = folders.reduce((sum, folder) => sum + folder.images.length, 0);
  const texts = folders.some(({ files }) => files.some((name) => extname(name) === ".txt" && !isImage(name)));
  const hint = texts ? "; YOLO's labels need their data.yaml" : "";
  const seen = remarks.length === 0 ? "" : `\n${remarks.join("\n")}`;
  return new UserError(
    `${root.path}: no data set is recognised (${counted(images, "image")} found): COCO JSON, a YOLO data.yaml, VOC's or CVAT's XML, ` +
      `LabelMe's JSON, label maps (images and annotations in two folders), or a folder for each class${hint}${seen}`,
  );
}
