import { columnsOf } from "./columns.js";
import type { Rle } from "./types.js";
import { COST, UNCOUNTED } from "./work.js";

type Point = readonly [x: number, y: number];

/**
 * With more corners than this in all outlines, nearest corners are not searched for, which takes the square of their
 * number.
 */
const MOST_CORNERS_COMPARED = 20_000;

/**
 * The borders of a mask along its pixels' edges: closed lines of corners, outer ones clockwise on the screen, those of
 * holes counter-clockwise. Pixels that only touch at a corner are separated there. Drawn as polygons with holes cut
 * out, they give the same mask, pixel for pixel. The cost depends on the length of the borders, not on the area they
 * enclose.
 *
 * @param where names the mask in error messages
 * @throws UserError when it is too much work
 */
export function traceOutlines(mask: Rle, where = "mask", work = UNCOUNTED): Point[][] {
  const { columns, count } = columnsOf(mask);
  work.spend(COST.column * mask.width + COST.step * count, where);
  const inside = (x: number, y: number): boolean => columns.pieceAt(x, y) >= 0;
  // Top edges of mask pixels, walked to the right; every closed line has one.
  const tops = new Float64Array(count);
  columns.forEachTop((x, y, piece) => (tops[piece] = y * mask.width + x));
  const seen = new Uint8Array(count);
  const walked = (x: number, y: number): void => void (seen[columns.pieceAt(x, y)] = 1);
  const outlines: Point[][] = [];
  for (const position of tops.sort()) {
    const [x, y] = [position % mask.width, Math.floor(position / mask.width)];
    if (seen[columns.pieceAt(x, y)] === 1) continue;
    outlines.push(walk(x, y, { inside, walked, spend: (steps) => work.spend(COST.step * steps, where) }));
  }
  return outlines;
}

/**
 * The outlines of a mask as lists x0, y0, x1, y1, … of pixel edges: outer ones clockwise on the screen, those of holes counter-clockwise.
 * Filled by the even-odd rule they give the mask, pixel for pixel.
 */
export const maskPolygons = (mask: Rle): number[][] => traceOutlines(mask).map((points) => points.flat());

/** Steps by direction: right, down, left, up. */
const STEP_X = [1, 0, -1, 0] as const;
const STEP_Y = [0, 1, 0, -1] as const;

/** Steps after which they are counted. */
const COUNTED_STEPS = 256;

interface Border {
  inside(x: number, y: number): boolean;
  /** Called for each pixel along whose top the border was followed to the right. */
  walked(x: number, y: number): void;
  spend(steps: number): void;
}

/** Follows the border from the upper left corner of a pixel, with the mask on the right, and records the corners. */
function walk(startX: number, startY: number, { inside, walked, spend }: Border): Point[] {
  const corners: Point[] = [];
  let [x, y, direction] = [startX, startY, 0];
  let steps = 0;
  do {
    if (++steps % COUNTED_STEPS === 0) spend(COUNTED_STEPS);
    if (direction === 0) walked(x, y);
    x += STEP_X[direction]!;
    y += STEP_Y[direction]!;
    const turn = nextDirection(x, y, direction, inside);
    if (turn !== direction) corners.push([x, y]);
    direction = turn;
  } while (x !== startX || y !== startY || direction !== 0);
  spend(steps % COUNTED_STEPS);
  return corners;
}

/** At a grid corner: to the right if the mask ends ahead on the right, to the left if it continues ahead. */
function nextDirection(x: number, y: number, direction: number, inside: Border["inside"]): number {
  const [right, left] = [(direction + 1) % 4, (direction + 3) % 4];
  if (!isAhead(x, y, direction, right, inside)) return right;
  return isAhead(x, y, direction, left, inside) ? left : direction;
}

/** One of the two pixels ahead of the corner (x, y), seen in walking direction. */
function isAhead(x: number, y: number, direction: number, side: number, inside: Border["inside"]): boolean {
  const dx = STEP_X[direction]! + STEP_X[side]!;
  const dy = STEP_Y[direction]! + STEP_Y[side]!;
  return inside(x + (dx > 0 ? 0 : -1), y + (dy > 0 ? 0 : -1));
}

/**
 * Joins several closed lines into one: each is joined to those before by a line there and back between nearby corners,
 * which encloses nothing. For formats that store one polygon per object.
 */
export function joinOutlines(outlines: readonly (readonly Point[])[], where = "mask", work = UNCOUNTED): Point[] {
  const [first = [], ...others] = outlines;
  if (outlines.reduce((sum, { length }) => sum + length, 0) > MOST_CORNERS_COMPARED) return joinAtFirst(first, others);
  let joined: Point[] = [...first];
  for (const outline of others) {
    work.spend(COST.compared * joined.length * (1 + outline.length), where);
    const { at, from } = nearestCorners(joined, outline);
    const loop = [...outline.slice(from), ...outline.slice(0, from + 1)];
    joined = [...joined.slice(0, at + 1), ...loop, ...joined.slice(at)];
  }
  return joined;
}

/** The first pair of corners with the smallest distance. */
function nearestCorners(joined: readonly Point[], outline: readonly Point[]) {
  let [least, at, from] = [Number.POSITIVE_INFINITY, 0, 0];
  const xs = Float64Array.from(outline, ([u]) => u);
  const ys = Float64Array.from(outline, ([, v]) => v);
  for (let i = 0; i < joined.length; i++) {
    const [x, y] = joined[i]!;
    for (let j = 0; j < xs.length; j++) {
      const distance = (x - xs[j]!) ** 2 + (y - ys[j]!) ** 2;
      if (distance < least) [least, at, from] = [distance, i, j];
    }
  }
  return { at, from };
}

/** Joined by lines from the first corner of the first outline to the first corner of each of the others, and back. */
function joinAtFirst(first: readonly Point[], others: readonly (readonly Point[])[]): Point[] {
  const joined: Point[] = first.slice(0, 1);
  for (const outline of others) {
    for (const corner of outline) joined.push(corner);
    joined.push(outline[0]!, first[0]!);
  }
  for (const corner of first.slice(1)) joined.push(corner);
  return joined;
}
