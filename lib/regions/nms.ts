import { sortDescending } from "./topk.js";

/**
 * Greedy non-maximum suppression: in order of score, best first, a box is kept unless its IoU with one already kept is
 * above the threshold. Equal scores keep their order; no pixel is added to widths and heights.
 *
 * @param options `boxes` [n * 4] xyxy; `scores` [n]; `maxKept` is the largest number of boxes to keep
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

/** Kept boxes are looked up by their centres in a grid with this many cells per side. */
const GRID = 32;

/**
 * The boxes that survive, from those in `order`, best first.
 *
 * An IoU above t means that the overlap is wider than t times the wider box, so that the centres are less than max(1 −
 * t, (1/t − 1) / 2) widths of either box apart; likewise for heights. So a candidate only needs to be compared with the
 * kept boxes near its centre.
 *
 * IoUs are rounded to float32 at every step, as a float32 tensor library does: an IoU that equals the threshold is
 * common (1/3, for example).
 */
function suppress(boxes: Float32Array, order: Int32Array, threshold: number, maxKept: number): Int32Array {
  const f = Math.fround;
  const cellX = gridAxis(boxes, order, 0);
  const cellY = gridAxis(boxes, order, 1);
  const reach = 1.001 * Math.max(1 - threshold, (1 / threshold - 1) / 2); // slightly more, for rounding
  const newest = new Int32Array(GRID * GRID).fill(-1); // of the boxes kept in each cell
  const older = new Int32Array(order.length); // the next one in the same cell
  const kept = new Int32Array(Math.min(order.length, maxKept));
  let count = 0;

  const hidden = (k: number): boolean => {
    const left = boxes[k]!;
    const top = boxes[k + 1]!;
    const right = boxes[k + 2]!;
    const bottom = boxes[k + 3]!;
    const area = f(f(right - left) * f(bottom - top));
    const aroundX = reach * (right - left);
    const aroundY = reach * (bottom - top);
    const lastX = cellX((left + right) / 2 + aroundX);
    const lastY = cellY((top + bottom) / 2 + aroundY);
    for (let y = cellY((top + bottom) / 2 - aroundY); y <= lastY; y++) {
      for (let x = cellX((left + right) / 2 - aroundX); x <= lastX; x++) {
        for (let i = newest[y * GRID + x]!; i >= 0; i = older[i]!) {
          const j = 4 * kept[i]!;
          const width = f(Math.min(right, boxes[j + 2]!) - Math.max(left, boxes[j]!));
          const height = f(Math.min(bottom, boxes[j + 3]!) - Math.max(top, boxes[j + 1]!));
          if (!(width > 0 && height > 0)) continue;
          const intersection = f(width * height);
          const other = f(f(boxes[j + 2]! - boxes[j]!) * f(boxes[j + 3]! - boxes[j + 1]!));
          if (f(intersection / f(f(area + other) - intersection)) > threshold) return true;
        }
      }
    }
    return false;
  };

  for (let o = 0; o < order.length && count < kept.length; o++) {
    const k = 4 * order[o]!;
    if (hidden(k)) continue;
    const cell = cellY((boxes[k + 1]! + boxes[k + 3]!) / 2) * GRID + cellX((boxes[k]! + boxes[k + 2]!) / 2);
    kept[count] = order[o]!;
    older[count] = newest[cell]!;
    newest[cell] = count++;
  }
  return kept.subarray(0, count);
}

/** The grid cell of a coordinate along axis 0 or 1, the grid just covering the boxes that `order` names. */
function gridAxis(boxes: Float32Array, order: Int32Array, axis: 0 | 1): (coordinate: number) => number {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const i of order) {
    low = Math.min(low, boxes[4 * i + axis]!);
    high = Math.max(high, boxes[4 * i + axis + 2]!);
  }
  const scale = high > low ? GRID / (high - low) : 0;
  return (coordinate) => Math.min(Math.max(Math.floor((coordinate - low) * scale), 0), GRID - 1);
}

/**
 * `nms` within each group (class or pyramid level), independently of the other groups.
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
