import { UserError } from "../errors.js";
import type { CocoSegmentation } from "../masks/coco.js";
import type { PictureInfo } from "./types.js";

/** The members of a JSON object, unchecked. */
export type Fields = Readonly<Record<string, unknown>>;

/** @throws UserError when the entry is no object */
export function fieldsOf(entry: unknown, where: string): Fields {
  if (typeof entry !== "object" || entry === null || Array.isArray(entry)) {
    throw new UserError(`${where}: this must be an object, not ${JSON.stringify(entry)}`);
  }
  return entry as Fields;
}

/** @throws UserError when the field is missing or no finite number */
export function numberField(fields: Fields, name: string, where: string): number {
  const value = fields[name];
  if (typeof value === "number" && Number.isFinite(value)) return value;
  const found = value === undefined ? "missing" : `${describe(value)}, which is no finite number`;
  throw new UserError(`${where}: ${name} is ${found}`);
}

/**
 * The annotated box, or the extent of the polygons where none is given, clipped to the picture.
 *
 * @returns x1 y1 x2 y2; clipped is true where the box reached outside by more than rounding
 */
export function checkBox(
  bbox: unknown,
  shape: CocoSegmentation | undefined,
  picture: PictureInfo,
  where: string,
): { readonly box: readonly [number, number, number, number]; readonly clipped: boolean } {
  const [x1, y1, x2, y2] = bbox === undefined ? extentOf(shape, where) : cornersOf(bbox, where);
  const { width, height } = picture;
  const box = [clamp(x1, width), clamp(y1, height), clamp(x2, width), clamp(y2, height)] as const;
  return { box, clipped: x1 < -0.01 || y1 < -0.01 || x2 > width + 0.01 || y2 > height + 0.01 };
}

const clamp = (value: number, limit: number): number => Math.min(Math.max(value, 0), limit);

function cornersOf(bbox: unknown, where: string): readonly [number, number, number, number] {
  if (!Array.isArray(bbox) || bbox.length !== 4) {
    throw new UserError(`${where}: bbox must be [x, y, width, height], not ${describe(bbox)}`);
  }
  const [x, y, width, height] = bbox.map((value: unknown) => {
    if (typeof value === "number" && Number.isFinite(value)) return value;
    throw new UserError(`${where}: bbox holds ${describe(value)}, which is no finite number`);
  }) as [number, number, number, number];
  return [x, y, x + width, y + height];
}

function extentOf(shape: CocoSegmentation | undefined, where: string): readonly [number, number, number, number] {
  if (shape === undefined || "size" in shape) throw new UserError(`${where}: bbox is missing`);
  const corners: [number, number, number, number] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const polygon of shape) {
    for (let i = 0; i < polygon.length; i += 2) {
      corners[0] = Math.min(corners[0], polygon[i]!);
      corners[1] = Math.min(corners[1], polygon[i + 1]!);
      corners[2] = Math.max(corners[2], polygon[i]!);
      corners[3] = Math.max(corners[3], polygon[i + 1]!);
    }
  }
  return corners;
}

/** A mask's annotation, or undefined where there is none: missing, null or an empty list. */
export function checkSegmentation(value: unknown, picture: PictureInfo, where: string): CocoSegmentation | undefined {
  if (value === undefined || value === null || (Array.isArray(value) && value.length === 0)) return undefined;
  if (!Array.isArray(value)) return checkRuns(fieldsOf(value, `${where}: segmentation`), picture, where);
  for (const [i, polygon] of value.entries()) checkPolygon(polygon, where, value.length > 1 ? ` ${i + 1}` : "");
  return value as readonly (readonly number[])[];
}

function checkPolygon(polygon: unknown, where: string, number: string): void {
  if (!Array.isArray(polygon)) {
    throw new UserError(`${where}: polygon${number} must be a list x0, y0, x1, y1, …, not ${describe(polygon)}`);
  }
  if (polygon.length < 6 || polygon.length % 2 === 1) {
    const what = polygon.length < 6 ? "at least 3 points (6 numbers)" : "an even list x0, y0, x1, y1, …";
    throw new UserError(`${where}: polygon${number} has ${polygon.length} numbers; a polygon needs ${what}`);
  }
  for (let i = 0; i < polygon.length; i++) {
    const value: unknown = polygon[i];
    if (typeof value !== "number" || !Number.isFinite(value)) {
      throw new UserError(`${where}: polygon${number} holds ${describe(value)}, which is no finite number`);
    }
  }
}

function checkRuns({ size, counts }: Fields, picture: PictureInfo, where: string): CocoSegmentation {
  if (!Array.isArray(size) || size[0] !== picture.height || size[1] !== picture.width) {
    throw new UserError(
      `${where}: the mask's size is ${describe(size)} (height, width), ` +
        `but the picture's is [${picture.height},${picture.width}]`,
    );
  }
  if (typeof counts !== "string" && !Array.isArray(counts)) {
    throw new UserError(`${where}: a mask's "counts" must be a string or a list of numbers`);
  }
  return { size: [picture.height, picture.width], counts: counts as string | number[] };
}

/** NaN comes as infinite from the file's reader, JSON having no word for either. */
function describe(value: unknown): string {
  if (typeof value === "number" && !Number.isFinite(value)) return "NaN or Infinity";
  return value === undefined ? "missing" : JSON.stringify(value).slice(0, 60);
}
