import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { checkSides } from "../datasets/imageSize.js";
import { countPresent, setWork } from "../datasets/work.js";
import { UserError } from "../errors.js";
import { mergeRles } from "../masks/overlap.js";
import { type MaskWindow, rleFromRows } from "../masks/rows.js";
import { LARGEST_SIDE } from "../masks/sides.js";
import type { Rle } from "../masks/types.js";
import {
  boxObject,
  classList,
  createTally,
  ellipsePoints,
  maskObject,
  noObjects,
  outlinesRle,
  polygonObject,
  type Reading,
  rotated,
  type Tally,
} from "./objects.js";
import type { NamedOptions } from "./options.js";
import type { ConvertedImage, ConvertedObject, ConvertedSet, Inputs, Point, Size } from "./types.js";
import { attributeOf, childrenOf, childText, readXml, toNumber, type XmlElement } from "./xml.js";

export interface CvatOptions extends NamedOptions {
  /** The XML file of an export "CVAT for images 1.1". */
  readonly input: string;
  /** Default images beside the XML file, or its folder. */
  readonly images?: string;
  /** Default the labels of the task, in its order. */
  readonly classes?: readonly string[];
}

const NO_OBJECTS = ["polyline", "points", "cuboid", "skeleton", "tag"];

/**
 * Reads CVAT's XML for images, version 1.1: boxes (rotated ones as polygons), polygons, ellipses and masks. Shapes with
 * the same label and group_id are one object, as in CVAT's own export to COCO.
 *
 * @throws UserError naming file, image and shape for anything malformed
 */
export async function readCvat(options: CvatOptions): Promise<ConvertedSet> {
  const root = await readXml(options.input, "annotations");
  const elements = childrenOf(root, "image");
  if (elements.length === 0) {
    const tracks = childrenOf(root, "track").length > 0;
    const reason = tracks ? 'it holds tracks of a video; export it as "CVAT for images 1.1"' : "it lists no images";
    throw new UserError(`${options.input}: ${reason}`);
  }
  const folder = cvatImages(options);
  const tally = createTally();
  const work = setWork(() => countPresent(folder, elements.map(nameOf)));
  work.addFile((await stat(options.input)).size);
  const images = elements.map((element) => readImage(element, { tally, work }));
  const met = images.flatMap(({ objects }) => objects.map(({ label }) => label));
  const classes = options.classes
    ? classList(options.classes, met, options.input, options)
    : withOthers(taskLabels(root), met, tally);
  return { classes, images, folder, remarks: tally.remarks };
}

/** Only whether images are there counts, and where. */
export async function cvatInputs(options: CvatOptions): Promise<Inputs> {
  return { files: [options.input, cvatImages(options)], folders: [] };
}

/** The folder of the images: the one that is given, or `images` beside the file, or the file's own. */
export function cvatImages({ input, images }: CvatOptions): string {
  const beside = join(dirname(input), "images");
  return images ?? (existsSync(beside) ? beside : dirname(input));
}

/** The names in meta/task/labels, or meta/project or meta/job. Parts of skeletons have a parent and are not classes. */
function taskLabels(root: XmlElement): string[] {
  const owners = childrenOf(root, "meta").flatMap(({ children }) => children);
  const labels = owners.flatMap((owner) => childrenOf(owner, "labels")).flatMap((list) => childrenOf(list, "label"));
  const names = labels.filter((label) => !childText(label, "parent")).map((label) => childText(label, "name") ?? "");
  return [...new Set(names.filter((name) => name !== ""))];
}

/**
 * The task's labels, followed by those that objects have but the list lacks because it is from another state of the
 * task.
 */
function withOthers(labels: readonly string[], met: readonly string[], tally: Tally): readonly string[] {
  const listed = new Set(labels);
  const others = [...new Set(met)].filter((label) => !listed.has(label)).sort();
  if (labels.length > 0)
    for (const label of others)
      tally.name(["label kept that the task does not list", "labels kept that the task does not list"], label);
  return [...labels, ...others];
}

const nameOf = (image: XmlElement): string => attributeOf(image, "name").replaceAll("\\", "/");

function readImage(image: XmlElement, reading: Reading): ConvertedImage {
  const file = nameOf(image);
  const side = (name: string): number => toNumber(image.attributes[name], name, image.where);
  const size = { width: side("width"), height: side("height") };
  checkSides(size.width, size.height, { file: image.where });
  const groups = new Map<string, XmlElement[]>();
  for (const [i, shape] of image.children.entries()) {
    if (NO_OBJECTS.includes(shape.name)) {
      reading.tally.add(noObjects(shape.name));
      continue;
    }
    const group = shape.attributes.group_id ?? "0";
    const key = group === "0" ? `#${i}` : `${group}/${attributeOf(shape, "label")}`;
    const members = groups.get(key);
    if (members === undefined) groups.set(key, [shape]);
    else members.push(shape);
  }
  return {
    file,
    source: image.where,
    ...size,
    objects: [...groups.values()].flatMap((group) => readGroup(group, size, reading) ?? []),
  };
}

