import { RunBuilder } from "../masks/runs.js";
import type { Rle } from "../masks/types.js";

/**
 * The mask of each value except 0, in one pass over the pixels.
 *
 * @param values [height × width] row by row
 */
export function rlesOfValues(values: ArrayLike<number>, width: number, height: number): Map<number, Rle> {
  const builders = new Map<number, RunBuilder>();
  for (let x = 0; x < width; x++) {
    for (let y = 0, start = 0; y < height; y = start) {
      const value = values[y * width + x]!;
      for (start = y + 1; start < height && values[start * width + x] === value; ) start++;
      if (value === 0) continue;
      let builder = builders.get(value);
      if (builder === undefined) builders.set(value, (builder = new RunBuilder()));
      builder.add(x * height + y, x * height + start);
    }
  }
  return new Map(Array.from(builders, ([value, builder]) => [value, builder.finish(height, width)]));
}

/**
 * Numbers the connected regions of equal value from 1, in the order of their first pixels; pixels touch by edges and
 * corners. Pixels of value 0 get 0.
 *
 * @returns [height × width] and the value of each region, at its number
 */
export function connectedRegions(
  values: ArrayLike<number>,
  width: number,
  height: number,
): { readonly regions: Uint32Array; readonly values: readonly number[] } {
  const regions = new Uint32Array(width * height);
  const found = [0];
  const stack: number[] = [];
  for (let start = 0; start < regions.length; start++) {
    const value = values[start]!;
    if (value === 0 || regions[start] !== 0) continue;
    const number = found.push(value) - 1;
    regions[start] = number;
    stack.push(start);
    for (let i = stack.pop(); i !== undefined; i = stack.pop()) {
      const x = i % width;
      const y = (i - x) / width;
      for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++) {
        for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) {
          const j = v * width + u;
          if (values[j] !== value || regions[j] !== 0) continue;
          regions[j] = number;
          stack.push(j);
        }
      }
    }
  }
  return { regions, values: found };
}
