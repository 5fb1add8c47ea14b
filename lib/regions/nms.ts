import { gatherBoxes } from "./boxes.js";
import { sortDescending } from "./topk.js";

/**
 * Greedy non-maximum suppression: from the best score on, a box is kept unless its IoU with one already kept is above
 * the threshold. Equal scores keep their order; no pixel is added to widths and heights.
 *
 * @param options `boxes` [n * 4] xyxy; `scores` [n]; `maxKept` stops after so many
 * @returns kept indices, best first
 */
export function nms(options: {
  readonly boxes: Float32Array;
  readonly scores: Float32Array;
  readonly iouThreshold: number;
  readonly maxKept?: number;
}): Int32Array {
  const { boxes, scores, iouThreshold, maxKept = Number.POSITIVE_INFINITY } = options;
  return suppress(boxes, sortDescending(scores), iouThreshold, maxKept);
}

/**
 * The boxes that survive, out of those that `order` names, best first.
 *
 * IoUs are rounded to float32 at every step, as a float32 tensor library does: one that equals the threshold is common
 * enough (1/3, say).
 */
function suppress(boxes: Float32Array, order: Int32Array, threshold: number, maxKept: number): Int32Array {
  const f = Math.fround;
  const kept = new Int32Array(Math.min(order.length, maxKept));
  const corners = new Float32Array(kept.length * 4); // of the kept boxes, side by side
  const areas = new Float32Array(kept.length);
  let count = 0;
  for (let o = 0; o < order.length && count < kept.length; o++) {
    const k = order[o]! * 4;
    const left = boxes[k]!;
    const top = boxes[k + 1]!;
    const right = boxes[k + 2]!;
    const bottom = boxes[k + 3]!;
    const area = f(f(right - left) * f(bottom - top));
    let alive = true;
    for (let i = 0, j = 0; i < count; i++, j += 4) {
      const width = f(Math.min(right, corners[j + 2]!) - Math.max(left, corners[j]!));
      if (width <= 0) continue;
      const height = f(Math.min(bottom, corners[j + 3]!) - Math.max(top, corners[j + 1]!));
      if (height <= 0) continue;
      const intersection = f(width * height);
      if (f(intersection / f(f(area + areas[i]!) - intersection)) > threshold) {
        alive = false;
        break;
      }
    }
    if (!alive) continue;
    kept[count] = order[o]!;
    areas[count] = area;
    corners[4 * count] = left;
    corners[4 * count + 1] = top;
    corners[4 * count + 2] = right;
    corners[4 * count + 3] = bottom;
    count++;
  }
  return kept.subarray(0, count);
}

/**
 * `nms` within each group (class or pyramid level), the groups not touching each other.
 *
 * @param options `groups` [n], any integers; the rest as for `nms`, `maxKept` counts all groups together
 * @returns kept indices of all groups, best first
 */
export function groupedNms(options: {
  readonly boxes: Float32Array;
  readonly scores: Float32Array;
  readonly groups: Int32Array;
  readonly iouThreshold: number;
  readonly maxKept?: number;
}): Int32Array {
  const { boxes, scores, groups, iouThreshold, maxKept = Number.POSITIVE_INFINITY } = options;
  const members = new Map<number, number[]>();
  const order = sortDescending(scores);
  for (const i of order) {
    const list = members.get(groups[i]!);
    if (list === undefined) members.set(groups[i]!, [i]);
    else list.push(i);
  }
  const survivors = new Uint8Array(scores.length);
  for (const list of members.values()) {
    // A group's survivors beyond maxKept have maxKept better ones in the group alone.
    for (const i of suppress(boxes, Int32Array.from(list), iouThreshold, maxKept)) survivors[i] = 1;
  }
  return order.filter((i) => survivors[i] === 1).slice(0, maxKept);
}

export interface Detections {
  /** [k * 4] xyxy, best score first. */
  readonly boxes: Float32Array;
  readonly scores: Float32Array;
  readonly labels: Int32Array;
  /** Where they came from: RoI * classes + class. */
  readonly indices: Int32Array;
}

/**
 * Class-wise suppression of scored RoIs, the last step of a two-stage detector.
 *
 * @param options `boxes` [n * 4], or [n * classes * 4] where each class has its own; `scores` [n * (classes + 1)], the
 *   background last; only scores above `scoreThreshold` take part; at most `maxKept` detections
 */
export function multiclassNms(options: {
  readonly boxes: Float32Array;
  readonly scores: Float32Array;
  readonly classes: number;
  readonly scoreThreshold: number;
  readonly iouThreshold: number;
  readonly maxKept?: number;
}): Detections {
  const { classes, scoreThreshold, iouThreshold, maxKept } = options;
  const n = options.scores.length / (classes + 1);
  const perClass = options.boxes.length === n * classes * 4;
  const scoreOf = (flat: number) => options.scores[flat + Math.floor(flat / classes)]!;
  const boxOf = (flat: number) => (perClass ? flat : Math.floor(flat / classes));

  const candidates = Int32Array.from({ length: n * classes }, (_, flat) => flat).filter(
    (flat) => scoreOf(flat) > scoreThreshold,
  );
  const boxes = gatherBoxes(options.boxes, candidates.map(boxOf));
  const scores = Float32Array.from(candidates, scoreOf);
  const groups = candidates.map((flat) => flat % classes);
  const kept = groupedNms({ boxes, scores, groups, iouThreshold, ...(maxKept === undefined ? {} : { maxKept }) });
  return {
    boxes: gatherBoxes(boxes, kept),
    scores: Float32Array.from(kept, (i) => scores[i]!),
    labels: kept.map((i) => groups[i]!),
    indices: kept.map((i) => candidates[i]!),
  };
}
