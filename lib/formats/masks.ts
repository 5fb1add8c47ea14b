import { join, parse } from "node:path";
import { glob } from "tinyglobby";
import {
  type ClassNumbers,
  describeLabels,
  firstLabel,
  nameOfLabel,
  refuseUnusedNames,
} from "../datasets/classNumbers.js";
import { listImages, listNames } from "../datasets/folders.js";
import { readObjectInfo } from "../datasets/objectInfo.js";
import { UserError } from "../errors.js";
import { decodeIndices, decodeLabelMap, decodeMask, type IndexMap, readImageSize } from "../images/decode.js";
import { encodeRle } from "../masks/rle.js";
import type { Rle } from "../masks/types.js";
import { UNCOUNTED } from "../masks/work.js";
import { IGNORED_LABEL } from "../pixels/image.js";
import { connectedRegions, rlesOfValues } from "./bitmaps.js";
import { listFiles } from "./files.js";
import { classList, createTally, maskObject, type Tally } from "./objects.js";
import { type NamedOptions, optionName } from "./options.js";
import type { ConvertedImage, ConvertedObject, ConvertedSet, Inputs, Size } from "./types.js";

export interface MasksOptions extends NamedOptions {
  /** The folder of the PNGs. */
  readonly input: string;
  readonly images: string;
  /**
   * "instances": one PNG per image, its pixels the number of their object, 0 for none. "objects": one PNG per object;
   * pixels that are not black belong to it. "classes": one PNG per image, its pixels a class, 0 for the background,
   * which is not an object; each connected region (by edges or corners) is an object. `ignoreLabel` is not an object in
   * "instances" and "classes".
   */
  readonly layout: "instances" | "objects" | "classes";
  /**
   * Class names. If pixels are classes, the first is that of label 0, as in a config for label maps, and a list longer
   * than the labels need is refused. For "instances" and "objects": if there is only one, all objects have it.
   */
  readonly classes?: readonly string[];
  /** Instead of `classes`: a table of them as in ADE20K, which may have more than occur. */
  readonly objectInfo?: string;
  /** Label 0 has no name: the first name is that of label 1. Default false. */
  readonly reduceZeroLabel?: boolean;
  /**
   * Pixels with this value in 8-bit PNGs, including class maps, are not objects: VOC draws borders with it. Default
   * 255.
   */
  readonly ignoreLabel?: number;
  /** For "instances": a folder of PNGs with the class of each pixel, as VOC's SegmentationClass. */
  readonly classMaps?: string;
  /** For "instances": the class is the number divided by this, such as Cityscapes' 1000. */
  readonly classDivisor?: number;
  /** What follows an image's name in its PNG's; default ".png". */
  readonly suffix?: string;
  /**
   * For "objects": finds image and class in a PNG's path below the folder, without its extension, by the groups "image"
   * and "class". Default IMAGE_CLASS_NUMBER, or IMAGE/…/CLASS_NUMBER; with a single class, IMAGE_NUMBER or IMAGE/….
   */
  readonly pattern?: string;
  /** Objects with fewer pixels are left out; default 1. */
  readonly minArea?: number;
}

/** Reads masks stored as PNGs. Pixels are unchanged: masks become run lengths. @throws UserError naming the file */
export async function readMasks(given: MasksOptions): Promise<ConvertedSet> {
  const options = await withNumbers(given);
  const tally = createTally();
  const names = await listImages(options.images);
  if (names.length === 0) throw new UserError(`${options.images}: there are no images in this folder`);
  const images =
    options.layout === "objects" ? await readObjects(names, options, tally) : await readMaps(names, options, tally);
  const met = images.flatMap(({ objects }) => objects.map(({ label }) => label));
  if (met.length === 0) throw new UserError(`${options.input}: these masks have no objects`);
  const { numbers, highest } = options;
  if (numbers === undefined) {
    const classes = classList(options.classes, met, options.input, options);
    return { classes, images, folder: options.images, remarks: tally.remarks };
  }
  if (options.objectInfo === undefined) refuseUnusedNames(numbers, highest.value, options.input);
  const classes = numbers.classes.slice(1 - numbers.first);
  const remarks = [`labels: ${describeLabels(numbers)}; 0 is not an object`, ...tally.remarks];
  return { classes, images, folder: options.images, remarks };
}

