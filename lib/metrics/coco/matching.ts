import type { ResolvedCocoOptions } from "./options.js";

/** Thresholds whose verdicts share a 32-bit word. */
export const THRESHOLDS_PER_WORD = 32;

/** One image (and category): D detections by descending score, G objects. Reused from image to image. */
export interface ImageCase {
  detections: number;
  objects: number;
  /** [D, G] */
  ious: Float64Array;
  /** [D] */
  detectionAreas: Float64Array;
  /** [D] 1 where an overlap reaches the lowest threshold. */
  reaches: Uint8Array;
  /** How many do. */
  reaching: number;
  /** [G] */
  objectAreas: Float64Array;
  /** [G] annotation ids; an object with id 0 is never counted as found (see `matchDetections`). */
  objectIds: Float64Array;
  /** [G] 1 for a crowd. */
  crowd: Uint8Array;
}

/** The verdicts on n detections, one bit per threshold in words of 32; neither bit set: wrong. */
export interface Verdicts {
  /** [A, W, capacity] */
  readonly right: Int32Array;
  /** [A, W, capacity] neither right nor wrong. */
  readonly ignored: Int32Array;
  readonly words: number;
  /** At least n. */
  readonly capacity: number;
}

/** The verdicts on one category's n detections. */
export interface ClassVerdicts extends Verdicts {
  count: number;
  /** [n] */
  readonly scores: Float64Array;
  /** [n] 0 for an image's best detection of the category, and so on. */
  readonly ranks: Int32Array;
  /** The detections by descending score, equal scores in order of images, without those beyond an image's limit. */
  readonly ranked: Int32Array;
  /** [A] objects to be found. */
  readonly positives: Int32Array;
}

/** Working space of `matchDetections` and what it finds besides the verdicts; reused from image to image. */
export interface Matches {
  /** [T, D] the matched object's index, or −1; only where `record` asks for it. */
  detectionMatches: Int32Array;
  /** [T, G] the detection an object was last matched to, or −1. */
  objectMatches: Int32Array;
  /** [G] 1 where an object need not be found. */
  objectIgnored: Uint8Array;
  /** [G] the objects, those that count first. */
  order: Int32Array;
  readonly record: boolean;
}

export function emptyCase(): ImageCase {
  return {
    detections: 0,
    objects: 0,
    ious: new Float64Array(0),
    detectionAreas: new Float64Array(0),
    reaches: new Uint8Array(0),
    reaching: 0,
    objectAreas: new Float64Array(0),
    objectIds: new Float64Array(0),
    crowd: new Uint8Array(0),
  };
}

/** Makes room for D detections and G objects; the arrays' contents are lost. */
export function resizeCase(image: ImageCase, detections: number, objects: number): void {
  image.detections = detections;
  image.objects = objects;
  if (image.detectionAreas.length < detections) {
    image.detectionAreas = new Float64Array(2 * detections);
    image.reaches = new Uint8Array(2 * detections);
  }
  if (image.objectAreas.length < objects) {
    image.objectAreas = new Float64Array(2 * objects);
    image.objectIds = new Float64Array(2 * objects);
    image.crowd = new Uint8Array(2 * objects);
  }
  if (image.ious.length < detections * objects) image.ious = new Float64Array(2 * detections * objects);
}

export function emptyMatches(record: boolean): Matches {
  return {
    detectionMatches: new Int32Array(0),
    objectMatches: new Int32Array(0),
    objectIgnored: new Uint8Array(0),
    order: new Int32Array(0),
    record,
  };
}

/** A threshold of 1 is taken as slightly less, so that a perfect overlap reaches it in spite of rounding. */
export const reachable = (threshold: number): number => Math.min(threshold, 1 - 1e-10);

/**
 * Gives each detection, best score first, the object it overlaps most (COCOeval's `evaluateImg`): by at least the
 * threshold, not yet taken unless a crowd, and an object that counts before one that does not. Among equal overlaps the
 * later object wins. Detections left over are ignored where their own area is out of range.
 *
 * The reference reads a match with annotation id 0 as no match. The metrics must agree for files that count from 0 too,
 * so it is the same here.
 *
 * @param a index of the area range
 * @param first where in the verdicts this image's detections begin
 * @returns the number of objects to be found
 */
export function matchDetections(
  image: ImageCase,
  a: number,
  { areaRanges, iouThresholds }: ResolvedCocoOptions,
  matches: Matches,
  verdicts: Verdicts,
  first: number,
): number {
  const { detections, objects, ious, detectionAreas, objectIds, crowd, reaches } = image;
  const { low, high } = areaRanges[a]!;
  const { right, ignored, words, capacity } = verdicts;
  reserve(matches, detections, objects, iouThresholds.length);
  const { detectionMatches, objectMatches, objectIgnored, order, record } = matches;
  const counting = orderObjects(image, low, high, matches);
  const start = a * words * capacity + first;
  for (let d = 0; d < detections; d++) {
    const outside = detectionAreas[d]! < low || detectionAreas[d]! > high ? -1 : 0;
    for (let w = 0; w < words; w++) {
      right[start + w * capacity + d] = 0;
      ignored[start + w * capacity + d] = outside;
    }
  }
  if (image.reaching === 0 && !record) return counting;
  if (record) detectionMatches.fill(-1, 0, iouThresholds.length * detections);
  objectMatches.fill(-1, 0, iouThresholds.length * objects);
  for (let t = 0; t < iouThresholds.length; t++) {
    const threshold = reachable(iouThresholds[t]!);
    const taken = t * objects;
    const word = start + (t >> 5) * capacity;
    const bit = 1 << (t & 31);
    for (let d = 0; d < detections; d++) {
      if (reaches[d] === 0) continue;
      const row = d * objects;
      let best = threshold;
      let match = -1;
      for (let k = 0; k < objects; k++) {
        if (k === counting && match >= 0) break; // objects that count are preferred to those that do not
        const g = order[k]!;
        const iou = ious[row + g]!;
        if (iou < best || (objectMatches[taken + g]! >= 0 && crowd[g] === 0)) continue;
        best = iou;
        match = g;
      }
      if (match < 0) continue;
      objectMatches[taken + match] = d;
      if (objectIgnored[match] === 1) ignored[word + d]! |= bit;
      if (objectIds[match] === 0) continue;
      if (record) detectionMatches[t * detections + d] = match;
      if (objectIgnored[match] === 1) continue;
      right[word + d]! |= bit;
      ignored[word + d]! &= ~bit;
    }
  }
  return counting;
}

/** Puts the objects that count first, otherwise in their given order. @returns how many count */
function orderObjects(image: ImageCase, low: number, high: number, { objectIgnored, order }: Matches): number {
  const { objects, objectAreas, crowd } = image;
  let counting = 0;
  for (let g = 0; g < objects; g++) {
    const area = objectAreas[g]!;
    objectIgnored[g] = crowd[g] === 1 || area < low || area > high ? 1 : 0;
    if (objectIgnored[g] === 0) order[counting++] = g;
  }
  for (let g = 0, k = counting; g < objects; g++) if (objectIgnored[g] === 1) order[k++] = g;
  return counting;
}

function reserve(matches: Matches, detections: number, objects: number, thresholds: number): void {
  if (matches.record && matches.detectionMatches.length < detections * thresholds) {
    matches.detectionMatches = new Int32Array(detections * thresholds * 2);
  }
  if (matches.objectMatches.length < objects * thresholds) {
    matches.objectMatches = new Int32Array(objects * thresholds * 2);
    matches.objectIgnored = new Uint8Array(objects * 2);
    matches.order = new Int32Array(objects * 2);
  }
}
