import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { checkSides } from "../datasets/imageSize.js";
import { UserError } from "../errors.js";
import { readTextFile } from "../files.js";
import { readImageSize } from "../images/decode.js";
import { type ImageFinder, imageFinder, listFiles } from "./files.js";
import { boxObject, classList, createTally, LISTED_BEFORE, SWAPPED, type Tally } from "./objects.js";
import type { NamedOptions } from "./options.js";
import type { ConvertedImage, ConvertedObject, ConvertedSet, Inputs, Size } from "./types.js";
import { childrenOf, childText, readXml, toNumber, type XmlElement } from "./xml.js";

export interface VocOptions extends NamedOptions {
  /** The folder of the XML files, or the one above it, with Annotations and JPEGImages. */
  readonly input: string;
  /** Default JPEGImages beside the XML files' folder, or that folder itself. */
  readonly images?: string;
  /** A file of ImageSets/Main: the names to take, one per line; default all. */
  readonly list?: string;
  readonly classes?: readonly string[];
  /**
   * The meaning of corners. "pixels": the first and the last pixel, counted from 1, as in VOC's own annotations.
   * "edges": borders counted from 0, as LabelImg and others write them. Default "pixels".
   */
  readonly corners?: "pixels" | "edges";
  /** How objects marked difficult are treated; default "keep". "crowd": evaluation ignores them. */
  readonly difficult?: "keep" | "crowd" | "drop";
}

/**
 * Reads Pascal VOC XML files (Everingham et al. 2010; the format is that of the VOC development kit). The edges of the
 * pixels xmin … xmax, counted from 1, both inclusive, are xmin − 1 and xmax.
 *
 * @throws UserError naming file and object for anything missing or malformed
 */
export async function readVoc(options: VocOptions): Promise<ConvertedSet> {
  const { folder, images: imageFolder } = placesOf(options);
  const finder = await imageFinder(imageFolder, options);
  const tally = createTally();
  const images: ConvertedImage[] = [];
  const chosen = await chooseFiles(folder, options.list);
  const files = new Set(chosen);
  tally.add(LISTED_BEFORE, chosen.length - files.size);
  for (const file of files) {
    images.push(await readImage(join(folder, file), finder, options, tally));
  }
  const met = images.flatMap(({ objects }) => objects.map(({ label }) => label));
  return {
    classes: classList(options.classes, met, folder, options),
    images,
    folder: finder.folder,
    remarks: tally.remarks,
  };
}

export async function vocInputs(options: VocOptions): Promise<Inputs> {
  const { folder, images } = placesOf(options);
  return { files: options.list === undefined ? [] : [options.list], folders: [folder, images] };
}

/** The folders of the XML files and of the images. */
function placesOf({ input, images }: VocOptions): { readonly folder: string; readonly images: string } {
  const nested = join(input, "Annotations");
  const folder = existsSync(nested) ? nested : input;
  const beside = join(dirname(folder), "JPEGImages");
  return { folder, images: images ?? (existsSync(beside) ? beside : folder) };
}

async function chooseFiles(folder: string, list: string | undefined): Promise<string[]> {
  if (list === undefined) return listFiles(folder, ".xml", "annotations");
  const names = (await readTextFile(list))
    .split(/\r?\n/)
    .map((line) => line.trim().split(/\s+/)[0]!)
    .filter((name) => name !== "");
  if (names.length === 0) throw new UserError(`${list}: the list is empty`);
  return names.map((name) => `${name}.xml`);
}

async function readImage(
  path: string,
  finder: ImageFinder,
  options: VocOptions,
  tally: Tally,
): Promise<ConvertedImage> {
  const root = await readXml(path, "annotation");
  const file = finder.find(childText(root, "filename"), path);
  const size = await sizeOf(root, join(finder.folder, file));
  const objects = childrenOf(root, "object").flatMap((object) => readObject(object, size, options, tally) ?? []);
  return { file, ...size, objects };
}

/** The size as written, or the image's if it is missing or 0, as some tools leave it. */
async function sizeOf(root: XmlElement, image: string): Promise<Size> {
  const size = childrenOf(root, "size")[0];
  const side = (name: string): number => {
    const text = size === undefined ? undefined : childText(size, name);
    return text === undefined ? 0 : toNumber(text, name, size!.where);
  };
  const [width, height] = [side("width"), side("height")];
  if (width === 0 || height === 0) return readImageSize(image);
  checkSides(width, height, { file: size!.where });
  return { width, height };
}

function readObject(
  object: XmlElement,
  image: Size,
  { corners = "pixels", difficult = "keep" }: VocOptions,
  tally: Tally,
): ConvertedObject | undefined {
  const label = childText(object, "name");
  if (label === undefined || label === "") throw new UserError(`${object.where}: the object has no name`);
  const box = childrenOf(object, "bndbox")[0];
  if (box === undefined) throw new UserError(`${object.where} ("${label}"): the object has no bndbox`);
  const corner = (name: string): number => toNumber(childText(box, name), name, `${object.where} ("${label}")`);
  const [xmin, ymin, xmax, ymax] = [corner("xmin"), corner("ymin"), corner("xmax"), corner("ymax")];
  const first = corners === "pixels" ? 1 : 0;
  const hard = childText(object, "difficult") === "1";
  if (hard && difficult === "drop") {
    tally.add(["difficult object left out", "difficult objects left out"]);
    return undefined;
  }
  const where = `${object.where} ("${label}")`;
  if (xmax < xmin || ymax < ymin) {
    const corners = xmax < xmin ? `xmin ${xmin}, xmax ${xmax}` : `ymin ${ymin}, ymax ${ymax}`;
    tally.name(SWAPPED, `${where}: ${corners}`);
    return undefined;
  }
  const converted = boxObject(label, [xmin - first, ymin - first, xmax, ymax], image, where, tally);
  return converted && { ...converted, crowd: hard && difficult === "crowd" };
}