export async function masksInputs({ input, images, classMaps, objectInfo }: MasksOptions): Promise<Inputs> {
  return {
    files: objectInfo === undefined ? [] : [objectInfo],
    folders: classMaps === undefined ? [images] : [images, classMaps],
    trees: [input],
  };
}

/** The readers' options: also how labels are named, if they are. */
interface Reading extends MasksOptions {
  readonly numbers?: ClassNumbers;
  /** The highest label found. */
  readonly highest: { value: number };
}

async function withNumbers(given: MasksOptions): Promise<Reading> {
  const { objectInfo, layout, classMaps, classDivisor } = given;
  const names = given.classes ?? (objectInfo === undefined ? undefined : await readObjectInfo(objectInfo));
  const options = { ...given, highest: { value: 0 }, ...(names !== undefined && { classes: names }) };
  const byLabel = layout === "classes" || classMaps !== undefined || classDivisor !== undefined;
  if (names === undefined || layout === "objects" || !byLabel) return options;
  const list = given.classes === undefined ? `${objectInfo}` : "the class list";
  return { ...options, numbers: { classes: names, first: firstLabel(given.reduceZeroLabel), list } };
}

async function readMaps(names: readonly string[], options: Reading, tally: Tally): Promise<ConvertedImage[]> {
  const suffix = options.suffix ?? ".png";
  const present = new Set(await listNames(options.input));
  const wanted = names.map((file) => ({ file, map: parse(file).name + suffix }));
  const pairs = wanted.filter(({ map }) => present.has(map));
  if (pairs.length === 0) {
    const example = join(options.input, wanted[0]!.map);
    throw new UserError(`${options.input}: no image has a mask here; ${names[0]} would have ${example}`);
  }
  tally.add(["image without a mask left out", "images without a mask left out"], names.length - pairs.length);
  const images: ConvertedImage[] = [];
  for (const { file, map } of pairs) {
    const path = join(options.input, map);
    const values = await decodeIndices(path, "mask");
    const size = await readImageSize(join(options.images, file));
    checkSize(path, values, size);
    const labelOf = options.layout === "classes" ? undefined : await instanceLabels(file, values, options);
    const objects =
      labelOf === undefined
        ? regionObjects(path, values, options, tally)
        : instanceObjects(path, values, labelOf, options, tally);
    images.push({ file, ...size, objects });
  }
  return images;
}

const withoutVoid = ({ data }: IndexMap, { ignoreLabel = IGNORED_LABEL }: Reading): Uint8Array | Uint16Array =>
  data instanceof Uint8Array ? data.map((value) => (value === ignoreLabel ? 0 : value)) : data;

function instanceObjects(
  path: string,
  map: IndexMap,
  labelOf: (value: number, where: string) => string,
  options: Reading,
  tally: Tally,
): ConvertedObject[] {
  const rles = rlesOfValues(withoutVoid(map, options), map.width, map.height);
  const numbers = [...rles.keys()].sort((a, b) => a - b);
  return numbers.flatMap((value) =>
    objectOf(labelOf(value, `${path}: object ${value}`), rles.get(value)!, options, tally),
  );
}

function regionObjects(path: string, map: IndexMap, options: Reading, tally: Tally): ConvertedObject[] {
  const { width, height } = map;
  const { regions, values } = connectedRegions(withoutVoid(map, options), width, height);
  const rles = Array.from(rlesOfValues(regions, width, height)).sort(([a], [b]) => a - b);
  return rles.flatMap(([region, rle]) => objectOf(nameOf(values[region]!, options, path), rle, options, tally));
}

function objectOf(label: string, rle: Rle, { minArea = 1 }: Reading, tally: Tally): ConvertedObject[] {
  const object = maskObject(label, rle, "mask", { tally, work: UNCOUNTED });
  if (object === undefined) return [];
  if (object.area >= minArea) return [object];
  tally.add([
    `object with fewer than ${minArea} pixels left out`,
    `objects with fewer than ${minArea} pixels left out`,
  ]);
  return [];
}

/** How to get an object's class from its number or its pixels. */
async function instanceLabels(file: string, map: IndexMap, options: Reading) {
  const { classMaps, classDivisor, classes } = options;
  if (classMaps !== undefined) {
    const path = join(classMaps, parse(file).name + (options.suffix ?? ".png"));
    const labels = await decodeLabelMap(path);
    checkSize(path, labels, map);
    const found = commonest(withoutVoid(labels, options), map.data);
    return (value: number, where: string) => nameOf(found.get(value) ?? 0, options, where);
  }
  if (classDivisor !== undefined) {
    return (value: number, where: string) => nameOf(Math.floor(value / classDivisor), options, where);
  }
  const [only] = classes ?? ["object"];
  if ((classes?.length ?? 1) === 1 && only !== undefined) return () => only;
  throw new UserError(
    `which class do the objects have? Give one name with ${optionName(options, "classes")}, or ${optionName(options, "classMaps")}, ` +
      `or ${optionName(options, "classDivisor")} (${classes?.length} classes are given)`,
    2,
  );
}

