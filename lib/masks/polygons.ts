import { UserError } from "../errors.js";
import { mergeRles } from "./overlap.js";
import { type ColumnSpans, countsOfSpans, countToggles } from "./toggles.js";
import type { Rle } from "./types.js";
import { COST, UNCOUNTED } from "./work.js";

/** The boundary is drawn on a grid this many times finer than the pixels. */
const UPSAMPLING = 5;
/** The mask toggles between this fine column of a pixel's five and the next. */
const MIDDLE = 2;
/** Coordinates farther out would not be exact on the fine grid; no image is nearly as large. */
const FARTHEST = 2 ** 40;
/** The limit for a single outline: its length along x, in pixels within the image. 64 MB, a few tenths of a second. */
const MOST_CROSSINGS = 2 ** 24;

/**
 * The mask of one polygon, pixel for pixel as COCO's reference draws it (`rleFrPoly` of pycocotools): its boundary is
 * walked on a grid five times finer; where the walk changes column at a pixel's middle, the mask toggles. Only those
 * changes of the walk are computed, each directly: the cost of an edge depends on what it crosses of the image, however
 * far it extends.
 *
 * @param points x0 y0 x1 y1 … in pixels, at least three points; may extend outside the image
 * @param where names the object in error messages
 * @param work how much work the polygon's file may still cause
 * @throws UserError for fewer than three points, an odd list, a number that is not finite or beyond ±2⁴⁰, an outline
 *   that crosses more than 2²⁴ columns, or too much work
 */
export function polygonToRle(
  points: ArrayLike<number>,
  height: number,
  width: number,
  where = "polygon",
  work = UNCOUNTED,
): Rle {
  checkPoints(points, where);
  const spans = outlineSpans(points, height, width);
  const crossings = countToggles(spans);
  if (crossings > MOST_CROSSINGS) {
    throw new UserError(
      `${where}: the polygon's outline crosses columns of pixels ${crossings} times; at most ${MOST_CROSSINGS} are drawn`,
    );
  }
  work.spend(COST.outline + COST.point * spans.length + COST.crossing * crossings, where);
  return { height, width, counts: countsOfSpans(spans, height, width) };
}

/** The union of an object's polygons. @throws UserError like `polygonToRle`, and when the list is empty */
export function polygonsToRle(
  polygons: readonly ArrayLike<number>[],
  height: number,
  width: number,
  where = "polygon",
  work = UNCOUNTED,
): Rle {
  if (polygons.length === 0) throw new UserError(`${where}: the list of polygons is empty`);
  return mergeRles(
    polygons.map((points) => polygonToRle(points, height, width, where, work)),
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
    if (Math.abs(points[i]!) <= FARTHEST) continue;
    const limit = Number.isFinite(points[i]) ? `; they go from −${FARTHEST} to ${FARTHEST}` : "";
    throw new UserError(`${where}: polygon coordinate ${i} is ${points[i]}${limit}`);
  }
}

/** The image's columns that the outline's edges cross, and where. */
function outlineSpans(points: ArrayLike<number>, height: number, width: number): ColumnSpans {
  const edges = edgesOf(points);
  const firsts = new Int32Array(edges.length);
  const ends = new Int32Array(edges.length);
  for (const [i, edge] of edges.entries()) {
    const { first, count } = columnsCrossed(edge, width);
    firsts[i] = count > 0 ? first : 0;
    ends[i] = count > 0 ? first + count : 0;
  }
  const rowOf = (span: number, x: number): number => {
    const v = rowOfCrossing(edges[span]!, UPSAMPLING * x + MIDDLE);
    return Math.ceil(Math.min(height, Math.max(0, (v + 0.5) / UPSAMPLING - 0.5)));
  };
  return { length: edges.length, firsts, ends, rowOf };
}

/**
 * An edge on the fine grid, walked along its longer axis in ascending direction, so that both directions give the same
 * result.
 */
interface Edge {
  readonly alongX: boolean;
  readonly steps: number;
  readonly slope: number;
  /** Where the walk begins, on the longer axis and on the other one. */
  readonly along: number;
  readonly cross: number;
}

function edgesOf(points: ArrayLike<number>): Edge[] {
  const fine = Float64Array.from(points, (c) => Math.trunc(UPSAMPLING * c + 0.5));
  return Array.from({ length: fine.length / 2 }, (_, i) => {
    const next = (2 * i + 2) % fine.length;
    return orientEdge(fine[2 * i]!, fine[2 * i + 1]!, fine[next]!, fine[next + 1]!);
  });
}

function orientEdge(x0: number, y0: number, x1: number, y1: number): Edge {
  const dx = Math.abs(x1 - x0);
  const dy = Math.abs(y1 - y0);
  const alongX = dx >= dy;
  const flipped = alongX ? x0 > x1 : y0 > y1;
  const [startX, startY, endX, endY] = flipped ? [x1, y1, x0, y0] : [x0, y0, x1, y1];
  const steps = alongX ? dx : dy;
  const slope = steps === 0 ? 0 : alongX ? (endY - startY) / dx : (endX - startX) / dy;
  return { alongX, steps, slope, along: alongX ? startX : startY, cross: alongX ? startY : startX };
}

/** Where the walk is on the shorter axis after t steps. */
const acrossAt = ({ cross, slope }: Edge, t: number): number => Math.trunc(cross + slope * t + 0.5);

/** The image's columns in the middle of which an edge changes from one fine column to the next. */
function columnsCrossed(edge: Edge, width: number): { readonly first: number; readonly count: number } {
  const from = edge.alongX ? edge.along : acrossAt(edge, 0);
  const to = edge.alongX ? edge.along + edge.steps : acrossAt(edge, edge.steps);
  const first = Math.max(0, Math.ceil((Math.min(from, to) - MIDDLE) / UPSAMPLING));
  const last = Math.min(width, Math.ceil((Math.max(from, to) - MIDDLE) / UPSAMPLING));
  return { first, count: last - first };
}

/** The upper fine row of the two between which the walk goes from fine column `u` to the next, or back. */
function rowOfCrossing(edge: Edge, u: number): number {
  if (edge.alongX) {
    const t = u - edge.along;
    return Math.min(acrossAt(edge, t), acrossAt(edge, t + 1));
  }
  // The walk's columns only increase or only decrease: the last step on this side is found by bisection.
  const grows = edge.slope > 0;
  const isBefore = (t: number): boolean => (grows ? acrossAt(edge, t) <= u : acrossAt(edge, t) > u);
  const guess = Math.round((u + 0.5 - edge.cross) / edge.slope);
  let low = isBefore(guess - 2) && guess - 2 >= 0 ? guess - 2 : 0;
  let high = guess + 2 <= edge.steps && !isBefore(guess + 2) ? guess + 2 : edge.steps;
  while (high - low > 1) {
    const middle = low + Math.floor((high - low) / 2);
    if (isBefore(middle)) low = middle;
    else high = middle;
  }
  return edge.along + low;
}
