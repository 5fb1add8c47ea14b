import { clipBox } from "../datasets/cocoChecks.js";
import { UserError } from "../errors.js";
import { polygonExtent } from "../masks/extent.js";
import { polygonsToRle } from "../masks/polygons.js";
import { rleArea, rleBoxXywh } from "../masks/rle.js";
import { compressRle } from "../masks/strings.js";
import type { Rle } from "../masks/types.js";
import type { SetWork } from "../masks/work.js";
import { COST, type Work } from "../masks/work.js";
import { counted } from "../words.js";
import { type NamedOptions, optionName } from "./options.js";
import type { ConvertedObject, Point, Size } from "./types.js";

/** What is counted while objects are made. */
export interface Counting {
  readonly tally: Tally;
  /** How much work their masks may still cause. */
  readonly work: Work;
}

/** The state of a reader. */
export interface Reading extends Counting {
  readonly work: SetWork;
}

/** Counts what a reader leaves out or corrects. */
export interface Tally {
  add(what: Words, count?: number): void;
  /** The same for a single thing, which is named. */
  name(what: Words, where: string): void;
  /** "3 WHAT" for each, in order of first occurrence, with the names of the first ones. */
  readonly remarks: readonly string[];
}

/** Singular and plural. */
export type Words = readonly [one: string, many: string];

const MOST_NAMED = 3;

export function createTally(): Tally {
  const counts = new Map<string, { count: number; readonly names: string[]; readonly words: Words }>();
  const entryOf = (words: Words) => {
    let entry = counts.get(words[1]);
    if (entry === undefined) counts.set(words[1], (entry = { count: 0, names: [], words }));
    return entry;
  };
  return {
    add(what, count = 1) {
      if (count > 0) entryOf(what).count += count;
    },
    name(what, where) {
      const entry = entryOf(what);
      entry.count++;
      if (entry.names.length < MOST_NAMED) entry.names.push(where);
    },
    get remarks() {
      return Array.from(counts.values(), ({ count, names, words }) => {
        const more = names.length > 0 && count > names.length ? "; …" : "";
        return `${counted(count, ...words)}${names.length > 0 ? ` (${names.join("; ")}${more})` : ""}`;
      });
    },
  };
}

export const SWAPPED: Words = ["box with swapped corners left out", "boxes with swapped corners left out"];
export const CLIPPED: Words = ["box clipped to its image", "boxes clipped to their images"];

export const LISTED_BEFORE: Words = ["duplicate entry of an image left out", "duplicate entries of images left out"];

export const noObjects = (type: string): Words => [
  `shape of the type "${type}" left out: not an object`,
  `shapes of the type "${type}" left out: not objects`,
];

/**
 * An object given by its box, which is clipped to the image.
 *
 * @param where names the object
 * @returns undefined, after tallying it, if nothing of it is left
 */
export function boxObject(
  label: string,
  [x1, y1, x2, y2]: readonly [number, number, number, number],
  image: Size,
  where: string,
  tally: Tally,
): ConvertedObject | undefined {
  if (x2 < x1 || y2 < y1) {
    const corners = x2 < x1 ? `x from ${x1} to ${x2}` : `y from ${y1} to ${y2}`;
    tally.name(SWAPPED, `${where}: ${corners}`);
    return undefined;
  }
  const { box, clipped } = clipBox([x1, y1, x2, y2], image);
  const [width, height] = [box[2] - box[0], box[3] - box[1]];
  if (!(width > 0 && height > 0)) {
    tally.name(["box without area in its image left out", "boxes without area in their images left out"], where);
    return undefined;
  }
  if (clipped) tally.add(CLIPPED);
  return { label, bbox: [box[0], box[1], width, height], area: width * height, crowd: false };
}

/**
 * An object given by outlines, which together are its mask. The box is their extent within the image, the area that of
 * the mask.
 *
 * @param where names the object in messages
 */
