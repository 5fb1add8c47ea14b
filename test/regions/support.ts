import { Random } from "../../lib/random.js";
import { overlaps } from "../../lib/regions/iou.js";

/** Random boxes within `extent` pixels, sides up to `side`; on a coarse grid, so that some overlaps tie. */
export function randomBoxes(seed: number, count: number, extent = 100, side = 40, grid = 1): Float32Array {
  const random = Random.of("boxes", seed);
  const boxes = new Float32Array(count * 4);
  const draw = (high: number) => Math.round(random.uniform(0, high) / grid) * grid;
  for (let k = 0; k < boxes.length; k += 4) {
    const left = draw(extent);
    const top = draw(extent);
    boxes.set([left, top, left + grid + draw(side), top + grid + draw(side)], k);
  }
  return boxes;
}

export function randomFloats(seed: number, count: number, low = -1, high = 1): Float32Array {
  const random = Random.of("floats", seed);
  return Float32Array.from({ length: count }, () => random.uniform(low, high));
}

/** Rows of numbers, one after the other. */
export function flat(rows: readonly (readonly number[])[]): Float32Array {
  return Float32Array.from(rows.flat());
}

/** Box i as four numbers. */
export function box(boxes: Float32Array, i: number): [number, number, number, number] {
  return [boxes[4 * i]!, boxes[4 * i + 1]!, boxes[4 * i + 2]!, boxes[4 * i + 3]!];
}

export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new Error(`lengths differ: ${a.length} and ${b.length}`);
  let most = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!);
    if (!(difference <= most)) most = difference; // NaN counts
  }
  return most;
}

/** IoU of two boxes in float32, where a threshold may distinguish it from the float64 one. */
export function iouOf(a: readonly number[], b: readonly number[]): number {
  return overlaps(Float32Array.from(a), Float32Array.from(b))[0]!;
}

/** IoU by its definition, in float64. */
export function naiveIou(a: readonly number[], b: readonly number[]): number {
  const width = Math.min(a[2]!, b[2]!) - Math.max(a[0]!, b[0]!);
  const height = Math.min(a[3]!, b[3]!) - Math.max(a[1]!, b[1]!);
  const intersection = Math.max(width, 0) * Math.max(height, 0);
  const area = (box: readonly number[]) => (box[2]! - box[0]!) * (box[3]! - box[1]!);
  return intersection === 0 ? 0 : intersection / (area(a) + area(b) - intersection);
}
