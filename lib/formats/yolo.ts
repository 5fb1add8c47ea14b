import { existsSync, statSync } from "node:fs";
import { basename, dirname, resolve, sep } from "node:path";
import { glob } from "tinyglobby";
import { z } from "zod";
import { parseYaml, plainOf } from "../config/tree.js";
import { isImage } from "../datasets/folders.js";
import { setWork } from "../datasets/work.js";
import { UserError } from "../errors.js";
import { absence, readTextFile } from "../files.js";
import { readImageSize } from "../images/decode.js";
import { pick } from "../words.js";
import { inCommonFolder } from "./files.js";
import { boxObject, createTally, LISTED_BEFORE, polygonObject, type Reading } from "./objects.js";
import { type NamedOptions, optionName } from "./options.js";
import type { ConvertedImage, ConvertedObject, ConvertedSet, Inputs, Point, Size } from "./types.js";

export interface YoloOptions extends NamedOptions {
  /** The data.yaml, or a folder with one. */
  readonly input: string;
  /** A key of the data.yaml; default "train". */
  readonly split?: string;
  /**
   * Also accept coordinates outside 0–1, clipped to the image; without it, only those outside by no more than 0.001.
   */
  readonly clip?: boolean;
}

/** Keys of a data.yaml that are not splits. */
export const OTHER_KEYS: readonly string[] = ["path", "names", "nc", "download"];

/** As a share of a side: how far rounding and half pixels may extend outside the image. */
const A_HAIR = 0.001;

const fileSchema = z.looseObject({
  path: z.string().nullish(),
  names: z.union([z.array(z.coerce.string()), z.record(z.coerce.number(), z.coerce.string())]),
  nc: z.int().nullish(),
});

/**
 * Reads a YOLO data set as Ultralytics lays it out: data.yaml with path, train, val, names; labels/… beside images/…,
 * one text file per image, one object per line: the class, then either the box's centre and size or a polygon, in
 * fractions of the image's sides.
 *
 * @throws UserError naming file and line for anything missing, malformed or out of range
 */
export async function readYolo(options: YoloOptions): Promise<ConvertedSet> {
  const { file, classes, listed } = await findImages(options);
  const paths = [...new Set(listed)];
  const { folder, files } = inCommonFolder(paths);
  const tally = createTally();
  tally.add(LISTED_BEFORE, listed.length - paths.length);
  const work = setWork();
  const images: ConvertedImage[] = [];
  let labelled = 0;
  for (const [i, path] of paths.entries()) {
    const size = await readImageSize(path);
    const labels = labelPath(path);
    const present = existsSync(labels);
    if (present) labelled++;
    const text = present ? await readTextFile(labels) : "";
    work.addFile(text.length);
    work.addImage();
    const objects = text.split(/\r?\n/).flatMap((line, at) => {
      if (line.trim() === "") return [];
      return (
        readLine(line.trim().split(/\s+/), { classes, size, tally, work, options, where: `${labels}:${at + 1}` }) ?? []
      );
    });
    images.push({ file: files[i]!, ...size, objects });
  }
  if (labelled === 0) {
    throw new UserError(`${file}: no image has a label file; the first one's would be ${labelPath(paths[0]!)}`);
  }
  tally.add(
    ["image without a label file taken as background", "images without a label file taken as background"],
    paths.length - labelled,
  );
  return { classes, images, folder, remarks: tally.remarks };
}

/** The data.yaml, its lists, the images and their label files. */
export async function yoloInputs(options: YoloOptions): Promise<Inputs> {
  const { file, listed } = await findImages(options);
  return { files: [file, ...listed, ...listed.map(labelPath)], folders: [] };
}

async function findImages(options: YoloOptions) {
  const file = await findDescription(options.input);
  const { classes, root, entry } = await readDescription(file, options);
  return { file, classes, listed: await listImages(entry, root, file) };
}

async function findDescription(input: string): Promise<string> {
  if (!existsSync(input)) throw new UserError(`cannot read ${input}: ${absence(input)}`);
  if (!statSync(input).isDirectory()) return input;
  const found = await glob("*.{yaml,yml}", { cwd: input, absolute: true });
  if (found.length === 1) return found[0]!;
  const reason =
    found.length === 0 ? "there is no data.yaml" : `there are several: ${found.map((f) => basename(f)).join(", ")}`;
  throw new UserError(`${input}: ${reason}; give the path of the YAML file that describes the data set`);
}

