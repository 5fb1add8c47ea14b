import { textWidth } from "../../lib/images/draw/svg.js";
import { Random } from "../../lib/random.js";

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A label to be placed beside one of several points. */
export interface Wish {
  readonly text: string;
  readonly size: number;
  readonly weight: 400 | 600;
  readonly at: readonly (readonly [x: number, y: number])[];
}

/** What labels must not cover, in pixels. */
export interface Obstacles {
  readonly frame: Box;
  readonly points: readonly (readonly [x: number, y: number])[];
  readonly radius: number;
  /** Lines from point to point. */
  readonly lines: readonly (readonly (readonly [x: number, y: number])[])[];
}

/** Distances of a label's box from its point. */
const GAPS = [3, 9];
/** Directions from the point, the preferred ones first. */
const DIRECTIONS = [
  [1, 0],
  [0, -1],
  [0, 1],
  [-1, 0],
  [1, -1],
  [-1, -1],
  [1, 1],
  [-1, 1],
] as const;
const COST = { word: 40, point: 12, line: 3, outside: 60, direction: 0.25, distance: 1 };
const SWEEPS = 60;

/**
 * Places each label beside one of its points so that labels, points and lines overlap as little as possible: one label after
 * the other moves to its best position given the others' current ones, until none moves; the best of several starts is kept.
 *
 * @returns the labels' boxes
 */
export function placeLabels(wishes: readonly Wish[], obstacles: Obstacles): readonly Box[] {
  const candidates = wishes.map((wish) => candidatesOf(wish, obstacles));
  const random = Random.of("labels");
  let best: { readonly cost: number; readonly places: readonly Candidate[] } | undefined;
  for (let start = 0; start < 12; start++) {
    const places = candidates.map((list) => (start === 0 ? list[0]! : list[random.integer(list.length)]!));
    const cost = settle(places, candidates);
    if (best === undefined || cost < best.cost) best = { cost, places };
  }
  return best!.places.map(({ box }) => box);
}

interface Candidate {
  readonly box: Box;
  /** The penalty for covering points and lines. */
  readonly cost: number;
}

/** Moves labels, changing `places`. @returns the final penalty */
function settle(places: Candidate[], candidates: readonly (readonly Candidate[])[]): number {
  const costOf = (candidate: Candidate, i: number): number =>
    places.reduce(
      (sum, other, j) => (i === j ? sum : sum + COST.word * overlap(apart(candidate.box), other.box)),
      candidate.cost,
    );
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    let moved = false;
    for (const [i, list] of candidates.entries()) {
      const best = list.reduce((a, b) => (costOf(b, i) < costOf(a, i) ? b : a), places[i]!);
      if (best !== places[i]) {
        places[i] = best;
        moved = true;
      }
    }
    if (!moved) break;
  }
  return places.reduce((sum, place, i) => sum + (place.cost + costOf(place, i)) / 2, 0);
}

function candidatesOf({ text, size, weight, at }: Wish, obstacles: Obstacles): Candidate[] {
  const [width, height] = [textWidth(text, size, weight), size];
  return at.flatMap(([x, y]) =>
    GAPS.flatMap((gap, distance) =>
      DIRECTIONS.map(([right, down], rank): Candidate => {
        const reach = obstacles.radius + (right !== 0 && down !== 0 ? gap / 2 : gap);
        const box = {
          x: x + right * (reach + width / 2) - width / 2,
          y: y + down * (reach + height / 2) - height / 2,
          width,
          height,
        };
        return { box, cost: COST.direction * rank + COST.distance * distance + costBeside(box, obstacles) };
      }),
    ),
  );
}

function costBeside(box: Box, { frame, points, radius, lines }: Obstacles): number {
  const around = (x: number, y: number): Box => ({
    x: x - radius,
    y: y - radius,
    width: 2 * radius,
    height: 2 * radius,
  });
  const hidden = points.reduce((sum, [x, y]) => sum + (overlap(box, around(x, y)) > 0 ? COST.point : 0), 0);
  const crossed = lines.reduce((sum, line) => sum + COST.line * crossing(box, line), 0);
  const inside = overlap(box, frame) / (box.width * box.height);
  return hidden + crossed + (inside < 0.999 ? COST.outside : 0);
}

/** A box with the margin that labels keep from each other. */
const apart = ({ x, y, width, height }: Box): Box => ({ x: x - 7, y: y - 1, width: width + 14, height: height + 2 });

/** The intersection of two boxes. */
function overlap(a: Box, b: Box): number {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  return width > 0 && height > 0 ? width * height : 0;
}

/** The length of a line inside a box, in steps of a few pixels. */
function crossing(box: Box, line: Obstacles["lines"][0]): number {
  const STEPS = 40;
  let within = 0;
  for (let i = 1; i < line.length; i++) {
    const [[x0, y0], [x1, y1]] = [line[i - 1]!, line[i]!];
    const length = Math.hypot(x1 - x0, y1 - y0);
    for (let step = 0; step <= STEPS; step++) {
      const [x, y] = [x0 + ((x1 - x0) * step) / STEPS, y0 + ((y1 - y0) * step) / STEPS];
      const hit = x > box.x - 1 && x < box.x + box.width + 1 && y > box.y - 1 && y < box.y + box.height + 1;
      if (hit) within += length / STEPS / box.height;
    }
  }
  return within;
}
