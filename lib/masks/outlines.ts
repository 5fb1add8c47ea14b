import { UserError } from "../errors.js";
import { decodeRle, rleBoxXyxy } from "./rle.js";
import { cropRle } from "./transforms.js";
import type { Rle } from "./types.js";

type Point = readonly [x: number, y: number];

/** Of the box about a mask that is traced, at two bytes each. */
const MOST_PIXELS = 2 ** 27;
/** Of outlines with more corners in all, the nearest are not looked for, which takes the square of their number. */
const MOST_CORNERS_COMPARED = 20_000;

/**
 * The borders of a mask along its pixels' edges: closed lines of corners, outer ones clockwise on the screen, those of
 * holes counter-clockwise. Pixels that touch by a corner alone are parted there. Drawn as polygons with holes cut out,
 * they give the mask again, pixel for pixel.
 */
export function traceOutlines(mask: Rle): Point[][] {
  const [left, top, right, bottom] = rleBoxXyxy(mask);
  const [width, height] = [right - left, bottom - top];
  if (width * height > MOST_PIXELS) {
    throw new UserError(
      `a mask of ${width} × ${height} pixels is too large to be traced; at most ${MOST_PIXELS} pixels are`,
    );
  }
  const bitmap = decodeRle(cropRle(mask, { x: left, y: top, width, height }));
  const inside = (x: number, y: number): boolean =>
    x >= 0 && y >= 0 && x < width && y < height && bitmap[y * width + x] === 1;
  // Top edges of mask pixels, walked to the right; every closed line has one.
  const seen = new Uint8Array(bitmap.length);
  const outlines: Point[][] = [];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (inside(x, y) && !inside(x, y - 1) && seen[y * width + x] === 0)
        outlines.push(walk(x, y, inside, seen, width));
    }
  }
  return outlines.map((corners) => corners.map(([x, y]) => [x + left, y + top]));
}

/** Steps by direction: right, down, left, up. */
const STEP_X = [1, 0, -1, 0] as const;
const STEP_Y = [0, 1, 0, -1] as const;

/** Follows the border from the upper left corner of a pixel, the mask to the right hand, and notes the corners. */
function walk(
  startX: number,
  startY: number,
  inside: (x: number, y: number) => boolean,
  seen: Uint8Array,
  width: number,
): Point[] {
  const corners: Point[] = [];
  let [x, y, direction] = [startX, startY, 0];
  do {
    if (direction === 0) seen[y * width + x] = 1;
    x += STEP_X[direction]!;
    y += STEP_Y[direction]!;
    const turn = nextDirection(x, y, direction, inside);
    if (turn !== direction) corners.push([x, y]);
    direction = turn;
  } while (x !== startX || y !== startY || direction !== 0);
  return corners;
}

/** At a grid corner: to the right where the mask ends ahead on the right hand, to the left where it goes on ahead. */
function nextDirection(x: number, y: number, direction: number, inside: (x: number, y: number) => boolean): number {
  // The four pixels about the corner (x, y), seen in walking direction.
  const right = (direction + 1) % 4;
  const ahead = (side: number): boolean => {
    const dx = STEP_X[direction]! + STEP_X[side]!;
    const dy = STEP_Y[direction]! + STEP_Y[side]!;
    return inside(x + (dx > 0 ? 0 : -1), y + (dy > 0 ? 0 : -1));
  };
  if (!ahead(right)) return right;
  return ahead((direction + 3) % 4) ? (direction + 3) % 4 : direction;
}

/**
 * One closed line for several: each is joined to those before by a way there and back between near corners, which
 * encloses nothing. For formats that keep one polygon an object.
 */
export function joinOutlines(outlines: readonly (readonly Point[])[]): Point[] {
  const [first = [], ...others] = outlines;
  if (outlines.reduce((sum, { length }) => sum + length, 0) > MOST_CORNERS_COMPARED) return joinAtFirst(first, others);
  let joined: Point[] = [...first];
  for (const outline of others) {
    let best = { distance: Number.POSITIVE_INFINITY, at: 0, from: 0 };
    for (const [at, [x, y]] of joined.entries()) {
      for (const [from, [u, v]] of outline.entries()) {
        const distance = (x - u) ** 2 + (y - v) ** 2;
        if (distance < best.distance) best = { distance, at, from };
      }
    }
    const { at, from } = best;
    const loop = [...outline.slice(from), ...outline.slice(0, from + 1)];
    joined = [...joined.slice(0, at + 1), ...loop, ...joined.slice(at)];
  }
  return joined;
}

/** By ways from the first corner of the first outline to the first corner of each of the others, and back. */
function joinAtFirst(first: readonly Point[], others: readonly (readonly Point[])[]): Point[] {
  const joined: Point[] = first.slice(0, 1);
  for (const outline of others) {
    for (const corner of outline) joined.push(corner);
    joined.push(outline[0]!, first[0]!);
  }
  for (const corner of first.slice(1)) joined.push(corner);
  return joined;
}