export function polygonObject(
  label: string,
  outlines: readonly (readonly Point[])[],
  image: Size,
  where: string,
  { tally, work }: Counting,
): ConvertedObject | undefined {
  const polygons = outlines.filter((points) => points.length >= 3).map((points) => points.flat());
  if (polygons.length < outlines.length)
    tally.name(["polygon with fewer than 3 points left out", "polygons with fewer than 3 points left out"], where);
  if (polygons.length === 0) return undefined;
  const area = rleArea(polygonsToRle(polygons, image.height, image.width, where, work));
  const object = boxObject(label, polygonExtent(polygons), image, where, tally);
  return object && { ...object, segmentation: polygons, area };
}

/** The pixels within outlines. @throws UserError when one has fewer than three points */
export function outlinesRle(
  outlines: readonly (readonly Point[])[],
  image: Size,
  where: string,
  { work }: Pick<Counting, "work">,
): Rle {
  return polygonsToRle(
    outlines.map((points) => points.flat()),
    image.height,
    image.width,
    where,
    work,
  );
}

/**
 * An object given by its pixels.
 *
 * @param where names the object in messages
 * @returns undefined, after tallying it, if there are none
 */
export function maskObject(
  label: string,
  rle: Rle,
  where: string,
  { tally, work }: Counting,
): ConvertedObject | undefined {
  work.spend(COST.writtenRun * rle.counts.length, where);
  const area = rleArea(rle);
  if (area === 0) {
    tally.add(["mask without a pixel left out", "masks without a pixel left out"]);
    return undefined;
  }
  const segmentation = { size: [rle.height, rle.width], counts: compressRle(rle) };
  return { label, bbox: rleBoxXywh(rle), segmentation, area, crowd: false };
}

/** In pixels; the largest takes 7,000 points. */
const LARGEST_RADIUS = 2 ** 20;
const RADII = `radii go from 0 to ${LARGEST_RADIUS} pixels`;

/**
 * Points on an ellipse, enough for the polygon to differ from it by less than a tenth of a pixel.
 *
 * @param where names the object in messages
 * @throws UserError when a radius is negative or larger than any image
 */
export function ellipsePoints(
  centre: Point,
  radii: readonly [number, number],
  where: string,
  { work, degrees = 0 }: Pick<Counting, "work"> & { readonly degrees?: number },
): Point[] {
  const radius = Math.max(...radii);
  if (!(Math.min(...radii) >= 0 && radius <= LARGEST_RADIUS)) {
    throw new UserError(`${where}: a radius is ${radii.find((r) => !(r >= 0 && r <= LARGEST_RADIUS))}; ${RADII}`);
  }
  const needed = Math.PI / Math.acos(1 - Math.min(0.1 / radius, 1));
  const count = 4 * Math.max(3, Math.ceil(needed / 4)); // so that the ends of its axes are among them
  work.spend(COST.madePoint * count, where);
  const angles = Array.from({ length: count }, (_, i) => (2 * Math.PI * i) / count);
  const points = angles.map((a): Point => [centre[0] + radii[0] * Math.cos(a), centre[1] + radii[1] * Math.sin(a)]);
  return rotated(points, centre, degrees);
}

/** Points rotated about a centre, clockwise on the screen. */
export function rotated(points: readonly Point[], [cx, cy]: Point, degrees: number): Point[] {
  const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  return points.map(([x, y]) => [cx + (x - cx) * cos - (y - cy) * sin, cy + (x - cx) * sin + (y - cy) * cos]);
}

/** The class names found, sorted; if a list is given, that list, and a name not in it is an error. */
export function classList(
  given: readonly string[] | undefined,
  met: Iterable<string>,
  place: string,
  options: NamedOptions,
): readonly string[] {
  const names = [...new Set(met)].sort();
  if (given === undefined) return names;
  const known = new Set(given);
  const stranger = names.find((name) => !known.has(name));
  if (stranger === undefined) return given;
  throw new UserError(
    `${place}: there are objects of the class "${stranger}", which ${optionName(options, "classes")} does not name`,
  );
}
