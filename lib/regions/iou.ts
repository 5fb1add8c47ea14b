/** Keeps the overlap of two boxes without area at 0 instead of 0/0. */
const SMALLEST_AREA = 1e-6;

/** "iou": intersection over union; "iof": intersection over the area of the first box. */
export type Overlap = "iou" | "iof";

/**
 * Overlaps of every pair of boxes; no pixel is added to widths and heights.
 *
 * @param a [n * 4] xyxy
 * @param b [m * 4] xyxy
 * @returns [n * m], 0 … 1
 */
export function overlaps(a: Float32Array, b: Float32Array, kind: Overlap = "iou"): Float32Array {
  const m = b.length / 4;
  const out = new Float32Array((a.length / 4) * m);
  for (let i = 0; i < a.length; i += 4) {
    for (let j = 0; j < b.length; j += 4) out[(i * m + j) / 4] = overlap(a, i, b, j, kind);
  }
  return out;
}

/**
 * Overlap of the box at a[i … i + 3] with the one at b[j … j + 3].
 *
 * Rounded to float32 after every operation, as a float32 tensor library does: whether two boxes tie in their overlap
 * with a third one decides assignments.
 */
export function overlap(a: Float32Array, i: number, b: Float32Array, j: number, kind: Overlap): number {
  const f = Math.fround;
  const width = f(Math.min(a[i + 2]!, b[j + 2]!) - Math.max(a[i]!, b[j]!));
  const height = f(Math.min(a[i + 3]!, b[j + 3]!) - Math.max(a[i + 1]!, b[j + 1]!));
  if (!(width > 0 && height > 0)) return 0;
  const intersection = f(width * height);
  const area = areaOf(a, i);
  const whole = kind === "iof" ? area : f(f(area + areaOf(b, j)) - intersection);
  return f(intersection / Math.max(whole, SMALLEST_AREA));
}

function areaOf(boxes: Float32Array, i: number): number {
  return Math.fround(Math.fround(boxes[i + 2]! - boxes[i]!) * Math.fround(boxes[i + 3]! - boxes[i + 1]!));
}
