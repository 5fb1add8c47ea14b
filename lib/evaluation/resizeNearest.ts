import { nearestIndices } from "../pixels/nearest.js";
import type { ClassMap } from "./confusion.js";

/** A class map at another size: each pixel takes the source pixel that `nearestIndices` says. */
export function resizeNearest(map: ClassMap, width: number, height: number): ClassMap {
  const columns = nearestIndices(map.width, width);
  const rows = nearestIndices(map.height, height);
  const data = new Uint8Array(width * height);
  for (let y = 0, i = 0; y < height; y++) {
    const row = rows[y]! * map.width;
    for (let x = 0; x < width; x++) data[i++] = map.data[row + columns[x]!]!;
  }
  return { width, height, data };
}
