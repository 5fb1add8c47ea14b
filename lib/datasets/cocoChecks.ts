import { idFault } from "../coco/checks.js";
import { type CocoSegmentation, segmentationToRle } from "../masks/coco.js";
import { polygonExtent } from "../masks/extent.js";
import { rleArea, rleBoxXyxy } from "../masks/rle.js";
import { DataFault, type FaultKind, type Place, placeName } from "./fault.js";
import type { ImageInfo } from "./types.js";

/** The members of a JSON object, unchecked. */
export type Fields = Readonly<Record<string, unknown>>;

/** @throws UserError when the entry is not an object */
export function fieldsOf(entry: unknown, where: Place): Fields {
  if (typeof entry !== "object" || entry === null || Array.isArray(entry)) {
    throw new DataFault("entry", where, `this must be an object, not ${JSON.stringify(entry)}`);
  }
  return entry as Fields;
}

/** @throws UserError when the field is missing or not a finite number */
export function numberField(fields: Fields, name: string, where: Place, kind: FaultKind = "entry"): number {
  const value = fields[name];
  if (typeof value === "number" && Number.isFinite(value)) return value;
  const found = value === undefined ? "missing" : `${describe(value)}, which is not a finite number`;
  throw new DataFault(kind, where, `${name} is ${found}`);
}

/** @throws UserError when the field is missing, not an integer, or beyond the exact integers */
export function idField(fields: Fields, name: string, where: Place, kind: FaultKind): number {
  const isText = typeof fields[name] === "string";
  const id = isText ? Number.NaN : numberField(fields, name, where, kind);
  const fault = idFault(name, isText ? fields[name] : id);
  if (fault !== undefined) throw new DataFault(kind, where, fault);
  return id;
}

/** @throws UserError when the field is missing, empty or not text */
export function textField(fields: Fields, name: string, where: Place, kind: FaultKind): string {
  const value = fields[name];
  if (typeof value === "string" && value !== "") return value;
  if (value === undefined || value === "") {
    throw new DataFault(kind, where, `${name} is ${value === undefined ? "missing" : "empty"}`);
  }
  const hint = typeof value === "number" ? `; write it in quotes, "${value}"` : "";
  throw new DataFault(kind, where, `${name} must be a text, not ${describe(value)}${hint}`);
}

/** The texts "0" and "1" are refused: their meaning would be a guess. */
export function crowdField({ iscrowd }: Fields, where: Place): boolean {
  if (iscrowd === undefined || iscrowd === null || iscrowd === 0) return false;
  if (typeof iscrowd === "boolean" || iscrowd === 1) return iscrowd !== false;
  throw new DataFault("entry", where, `iscrowd must be 0 or 1, not ${describe(iscrowd)}`);
}

/** A box as corners x1 y1 x2 y2 in image pixels. */
export type Corners = readonly [number, number, number, number];

/**
 * The annotated box unchanged; if there is none, that of the mask: around the polygons' points or the run lengths'
 * pixels.
 */
export function checkBox(bbox: unknown, shape: CocoSegmentation | undefined, where: Place): Corners {
  return bbox === undefined || bbox === null ? extentOf(shape, where) : cornersOf(bbox, where);
}

/** The part of a box within its image; `clipped` is true if it extended outside by more than rounding. */
export function clipBox(
  [x1, y1, x2, y2]: Corners,
  { width, height }: Pick<ImageInfo, "width" | "height">,
): { readonly box: Corners; readonly clipped: boolean } {
  const box = [clamp(x1, width), clamp(y1, height), clamp(x2, width), clamp(y2, height)] as const;
  return { box, clipped: x1 < -0.01 || y1 < -0.01 || x2 > width + 0.01 || y2 > height + 0.01 };
}

const clamp = (value: number, limit: number): number => Math.min(Math.max(value, 0), limit);

function cornersOf(bbox: unknown, where: Place): Corners {
  if (!Array.isArray(bbox) || bbox.length !== 4) {
    throw new DataFault("box", where, `bbox must be [x, y, width, height], not ${describe(bbox)}`);
  }
  const [x, y, width, height] = bbox.map((value: unknown) => {
    if (typeof value === "number" && Number.isFinite(value)) return value;
    throw new DataFault("box", where, `bbox holds ${describe(value)}, which is not a finite number`);
  }) as [number, number, number, number];
  return [x, y, x + width, y + height];
}

function extentOf(shape: CocoSegmentation | undefined, where: Place): Corners {
  if (shape === undefined) throw new DataFault("box", where, "bbox is missing, and there is no mask to take it from");
  if (!("size" in shape)) return polygonExtent(shape);
  const [height = 0, width = 0] = shape.size;
  const rle = segmentationToRle(shape, height, width, placeName(where));
  if (rleArea(rle) > 0) return rleBoxXyxy(rle);
  throw new DataFault("box", where, "bbox is missing, and the mask to take it from is empty");
}

/** A mask's annotation, or undefined if there is none: missing, null or an empty list. */
export function checkSegmentation(value: unknown, image: ImageInfo, where: Place): CocoSegmentation | undefined {
  if (value === undefined || value === null || (Array.isArray(value) && value.length === 0)) return undefined;
  if (!Array.isArray(value)) {
    if (typeof value !== "object") {
      throw new DataFault(
        "mask",
        where,
        `segmentation must be a list of polygons or run lengths, not ${describe(value)}`,
      );
    }
    return checkRuns(value as Fields, image, where);
  }
  for (const [i, polygon] of value.entries()) checkPolygon(polygon, where, value.length > 1 ? ` ${i + 1}` : "");
  return value as readonly (readonly number[])[];
}

function checkPolygon(polygon: unknown, where: Place, number: string): void {
  if (!Array.isArray(polygon)) {
    throw new DataFault("mask", where, `polygon${number} must be a list x0, y0, x1, y1, …, not ${describe(polygon)}`);
  }
  if (polygon.length < 6 || polygon.length % 2 === 1) {
    const what = polygon.length < 6 ? "at least 3 points (6 numbers)" : "an even list x0, y0, x1, y1, …";
    throw new DataFault("mask", where, `polygon${number} has ${polygon.length} numbers; a polygon needs ${what}`);
  }
  for (let i = 0; i < polygon.length; i++) {
    const value: unknown = polygon[i];
    if (typeof value !== "number" || !Number.isFinite(value)) {
      throw new DataFault("mask", where, `polygon${number} holds ${describe(value)}, which is not a finite number`);
    }
  }
}

function checkRuns({ size, counts }: Fields, image: ImageInfo, where: Place): CocoSegmentation {
  if (!Array.isArray(size) || size[0] !== image.height || size[1] !== image.width) {
    throw new DataFault(
      "mask",
      where,
      `the mask's size is ${describe(size)} (height, width), ` + `but the image's is [${image.height},${image.width}]`,
    );
  }
  if (typeof counts !== "string" && !Array.isArray(counts)) {
    throw new DataFault("mask", where, `a mask's "counts" must be a string or a list of numbers`);
  }
  return { size: [image.height, image.width], counts: counts as string | number[] };
}

export function describe(value: unknown): string {
  if (typeof value === "number") return String(value);
  return value === undefined ? "missing" : JSON.stringify(value).slice(0, 60);
}
