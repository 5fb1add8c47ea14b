import type { LabelMap, Window } from "./image.js";
import { nearestIndices } from "./nearest.js";
import { sourceOfLabels } from "./resize.js";

/**
 * How often each label occurs in a window of a map. A map that is still to be resized is counted in its original size,
 * each pixel as often as it will occur: so windows can be counted without being made.
 *
 * @param window must be within the map
 * @returns [256]
 */
export function countLabels(map: LabelMap, window: Window): Float64Array {
  const source = sourceOfLabels(map);
  const columns = repetitions(nearestIndices(source.width, map.width), window.left, window.width);
  const rows = repetitions(nearestIndices(source.height, map.height), window.top, window.height);
  const counts = new Float64Array(256);
  for (let y = 0; y < rows.times.length; y++) {
    const times = rows.times[y]!;
    if (times === 0) continue;
    const from = (rows.first + y) * source.width + columns.first;
    countRow(source.data.subarray(from, from + columns.times.length), columns.times, times, counts);
  }
  return counts;
}

/** Neighbours are mostly equal: a run's length is added up before it is written. */
function countRow(row: Uint8Array, columnTimes: Int32Array, rowTimes: number, counts: Float64Array): void {
  let label = row[0]!;
  let run = 0;
  for (let x = 0; x < row.length; x++) {
    const next = row[x]!;
    if (next !== label) {
      counts[label] = counts[label]! + run * rowTimes;
      label = next;
      run = 0;
    }
    run += columnTimes[x]!;
  }
  counts[label] = counts[label]! + run * rowTimes;
}

interface Repetitions {
  /** The first source index in the window. */
  readonly first: number;
  /** How often it and each one after it occurs. */
  readonly times: Int32Array;
}

function repetitions(indices: Int32Array, from: number, count: number): Repetitions {
  const first = indices[from]!;
  const times = new Int32Array(indices[from + count - 1]! - first + 1);
  for (let i = from; i < from + count; i++) {
    const source = indices[i]! - first;
    times[source] = times[source]! + 1;
  }
  return { first, times };
}
