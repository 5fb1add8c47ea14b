import { UserError } from "../errors.js";
import { mergeRles } from "./overlap.js";
import type { Rle } from "./types.js";

/** The boundary is drawn on a grid this many times finer than the pixels. */
const UPSAMPLING = 5;

/**
 * The mask of one polygon, pixel for pixel as COCO's reference draws it (`rleFrPoly` of pycocotools): its boundary is
 * walked on a grid five times finer; where the walk changes column at a pixel's middle, the mask toggles.
 *
 * @param points x0 y0 x1 y1 … in pixels, at least three points; may reach outside the picture
 * @param where names the object in error messages
 * @throws UserError for fewer than three points, an odd list or a number that is not finite
 */
export function polygonToRle(points: ArrayLike<number>, height: number, width: number, where = "polygon"): Rle {
  checkPoints(points, where);
  const toggles = boundaryToggles(points, height, width).sort();
  return { height, width, counts: countsBetween(toggles, height * width) };
}

/** The union of an object's polygons. @throws UserError as `polygonToRle`, and where the list is empty */
export function polygonsToRle(
  polygons: readonly ArrayLike<number>[],
  height: number,
  width: number,
  where = "polygon",
): Rle {
  if (polygons.length === 0) throw new UserError(`${where}: the list of polygons is empty`);
  return mergeRles(
    polygons.map((points) => polygonToRle(points, height, width, where)),
    "union",
  );
}

/** The mask of a box x y width height (`rleFrBbox` of pycocotools). */
export function boxToRle(box: readonly [number, number, number, number], height: number, width: number): Rle {
  const [x, y, w, h] = box;
  return polygonToRle([x, y, x, y + h, x + w, y + h, x + w, y], height, width, "box");
}

function checkPoints(points: ArrayLike<number>, where: string): void {
  if (!Number.isInteger(points?.length) || typeof points !== "object") {
    throw new UserError(`${where}: a polygon is a list x0, y0, x1, y1, …, not ${JSON.stringify(points)}`);
  }
  if (points.length < 6) {
    throw new UserError(
      `${where}: a polygon needs at least 3 points (6 numbers), this one has ${points.length} numbers`,
    );
  }
  if (points.length % 2 === 1) {
    throw new UserError(`${where}: a polygon is a list x0, y0, x1, y1, …, but this one has ${points.length} numbers`);
  }
  for (let i = 0; i < points.length; i++) {
    if (!Number.isFinite(points[i])) throw new UserError(`${where}: polygon coordinate ${i} is ${points[i]}`);
  }
}

/** Column-major positions where the mask changes, in the order of the walk. */
function boundaryToggles(points: ArrayLike<number>, height: number, width: number): Uint32Array {
  const fine = Int32Array.from(points, (c) => Math.trunc(UPSAMPLING * c + 0.5));
  const toggles: number[] = [];
  let lastU = Number.NaN;
  let lastV = Number.NaN;
  for (let i = 0; i < fine.length; i += 2) {
    const next = (i + 2) % fine.length;
    const edge = orientEdge(fine[i]!, fine[i + 1]!, fine[next]!, fine[next + 1]!);
    for (let d = 0; d <= edge.steps; d++) {
      const t = edge.flipped ? edge.steps - d : d;
      const across = Math.trunc(edge.cross + edge.slope * t + 0.5);
      const u = edge.alongX ? t + edge.along : across;
      const v = edge.alongX ? across : t + edge.along;
      if (u < lastU || u > lastU) {
        const position = togglePosition(u < lastU ? u : u - 1, Math.min(v, lastV), height, width);
        if (position >= 0) toggles.push(position);
      }
      lastU = u;
      lastV = v;
    }
  }
  return Uint32Array.from(toggles);
}

/** An edge walked along its longer axis in growing direction, so that both directions give the same points. */
function orientEdge(x0: number, y0: number, x1: number, y1: number) {
  const dx = Math.abs(x1 - x0);
  const dy = Math.abs(y1 - y0);
  const alongX = dx >= dy;
  const flipped = alongX ? x0 > x1 : y0 > y1;
  const [startX, startY, endX, endY] = flipped ? [x1, y1, x0, y0] : [x0, y0, x1, y1];
  const steps = alongX ? dx : dy;
  const slope = steps === 0 ? 0 : alongX ? (endY - startY) / dx : (endX - startX) / dy;
  return { alongX, flipped, steps, slope, along: alongX ? startX : startY, cross: alongX ? startY : startX };
}

/** The pixel a crossing of fine column `u` at fine row `v` toggles, or −1 where it is no pixel's middle column. */
function togglePosition(u: number, v: number, height: number, width: number): number {
  const x = (u + 0.5) / UPSAMPLING - 0.5;
  if (Math.floor(x) !== x || x < 0 || x > width - 1) return -1;
  const y = Math.ceil(Math.min(height, Math.max(0, (v + 0.5) / UPSAMPLING - 0.5)));
  return x * height + y;
}

/** Run lengths between sorted toggles; a run of length 0 joins its neighbours. */
function countsBetween(toggles: Uint32Array, pixels: number): Uint32Array {
  const counts = new Uint32Array(toggles.length + 1);
  const difference = (j: number) => (j < toggles.length ? toggles[j]! : pixels) - (j > 0 ? toggles[j - 1]! : 0);
  counts[0] = difference(0);
  let length = 1;
  for (let j = 1; j <= toggles.length; j++) {
    const count = difference(j);
    if (count > 0) counts[length++] = count;
    else if (++j <= toggles.length) counts[length - 1]! += difference(j);
  }
  return counts.slice(0, length);
}
