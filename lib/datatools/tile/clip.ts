import { clipPolygon } from "lineclip";
import type { CocoSegmentation } from "../../masks/coco.js";
import { polygonExtent } from "../../masks/extent.js";
import { rleArea, rleBoxXyxy } from "../../masks/rle.js";
import { compressRle } from "../../masks/strings.js";
import { cropRle } from "../../masks/transforms.js";
import type { Rle } from "../../masks/types.js";
import { COST, type Work } from "../../masks/work.js";
import type { Window } from "../../pixels/image.js";

export interface TileObject {
  /** Names it in messages. */
  readonly where: string;
  /** x1 y1 x2 y2 in the whole image. */
  readonly box: readonly [number, number, number, number];
  readonly shape?: CocoSegmentation;
  /** The whole mask, if there is one. */
  readonly mask?: Rle;
  readonly area: number;
  readonly crowd: boolean;
}

export interface ClippedObject {
  /** x y width height in the tile. */
  readonly bbox: readonly [number, number, number, number];
  readonly segmentation: CocoSegmentation;
  readonly area: number;
  /** Share of the object that is in the tile, 0–1, by pixels if it has a mask, otherwise by the box. */
  readonly visible: number;
}

/** The part of an object within a window. @returns undefined if there is none */
export function clipObject(object: TileObject, window: Window, work: Work): ClippedObject | undefined {
  const { left, top, width, height } = window;
  const [x1, y1, x2, y2] = object.box;
  const box = [
    Math.max(x1 - left, 0),
    Math.max(y1 - top, 0),
    Math.min(x2 - left, width),
    Math.min(y2 - top, height),
  ] as const;
  if (box[2] <= box[0] || box[3] <= box[1]) return undefined;
  work.spend(COST.outline, object.where);
  if (object.mask === undefined || object.shape === undefined) {
    const area = (box[2] - box[0]) * (box[3] - box[1]);
    return { bbox: xywh(box), segmentation: [], area, visible: area / ((x2 - x1) * (y2 - y1)) };
  }
  work.spend(
    COST.madeColumn * width + COST.column * object.mask.counts.length + pointsCost(object.shape),
    object.where,
  );
  const mask = cropRle(object.mask, { x: left, y: top, width, height });
  const area = rleArea(mask);
  if (area === 0) return undefined;
  if ("size" in object.shape) work.spend(COST.writtenRun * mask.counts.length, object.where);
  const segmentation = clipShape(object.shape, mask, window);
  if (segmentation === undefined) return undefined;
  const extent = "size" in segmentation ? rleBoxXyxy(mask) : polygonExtent(segmentation);
  const tight = [
    Math.max(box[0], extent[0]),
    Math.max(box[1], extent[1]),
    Math.min(box[2], extent[2]),
    Math.min(box[3], extent[3]),
  ] as const;
  if (tight[2] <= tight[0] || tight[3] <= tight[1]) return undefined;
  return { bbox: xywh(tight), segmentation, area, visible: area / rleArea(object.mask) };
}

const pointsCost = (shape: CocoSegmentation): number =>
  "size" in shape ? 0 : COST.point * shape.reduce((sum, polygon) => sum + polygon.length, 0);

/** Polygons stay polygons, run lengths stay run lengths. */
function clipShape(shape: CocoSegmentation, mask: Rle, window: Window): CocoSegmentation | undefined {
  if ("size" in shape) return { size: [mask.height, mask.width], counts: compressRle(mask) };
  const polygons = shape.map((polygon) => clipFlat(polygon, window)).filter((polygon) => polygon.length >= 6);
  return polygons.length === 0 ? undefined : polygons;
}

function clipFlat(polygon: readonly number[], { left, top, width, height }: Window): number[] {
  const points = Array.from({ length: polygon.length / 2 }, (_, i): [number, number] => [
    polygon[2 * i]! - left,
    polygon[2 * i + 1]! - top,
  ]);
  const clipped = clipPolygon(points, [0, 0, width, height]);
  return enclosesArea(clipped) ? clipped.flat().map((value) => Math.round(value * 1e4) / 1e4) : [];
}

/** An outline that only touches the window leaves a line along its border. */
function enclosesArea(points: readonly (readonly [number, number])[]): boolean {
  const twice = points.reduce((sum, [x, y], i) => {
    const [u, v] = points[(i + 1) % points.length]!;
    return sum + x * v - u * y;
  }, 0);
  return Math.abs(twice) > 1e-6;
}

const xywh = ([x1, y1, x2, y2]: readonly [number, number, number, number]) => [x1, y1, x2 - x1, y2 - y1] as const;
