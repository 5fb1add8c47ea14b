import { clipBox } from "../../datasets/cocoChecks.js";
import { UserError } from "../../errors.js";
import { polygonsToRle } from "../../masks/polygons.js";
import { rleArea, rleBoxXywh } from "../../masks/rle.js";
import { compressRle } from "../../masks/strings.js";
import type { Rle } from "../../masks/types.js";
import type { ConvertedObject, Point, Size } from "./types.js";

/** Counts what a reader leaves out or mends. */
export interface Tally {
  add(what: string, count?: number): void;
  /** "3 WHAT" for each, in the order first met. */
  readonly remarks: readonly string[];
}

export function createTally(): Tally {
  const counts = new Map<string, number>();
  return {
    add(what, count = 1) {
      if (count > 0) counts.set(what, (counts.get(what) ?? 0) + count);
    },
    get remarks() {
      return Array.from(counts, ([what, count]) => `${count} ${what}`);
    },
  };
}

/** An object known by its box; clipped to the picture. @returns undefined, tallied, where nothing of it is left */
export function boxObject(
  label: string,
  [x1, y1, x2, y2]: readonly [number, number, number, number],
  picture: Size,
  tally: Tally,
): ConvertedObject | undefined {
  const { box, clipped } = clipBox([x1, y1, x2, y2], picture);
  const [width, height] = [box[2] - box[0], box[3] - box[1]];
  if (!(width > 0 && height > 0)) {
    tally.add("boxes without area in their picture left out");
    return undefined;
  }
  if (clipped) tally.add("boxes clipped to their pictures");
  return { label, bbox: [box[0], box[1], width, height], area: width * height, crowd: false };
}

/**
 * An object known by outlines, which together are its mask. The box is their extent within the picture, the area that of
 * the mask.
 *
 * @param where names the object in messages
 */
export function polygonObject(
  label: string,
  outlines: readonly (readonly Point[])[],
  picture: Size,
  where: string,
  tally: Tally,
): ConvertedObject | undefined {
  const short = outlines.find((points) => points.length < 3);
  if (short !== undefined)
    throw new UserError(`${where}: a polygon needs at least 3 points, this one has ${short.length}`);
  const polygons = outlines.map((points) => points.flat());
  const xs = outlines.flat().map(([x]) => x);
  const ys = outlines.flat().map(([, y]) => y);
  const extent = [least(xs), least(ys), most(xs), most(ys)] as const;
  const object = boxObject(label, extent, picture, tally);
  if (object === undefined) return undefined;
  const area = rleArea(outlinesRle(outlines, picture, where));
  return { ...object, segmentation: polygons, area };
}

/** The pixels within outlines. @throws UserError where one has fewer than three points */
export function outlinesRle(outlines: readonly (readonly Point[])[], picture: Size, where: string): Rle {
  return polygonsToRle(
    outlines.map((points) => points.flat()),
    picture.height,
    picture.width,
    where,
  );
}

/** An object known by its pixels. @returns undefined, tallied, where there are none */
export function maskObject(label: string, rle: Rle, tally: Tally): ConvertedObject | undefined {
  const area = rleArea(rle);
  if (area === 0) {
    tally.add("masks without a pixel left out");
    return undefined;
  }
  const segmentation = { size: [rle.height, rle.width], counts: compressRle(rle) };
  return { label, bbox: rleBoxXywh(rle), segmentation, area, crowd: false };
}

/** Points on an ellipse, so many that the polygon strays from it by less than a tenth of a pixel. */
export function ellipsePoints(centre: Point, radii: readonly [number, number], degrees = 0): Point[] {
  const radius = Math.max(...radii);
  const needed = Math.PI / Math.acos(1 - Math.min(0.1 / radius, 1));
  const count = 4 * Math.max(3, Math.ceil(needed / 4)); // so that the ends of its axes are among them
  const angles = Array.from({ length: count }, (_, i) => (2 * Math.PI * i) / count);
  const points = angles.map((a): Point => [centre[0] + radii[0] * Math.cos(a), centre[1] + radii[1] * Math.sin(a)]);
  return rotated(points, centre, degrees);
}

/** Points turned about a centre, clockwise on the screen. */
export function rotated(points: readonly Point[], [cx, cy]: Point, degrees: number): Point[] {
  const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  return points.map(([x, y]) => [cx + (x - cx) * cos - (y - cy) * sin, cy + (x - cx) * sin + (y - cy) * cos]);
}

/** Class names met, sorted, unless a list is given: then that, and a name not in it is an error. */
export function classList(
  given: readonly string[] | undefined,
  met: Iterable<string>,
  place: string,
): readonly string[] {
  const names = [...new Set(met)].sort();
  if (given === undefined) return names;
  const stranger = names.find((name) => !given.includes(name));
  if (stranger === undefined) return given;
  throw new UserError(`${place}: there are objects of the class "${stranger}", which --classes does not name`);
}

const least = (values: readonly number[]): number => values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
const most = (values: readonly number[]): number => values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
