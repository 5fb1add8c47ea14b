import { UserError } from "../errors.js";
import { RunBuilder } from "./runs.js";
import type { Rle } from "./types.js";

export interface PasteOptions {
  /** [n, size, size] probabilities. */
  readonly masks: Float32Array;
  /** Side of a mask in cells. */
  readonly size: number;
  /** [n, 4] x1 y1 x2 y2 in pixels of the image; may extend outside it. */
  readonly boxes: Float32Array;
  readonly height: number;
  readonly width: number;
  /** A pixel belongs to the mask from this probability on; in (0, 1]. Default 0.5. */
  readonly threshold?: number;
}

/**
 * Stretches each mask over its box, bilinearly between cell centres and towards 0 beyond them, and keeps the pixels
 * whose centre reaches the threshold (MMDetection's `FCNMaskHead`, Detectron2's `paste_masks_in_image`).
 *
 * Only the pixels that a box covers are computed, column by column. Between two neighbouring rows of cells a column is
 * linear, so where both rows agree, the whole stretch of pixels is inside or outside.
 *
 * @returns n masks of height × width
 */
export function pasteMasks({ masks, size, boxes, height, width, threshold = 0.5 }: PasteOptions): Rle[] {
  if (!(threshold > 0 && threshold <= 1)) throw new UserError(`a mask threshold lies in (0, 1], not at ${threshold}`);
  const count = boxes.length / 4;
  if (masks.length !== count * size * size) {
    throw new RangeError(`${count} boxes need ${count} × ${size} × ${size} probabilities, not ${masks.length}`);
  }
  const cells = new Float64Array((size + 2) * (size + 2));
  return Array.from({ length: count }, (_, n) => {
    const columns = axisSamples(boxes[4 * n]!, boxes[4 * n + 2]!, size, width);
    const rows = axisSamples(boxes[4 * n + 1]!, boxes[4 * n + 3]!, size, height);
    padTransposed(masks.subarray(n * size * size, (n + 1) * size * size), size, cells);
    return thresholdMask(cells, size + 2, columns, rows, { height, width, threshold });
  });
}

/** Where the pixels first … first + cell.length − 1 of an axis fall among the zero-padded cells. */
interface AxisSamples {
  readonly first: number;
  /** The padded cell at or before the pixel's centre. */
  readonly cell: Int32Array;
  /** The weight of the next cell, 0 … 1. */
  readonly fraction: Float64Array;
}

/** The pixels of an axis covered by a box's cells and the fall to 0 half a cell around them. */
function axisSamples(low: number, high: number, size: number, extent: number): AxisSamples {
  const length = high - low;
  if (length === 0) return centreSamples(low, size, extent);
  const reach = length / size / 2;
  const first = Math.max(0, Math.ceil(low - reach - 0.5));
  const end = Math.min(extent, Math.floor(high + reach - 0.5) + 1);
  const count = length > 0 ? Math.max(0, end - first) : 0;
  const cell = new Int32Array(count);
  const fraction = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const position = ((first + i + 0.5 - low) / length) * size + 0.5; // in padded cells, 0 … size + 1
    cell[i] = Math.min(size, Math.max(0, Math.floor(position)));
    fraction[i] = position - cell[i]!;
  }
  return { first, cell, fraction };
}

/**
 * A box without extent causes a division by zero. The reference then samples the mask's middle for the pixels beside
 * the box, and nothing for a pixel with its centre on it.
 */
function centreSamples(at: number, size: number, extent: number): AxisSamples {
  const first = Math.max(0, Math.floor(at) - 1);
  const count = Math.max(0, Math.min(extent, Math.ceil(at) + 1) - first);
  const middle = (size + 1) / 2;
  const onBox = (i: number) => first + i + 0.5 === at;
  return {
    first,
    cell: Int32Array.from({ length: count }, (_, i) => (onBox(i) ? 0 : Math.floor(middle))),
    fraction: Float64Array.from({ length: count }, (_, i) => (onBox(i) ? 0 : middle - Math.floor(middle))),
  };
}

/** Copies mask [row, column] to cells [column, row] with a border of zeros. */
function padTransposed(mask: Float32Array, size: number, cells: Float64Array): void {
  const stride = size + 2;
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) cells[(x + 1) * stride + y + 1] = mask[y * size + x]!;
  }
}

interface Target {
  readonly height: number;
  readonly width: number;
  readonly threshold: number;
}

function thresholdMask(
  cells: Float64Array,
  stride: number,
  columns: AxisSamples,
  rows: AxisSamples,
  target: Target,
): Rle {
  const { height, width, threshold } = target;
  const runs = new RunBuilder();
  const profile = new Float64Array(stride); // the column's value at every row of cells
  const stretches = stretchStarts(rows.cell);
  for (let i = 0; i < columns.cell.length; i++) {
    const left = columns.cell[i]! * stride;
    const share = columns.fraction[i]!;
    for (let k = 0; k < stride; k++) {
      profile[k] = (1 - share) * cells[left + k]! + share * cells[left + stride + k]!;
    }
    const top = (columns.first + i) * height + rows.first;
    for (let s = 0; s + 1 < stretches.length; s++) {
      const start = stretches[s]!;
      const end = stretches[s + 1]!;
      const above = profile[rows.cell[start]!]!;
      const below = profile[rows.cell[start]! + 1]!;
      if (above >= threshold && below >= threshold) runs.add(top + start, top + end);
      else if (above >= threshold || below >= threshold) {
        for (let y = start; y < end; y++) {
          const lower = rows.fraction[y]!;
          if ((1 - lower) * above + lower * below >= threshold) runs.add(top + y, top + y + 1);
        }
      }
    }
  }
  return runs.finish(height, width);
}

/** The first pixel of each stretch between the same two rows of cells, and the end of the last. */
function stretchStarts(cell: Int32Array): number[] {
  const starts: number[] = [];
  cell.forEach((k, y) => {
    if (y === 0 || k !== cell[y - 1]) starts.push(y);
  });
  return [...starts, cell.length];
}
