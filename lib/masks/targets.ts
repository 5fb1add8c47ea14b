import { UserError } from "../errors.js";
import { firstRunAfter, runEnds } from "./runs.js";
import type { Rle } from "./types.js";

export interface MaskTargetOptions {
  /** The ground-truth masks of one image, all of its size. */
  readonly masks: readonly (Rle | undefined)[];
  /** [n, 4] x1 y1 x2 y2 of the positive RoIs, in the masks' pixels. */
  readonly boxes: Float32Array;
  /** [n] index of the mask that each RoI is matched to. */
  readonly matched: ArrayLike<number>;
  /** Side of a target in cells. Default 28. */
  readonly size?: number;
  /** [n, size, size], filled and returned; allocated if left out. */
  readonly output?: Float32Array;
}

/** Sums of exactly one half may come out slightly lower by rounding; they count as one half. */
const HALF = 0.5 - 1e-9;

/**
 * The mask head's target for each positive RoI: the RoIAlign (aligned, adaptive sampling, average) of the matched 0/1
 * mask, at least one half or not (MMDetection's `BitmapMasks.crop_and_resize`).
 *
 * RoIAlign of one channel is `A · M · Bᵀ` with a weight matrix for each axis. M is never made: a column's run of ones
 * contributes a difference of A's prefix sums.
 *
 * @returns [n, size, size] of 0 and 1
 * @throws UserError when a matched object has no mask
 */
export function maskTargets({ masks, boxes, matched, size = 28, output }: MaskTargetOptions): Float32Array {
  const count = boxes.length / 4;
  const targets = output ?? new Float32Array(count * size * size); // [n, size, size]
  const endsOf = masks.map((mask) => (mask === undefined ? undefined : runEnds(mask)));
  const sums = new Float64Array(size * size); // [column of cells, row of cells]
  for (let n = 0; n < count; n++) {
    const mask = masks[matched[n]!];
    const ends = endsOf[matched[n]!];
    if (mask === undefined || ends === undefined) {
      throw new UserError(
        `object ${matched[n]} of the image has no mask to train on; give every object one, or train without the mask head`,
      );
    }
    const columns = axisWeights(boxes[4 * n]!, boxes[4 * n + 2]!, size, mask.width);
    const rows = axisWeights(boxes[4 * n + 1]!, boxes[4 * n + 3]!, size, mask.height);
    alignMask(ends, mask.height, columns, rows, sums.fill(0));
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) targets[(n * size + i) * size + j] = sums[j * size + i]! >= HALF ? 1 : 0;
    }
  }
  return targets;
}

/** The weight of each pixel of an axis, first … first + count − 1, in each cell. */
interface AxisWeights {
  readonly first: number;
  readonly count: number;
  readonly size: number;
  /** [count, size] */
  readonly weights: Float64Array;
}

/**
 * The mean over a cell's samples of their bilinear weights. Samples more than one pixel outside have weight 0, others
 * outside are moved to the border (aligned: pixel centres at whole numbers after subtracting one half).
 */
function axisWeights(low: number, high: number, size: number, extent: number): AxisWeights {
  const bin = (high - low) / size;
  const samples = Math.ceil(bin);
  const clamp = (pixel: number) => Math.min(extent - 1, Math.max(0, pixel));
  const first = clamp(Math.floor(low - 0.5));
  const count = clamp(Math.floor(high - 0.5) + 1) - first + 1;
  const weights = new Float64Array(Math.max(0, count) * size); // [count, size]
  for (let cell = 0; cell < size; cell++) {
    for (let s = 0; s < samples; s++) {
      const position = low - 0.5 + (cell + (s + 0.5) / samples) * bin;
      if (position < -1 || position > extent) continue;
      const inside = clamp(position);
      const pixel = Math.floor(inside);
      const fraction = inside - pixel;
      weights[(pixel - first) * size + cell]! += (1 - fraction) / samples;
      if (fraction > 0) weights[(pixel + 1 - first) * size + cell]! += fraction / samples;
    }
  }
  return { first, count: Math.max(0, count), size, weights };
}

/** Adds the RoIAlign of a mask, given by its run ends, to `sums` [column of cells, row of cells]. */
function alignMask(
  ends: Uint32Array,
  height: number,
  columns: AxisWeights,
  rows: AxisWeights,
  sums: Float64Array,
): void {
  const { size } = rows;
  const below = prefixSums(rows); // [count + 1, size]
  const profile = new Float64Array(size);
  for (let i = 0; i < columns.count; i++) {
    const top = (columns.first + i) * height + rows.first;
    const bottom = top + rows.count;
    let any = false;
    for (let j = firstRunAfter(ends, top); j < ends.length && ends[j - 1]! < bottom; j += 2) {
      if (!any) profile.fill(0);
      any = true;
      const start = (Math.max(ends[j - 1]!, top) - top) * size;
      const end = (Math.min(ends[j]!, bottom) - top) * size;
      for (let k = 0; k < size; k++) profile[k]! += below[end + k]! - below[start + k]!;
    }
    if (!any) continue;
    for (let cell = 0; cell < size; cell++) {
      const weight = columns.weights[i * size + cell]!;
      if (weight === 0) continue;
      for (let k = 0; k < size; k++) sums[cell * size + k]! += weight * profile[k]!;
    }
  }
}

/** Row y of the result is the sum of the weights of the pixels before y. */
function prefixSums({ count, size, weights }: AxisWeights): Float64Array {
  const sums = new Float64Array((count + 1) * size); // [count + 1, size]
  for (let i = 0; i < count * size; i++) sums[i + size] = sums[i]! + weights[i]!;
  return sums;
}