/** The most frequent class of each object's pixels, without 0 if there are others. */
function commonest(classes: ArrayLike<number>, objects: ArrayLike<number>): Map<number, number> {
  const counts = new Map<number, Uint32Array>();
  for (let i = 0; i < classes.length; i++) {
    const object = objects[i]!;
    if (object === 0) continue;
    let count = counts.get(object);
    if (count === undefined) counts.set(object, (count = new Uint32Array(256)));
    count[classes[i]!]!++;
  }
  return new Map(
    Array.from(counts, ([object, count]) => {
      const named = count.subarray(1);
      const most = named.reduce((a, b) => Math.max(a, b), 0);
      return [object, most === 0 ? 0 : named.indexOf(most) + 1];
    }),
  );
}

function nameOf(value: number, { numbers, highest }: Reading, where: string): string {
  if (numbers === undefined) return `class ${value}`;
  highest.value = Math.max(highest.value, value);
  if (value === 0) throw new UserError(`${where}: its label is 0, which is not an object`);
  return nameOfLabel(value, numbers, where);
}

async function readObjects(names: readonly string[], options: Reading, tally: Tally): Promise<ConvertedImage[]> {
  const files = (await glob("**/*.png", { cwd: options.input })).sort();
  if (files.length === 0) await listFiles(options.input, ".png", "masks");
  const byStem = new Map(names.map((file) => [parse(file).name, file]));
  const byImage = new Map<string, { path: string; label: string }[]>();
  for (const file of files) {
    const path = join(options.input, file);
    const { image, label } = readName(file.replace(/\.png$/i, ""), path, options);
    const found = byStem.get(image);
    if (found === undefined) {
      throw new UserError(
        `${path}: its image would be "${image}", which is not in ${options.images}; check ${optionName(options, "pattern")}`,
      );
    }
    byImage.set(found, [...(byImage.get(found) ?? []), { path, label }]);
  }
  const images: ConvertedImage[] = [];
  for (const file of names) {
    const size = await readImageSize(join(options.images, file));
    const objects: ConvertedObject[] = [];
    for (const { path, label } of byImage.get(file) ?? []) {
      const mask = await decodeMask(path);
      checkSize(path, mask, size);
      objects.push(...objectOf(label, encodeRle(mask.data, mask.height, mask.width), options, tally));
    }
    images.push({ file, ...size, objects });
  }
  return images;
}

const WITH_CLASS = /^(?<image>[^/]+)(?:_|\/(?:.*\/)?)(?<class>[^_/]+)_\d+$/;
const WITHOUT_CLASS = /^(?<image>[^/]+?)(?:_\d+|\/.*)$/;

function readName(name: string, path: string, options: Reading) {
  const { pattern, classes } = options;
  const only = classes?.length === 1 ? classes[0] : undefined;
  const expression =
    pattern === undefined ? (only === undefined ? WITH_CLASS : WITHOUT_CLASS) : compile(pattern, options);
  const groups = expression.exec(name)?.groups;
  const label = groups?.class ?? only;
  if (groups?.image !== undefined && label !== undefined) return { image: groups.image, label };
  const hint =
    only === undefined
      ? `IMAGE_CLASS_NUMBER; or name the only class with ${optionName(options, "classes")}`
      : "IMAGE_NUMBER";
  throw new UserError(
    `${path}: the name does not say its image${only === undefined ? " and class" : ""}: ${pattern ?? hint}`,
  );
}

function compile(pattern: string, options: NamedOptions): RegExp {
  try {
    return new RegExp(pattern);
  } catch (error) {
    const reason = error instanceof Error ? error.message : error;
    throw new UserError(`${optionName(options, "pattern")}: not a regular expression: ${reason}`, 2);
  }
}

function checkSize(path: string, { width, height }: Size, other: Size): void {
  if (width === other.width && height === other.height) return;
  throw new UserError(`${path}: the mask is ${width}×${height}, its image ${other.width}×${other.height}`);
}