async function readDescription(file: string, options: YoloOptions) {
  const { split = "train" } = options;
  const result = fileSchema.safeParse(plainOf(parseYaml(await readTextFile(file), file, dirname(file))));
  if (!result.success) {
    throw new UserError(
      `${file}: names is missing or not a list of class names; is this the data.yaml of a YOLO data set?`,
    );
  }
  const { names, nc, path } = result.data;
  const classes = Array.isArray(names) ? names : namesInOrder(names, file);
  if (classes.length === 0) throw new UserError(`${file}: names is empty`);
  const seen = new Set<string>();
  const twice = classes.find((name) => seen.size === seen.add(name).size);
  if (twice !== undefined) throw new UserError(`${file}: names has "${twice}" twice`);
  if (typeof nc === "number" && nc !== classes.length) {
    throw new UserError(
      `${file}: nc is ${nc}, but there ${pick(classes.length, "is 1 name", `are ${classes.length} names`)}`,
    );
  }
  const entry = z.union([z.string(), z.array(z.string()).min(1)]).safeParse(result.data[split]);
  if (!entry.success) {
    const splits = Object.keys(result.data).filter((key) => !OTHER_KEYS.includes(key));
    throw new UserError(
      `${file}: there is no split "${split}"; choose one with ${optionName(options, "split")}; keys: ${splits.join(", ")}`,
    );
  }
  const folder = dirname(resolve(file));
  return { classes, root: resolve(folder, path ?? "."), entry: [entry.data].flat() };
}

function namesInOrder(names: Readonly<Record<number, string>>, file: string): string[] {
  const list = Object.keys(names).map((_, i) => names[i]);
  if (list.every((name) => name !== undefined)) return list as string[];
  throw new UserError(`${file}: names must number the classes 0, 1, 2, …; it has ${Object.keys(names).join(", ")}`);
}

/** Images in folders (with subfolders), or listed in text files. */
async function listImages(entries: readonly string[], root: string, file: string): Promise<string[]> {
  const found: string[][] = [];
  for (const entry of new Set(entries)) {
    // Roboflow's exports write ../train/images for train/images.
    const path = [resolve(root, entry), resolve(root, entry.replace(/^(\.\.\/)+/, ""))].find((p) => existsSync(p));
    if (path === undefined) throw new UserError(`${file}: ${entry}: no such file or folder in ${root}`);
    if (statSync(path).isDirectory()) found.push((await glob("**/*", { cwd: path, absolute: true })).filter(isImage));
    else {
      const lines = (await readTextFile(path)).split(/\r?\n/).map((line) => line.trim());
      found.push(lines.filter((line) => line !== "").map((line) => resolve(dirname(path), line)));
    }
  }
  if (found.flat().length === 0) throw new UserError(`${file}: ${entries.join(", ")}: there are no images here`);
  return found.flat().sort();
}

/** …/images/a/b.jpg → …/labels/a/b.txt: the last folder named images counts. */
function labelPath(image: string): string {
  const marker = `${sep}images${sep}`;
  const at = image.lastIndexOf(marker);
  const text = image.replace(/\.[^.]*$/, ".txt");
  return at < 0 ? text : `${text.slice(0, at)}${sep}labels${sep}${text.slice(at + marker.length)}`;
}

interface LineContext extends Reading {
  readonly classes: readonly string[];
  readonly size: Size;
  readonly options: YoloOptions;
  readonly where: string;
}

function readLine(words: readonly string[], context: LineContext): ConvertedObject | undefined {
  const { classes, size, tally, options, where } = context;
  const [first, ...values] = words.map(Number);
  const label = classes[first!];
  if (label === undefined) {
    const numbers = pick(
      classes.length,
      "only name has number 0",
      `${classes.length} names are numbered 0–${classes.length - 1}`,
    );
    throw new UserError(`${where}: the class is ${words[0]}; the ${numbers}`);
  }
  const unread = values.findIndex((value) => Number.isNaN(value));
  if (unread >= 0) throw new UserError(`${where}: ${words[unread + 1]} is not a number`);
  const allowed = options.clip === true ? Number.MAX_VALUE : A_HAIR;
  const wrong = values.findIndex((value) => !(value >= -allowed && value <= 1 + allowed));
  if (wrong >= 0) {
    throw new UserError(
      `${where}: ${words[wrong + 1]} is out of range: coordinates are fractions of 0–1 of the image's sides; ` +
        `${optionName(options, "clip")} clips to the image`,
    );
  }
  const isBox = values.length === 4;
  if (values.some((value) => value < 0 || value > 1)) {
    tally.name(
      ["line with values outside 0–1 clipped to its image", "lines with values outside 0–1 clipped to their images"],
      where,
    );
  }
  // A box's centre may be outside while a part of the box is inside: its corners are clipped.
  const rest = isBox ? values : values.map((value) => Math.min(Math.max(value, 0), 1));
  const { width, height } = size;
  if (isBox) {
    const [x, y, w, h] = rest as [number, number, number, number];
    const corners = [(x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height] as const;
    return boxObject(label, corners, size, where, tally);
  }
  if (rest.length < 6 || rest.length % 2 === 1) {
    throw new UserError(
      `${where}: ${words.length} numbers; a line is a class with 4 (x, y, width, height), or with 3 points or more (x1, y1, …)`,
    );
  }
  const points = Array.from(
    { length: rest.length / 2 },
    (_, i): Point => [rest[2 * i]! * width, rest[2 * i + 1]! * height],
  );
  return polygonObject(label, [points], size, where, context);
}
