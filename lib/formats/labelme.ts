import { join } from "node:path";
import { z } from "zod";
import { checkSides } from "../datasets/imageSize.js";
import { setWork } from "../datasets/work.js";
import { UserError } from "../errors.js";
import { readTextFile } from "../files.js";
import { decodeMask, readImageSize } from "../images/decode.js";
import { parseJson } from "../json.js";
import { polygonExtent } from "../masks/extent.js";
import { mergeRles } from "../masks/overlap.js";
import { encodeRle } from "../masks/rle.js";
import { LARGEST_SIDE } from "../masks/sides.js";
import { cropRle } from "../masks/transforms.js";
import type { Rle } from "../masks/types.js";
import { COST } from "../masks/work.js";
import { type ImageFinder, imageFinder, listFiles } from "./files.js";
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
} from "./objects.js";
import type { NamedOptions } from "./options.js";
import type { ConvertedImage, ConvertedObject, ConvertedSet, Inputs, Point, Size } from "./types.js";

export interface LabelmeOptions extends NamedOptions {
  /** The folder of the JSON files. */
  readonly input: string;
  /** Default the JSON files' folder. */
  readonly images?: string;
  readonly classes?: readonly string[];
}

const pointSchema = z.tuple([z.number(), z.number()]);

const shapeSchema = z.object({
  label: z.string().min(1),
  points: z.array(z.unknown()),
  group_id: z.union([z.number(), z.string()]).nullish(),
  shape_type: z.string().default("polygon"),
  mask: z.string().nullish(),
});

const fileSchema = z.object({
  shapes: z.array(z.unknown()),
  imagePath: z.string().nullish(),
  imageHeight: z.int().positive().nullish(),
  imageWidth: z.int().positive().nullish(),
});

type Shape = Omit<z.output<typeof shapeSchema>, "points"> & { readonly points: readonly Point[] };
type LabelmeFile = Omit<z.output<typeof fileSchema>, "shapes"> & { readonly shapes: readonly Shape[] };

/**
 * Reads LabelMe's JSON files (Wada, labelme): polygons, rectangles, circles and masks. Shapes with the same label and
 * group_id are one object. Points and lines are not objects and are left out; the remarks say so.
 *
 * @throws UserError naming file and shape for anything malformed
 */
export async function readLabelme(options: LabelmeOptions): Promise<ConvertedSet> {
  const finder = await imageFinder(options.images ?? options.input, options);
  const tally = createTally();
  const work = setWork();
  const images: ConvertedImage[] = [];
  for (const name of await listFiles(options.input, ".json", "annotations")) {
    images.push(await readImage(join(options.input, name), finder, { tally, work }));
  }
  const met = images.flatMap(({ objects }) => objects.map(({ label }) => label));
  const classes = classList(options.classes, met, options.input, options);
  return { classes, images, folder: finder.folder, remarks: tally.remarks };
}

export async function labelmeInputs({ input, images = input }: LabelmeOptions): Promise<Inputs> {
  return { files: [], folders: [input, images] };
}

async function readImage(path: string, finder: ImageFinder, reading: Reading): Promise<ConvertedImage> {
  const text = await readTextFile(path);
  const content = parse(text, path);
  const file = finder.find(content.imagePath ?? undefined, path);
  reading.work.addFile(text.length);
  reading.work.addImage();
  const { imageWidth, imageHeight } = content;
  const size =
    imageWidth && imageHeight
      ? { width: imageWidth, height: imageHeight }
      : await readImageSize(join(finder.folder, file));
  checkSides(size.width, size.height, { file: path });
  const groups = new Map<string, { shape: Shape; where: string }[]>();
  for (const [i, shape] of content.shapes.entries()) {
    const key = shape.group_id === null || shape.group_id === undefined ? `#${i}` : `${shape.group_id}/${shape.label}`;
    const entry = { shape, where: `${path}: shape ${i + 1} ("${shape.label}")` };
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [entry]);
    else group.push(entry);
  }
  const objects: ConvertedObject[] = [];
  for (const group of groups.values()) objects.push(...(await readObject(group, size, reading)));
  return { file, ...size, objects };
}