/** Shapes that are one object: a single upright box stays a box, anything else has a mask. */
function readGroup(group: readonly XmlElement[], size: Size, reading: Reading): ConvertedObject | undefined {
  const [first] = group;
  if (first === undefined) return undefined;
  const label = attributeOf(first, "label");
  if (group.length === 1 && first.name === "box" && turnOf(first) === 0) {
    return boxObject(label, cornersOf(first), size, first.where, reading.tally);
  }
  const masks = group.filter(({ name }) => name === "mask").map((shape) => readMask(shape, size, reading));
  const outlines = group.filter(({ name }) => name !== "mask").map((shape) => outlineOf(shape, reading));
  if (masks.length === 0) return polygonObject(label, outlines, size, first.where, reading);
  if (outlines.length > 0) masks.push(outlinesRle(outlines, size, first.where, reading));
  return maskObject(label, mergeRles(masks, "union"), first.where, reading);
}

function outlineOf(shape: XmlElement, { work }: Reading): readonly Point[] {
  switch (shape.name) {
    case "box": {
      const [x1, y1, x2, y2] = cornersOf(shape);
      const corners: Point[] = [
        [x1, y1],
        [x2, y1],
        [x2, y2],
        [x1, y2],
      ];
      return rotated(corners, [(x1 + x2) / 2, (y1 + y2) / 2], turnOf(shape));
    }
    case "polygon":
      return pointsOf(shape);
    case "ellipse": {
      const [cx, cy, rx, ry] = numbersOf(shape, ["cx", "cy", "rx", "ry"]) as [number, number, number, number];
      return ellipsePoints([cx, cy], [rx, ry], shape.where, { work, degrees: turnOf(shape) });
    }
    default:
      throw new UserError(`${shape.where}: <${shape.name}> is not a shape of CVAT for images 1.1`);
  }
}

function cornersOf(box: XmlElement): [number, number, number, number] {
  return numbersOf(box, ["xtl", "ytl", "xbr", "ybr"]) as [number, number, number, number];
}

function numbersOf(shape: XmlElement, names: readonly string[]): number[] {
  return names.map((name) => toNumber(shape.attributes[name], name, shape.where));
}

/** Degrees, clockwise. */
function turnOf(shape: XmlElement): number {
  const text = shape.attributes.rotation;
  return text === undefined ? 0 : toNumber(text, "rotation", shape.where);
}

/** "x,y;x,y;…" */
function pointsOf(shape: XmlElement): Point[] {
  return attributeOf(shape, "points")
    .split(";")
    .map((pair) => {
      const [x, y, ...rest] = pair.split(",");
      if (rest.length > 0) throw new UserError(`${shape.where}: the point "${pair}" has more than two numbers`);
      return [toNumber(x, "x of a point", shape.where), toNumber(y, "y of a point", shape.where)];
    });
}

/** The largest window of a mask, in pixels. */
const MOST_PIXELS = 2 ** 27;

function checkWindow({ left, top, width, height }: MaskWindow, where: string): void {
  const whole = [left, top, width, height].every((side) => Number.isInteger(side) && Math.abs(side) <= LARGEST_SIDE);
  if (whole && width >= 1 && height >= 1 && width * height <= MOST_PIXELS) return;
  const found = `left ${left}, top ${top}, width ${width}, height ${height}`;
  throw new UserError(
    `${where}: a mask's window must have whole numbers, be 1 to ${LARGEST_SIDE} wide and high, ` +
      `and have at most ${MOST_PIXELS} pixels, not ${found}`,
  );
}

/** Run lengths of the pixels of a window, row by row, zeros first. */
function readMask(shape: XmlElement, size: Size, { work }: Reading): Rle {
  const [left, top, width, height] = numbersOf(shape, ["left", "top", "width", "height"]) as [
    number,
    number,
    number,
    number,
  ];
  checkWindow({ left, top, width, height }, shape.where);
  const counts = attributeOf(shape, "rle")
    .split(",")
    .map((text) => {
      const count = toNumber(text, "a run length", shape.where);
      if (Number.isInteger(count) && count >= 0) return count;
      throw new UserError(`${shape.where}: a run length is ${count}; run lengths are whole numbers of at least 0`);
    });
  return rleFromRows(counts, { left, top, width, height }, size, shape.where, work);
}
