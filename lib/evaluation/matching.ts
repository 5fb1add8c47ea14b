/** The overlaps and areas of one picture (and category): D detections by falling score, G objects. */
export interface MatchInput {
  readonly detections: number;
  readonly objects: number;
  /** [D, G] */
  readonly ious: Float64Array;
  /** [D] */
  readonly detectionAreas: Float64Array;
  /** [G] */
  readonly objectAreas: Float64Array;
  /** [G] annotation ids; an object with id 0 is never counted as found (see `matchDetections`). */
  readonly objectIds: Float64Array;
  /** [G] 1 for a crowd. */
  readonly crowd: Uint8Array;
}

/** Working space and result of `matchDetections`, reused from picture to picture. */
export interface Matches {
  /** [T, D] the matched object's index, or −1. */
  detectionMatches: Int32Array;
  /** [T, D] 1 where a detection counts neither as right nor as wrong. */
  detectionIgnored: Uint8Array;
  /** [T, G] the detection an object was last matched to, or −1. */
  objectMatches: Int32Array;
  /** [G] 1 where an object need not be found. */
  objectIgnored: Uint8Array;
  /** [G] the objects, those that count first. */
  order: Int32Array;
}

export function emptyMatches(): Matches {
  return {
    detectionMatches: new Int32Array(0),
    detectionIgnored: new Uint8Array(0),
    objectMatches: new Int32Array(0),
    objectIgnored: new Uint8Array(0),
    order: new Int32Array(0),
  };
}

/**
 * Gives each detection, best score first, the object it overlaps most (COCOeval's `evaluateImg`): at least by the
 * threshold, not yet taken unless a crowd, and an object that counts before one that does not. Of equal overlaps the
 * later object wins. Detections left over are ignored where their own area is out of range.
 *
 * The reference reads a match with annotation id 0 as no match. Figures are to agree on files that count from 0 too,
 * so it is the same here.
 *
 * @param low,high area range, both included
 */
export function matchDetections(
  input: MatchInput,
  low: number,
  high: number,
  thresholds: readonly number[],
  matches: Matches,
): void {
  const { detections, objects, ious, detectionAreas, objectIds, crowd } = input;
  reserve(matches, detections, objects, thresholds.length);
  const { detectionMatches, detectionIgnored, objectMatches, objectIgnored, order } = matches;
  const counting = orderObjects(input, low, high, matches);
  for (let t = 0; t < thresholds.length; t++) {
    const threshold = Math.min(thresholds[t]!, 1 - 1e-10);
    const taken = t * objects;
    objectMatches.fill(-1, taken, taken + objects);
    for (let d = 0; d < detections; d++) {
      const row = d * objects;
      let best = threshold;
      let match = -1;
      for (let k = 0; k < objects; k++) {
        if (k === counting && match >= 0) break; // an object that counts is preferred to any that does not
        const g = order[k]!;
        const iou = ious[row + g]!;
        if (iou < best || (objectMatches[taken + g]! >= 0 && crowd[g] === 0)) continue;
        best = iou;
        match = g;
      }
      if (match >= 0) objectMatches[taken + match] = d;
      const found = match >= 0 && objectIds[match] !== 0;
      const area = detectionAreas[d]!;
      const outside = !found && (area < low || area > high);
      detectionMatches[t * detections + d] = found ? match : -1;
      detectionIgnored[t * detections + d] = outside || (match >= 0 && objectIgnored[match] === 1) ? 1 : 0;
    }
  }
}

/** Puts the objects that count first, otherwise in their given order. @returns how many count */
function orderObjects(input: MatchInput, low: number, high: number, { objectIgnored, order }: Matches): number {
  const { objects, objectAreas, crowd } = input;
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
  if (matches.detectionMatches.length < detections * thresholds) {
    matches.detectionMatches = new Int32Array(detections * thresholds * 2);
    matches.detectionIgnored = new Uint8Array(detections * thresholds * 2);
  }
  if (matches.objectMatches.length < objects * thresholds) {
    matches.objectMatches = new Int32Array(objects * thresholds * 2);
    matches.objectIgnored = new Uint8Array(objects * 2);
    matches.order = new Int32Array(objects * 2);
  }
}