/** The first fault ends reading: the schema of a whole file could collect millions. */
function parse(text: string, path: string): LabelmeFile {
  let json: unknown;
  try {
    json = parseJson(text);
  } catch (error) {
    throw new UserError(`${path}: not valid JSON: ${error instanceof Error ? error.message : error}`);
  }
  const file = checked(fileSchema, json, [], path);
  const shapes = file.shapes.map((value, i): Shape => {
    const place = ["shapes", i];
    const { points, ...shape } = checked(shapeSchema, value, place, path);
    return { ...shape, points: points.map((point, j) => checked(pointSchema, point, [...place, "points", j], path)) };
  });
  return { ...file, shapes };
}

function checked<T>(schema: z.ZodType<T>, value: unknown, place: readonly (string | number)[], file: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0]!;
  throw new UserError(`${file}: ${[...place, ...path].join(".") || "the file"}: ${message}; is this a LabelMe file?`);
}

interface Placed {
  readonly shape: Shape;
  readonly where: string;
}

async function readObject(group: readonly Placed[], size: Size, reading: Reading): Promise<ConvertedObject[]> {
  const { tally } = reading;
  const outlines: (readonly Point[])[] = [];
  const masks: Rle[] = [];
  for (const { shape, where } of group) {
    if (shape.shape_type === "mask") masks.push(await readMask(shape, size, where, reading));
    else if (shape.shape_type === "rectangle" && group.length === 1) {
      return [boxObject(shape.label, extentOf(shape, where), size, where, tally) ?? []].flat();
    } else {
      const outline = outlineOf(shape, where, reading);
      if (outline === undefined) tally.add(noObjects(shape.shape_type));
      else outlines.push(outline);
    }
  }
  const [{ shape, where } = group[0]!] = group;
  const outlined = outlines.length === 0 ? undefined : polygonObject(shape.label, outlines, size, where, reading);
  if (masks.length === 0) return [outlined ?? []].flat();
  const drawn = outlined === undefined ? [] : [outlinesRle(outlines, size, where, reading)];
  return [maskObject(shape.label, mergeRles([...masks, ...drawn], "union"), where, reading) ?? []].flat();
}

function outlineOf({ shape_type: type, points }: Shape, where: string, reading: Reading): readonly Point[] | undefined {
  if (type === "polygon") return points;
  if (type === "rectangle") {
    const [x1, y1, x2, y2] = extentOf({ points }, where);
    return [
      [x1, y1],
      [x2, y1],
      [x2, y2],
      [x1, y2],
    ];
  }
  if (type === "circle") {
    const [centre, rim] = points;
    if (centre === undefined || rim === undefined) throw new UserError(`${where}: a circle needs a centre and a point`);
    const radius = Math.hypot(rim[0] - centre[0], rim[1] - centre[1]);
    return ellipsePoints(centre, [radius, radius], where, reading);
  }
  return undefined;
}

/** Any two opposite corners, or four. */
function extentOf({ points }: Pick<Shape, "points">, where: string): readonly [number, number, number, number] {
  if (points.length < 2) throw new UserError(`${where}: a rectangle needs two corners, this one has ${points.length}`);
  return polygonExtent([points.flat()]);
}

/** A base-64 PNG of the pixels from the first point on. */
async function readMask({ mask, points }: Shape, size: Size, where: string, { work }: Reading): Promise<Rle> {
  const corner = points[0];
  if (typeof mask !== "string" || corner === undefined)
    throw new UserError(`${where}: the mask or its place is missing`);
  const bitmap = await decodeMask(Buffer.from(mask, "base64"), { name: `${where}: its mask` });
  if (!corner.every((value) => Math.abs(value) <= LARGEST_SIDE)) {
    throw new UserError(`${where}: its mask begins at ${corner.join(", ")}, which is outside any image`);
  }
  work.spend(COST.pixel * bitmap.height * bitmap.width + COST.madeColumn * size.width, where);
  const rle = encodeRle(bitmap.data, bitmap.height, bitmap.width);
  return cropRle(rle, { x: -Math.round(corner[0]), y: -Math.round(corner[1]), ...size });
}
