import { RunBuilder, runEnds } from "./runs.js";
import type { Rle } from "./types.js";

/** A mask as pieces of columns: the part of a column that a run of ones covers, numbered in order. */
export interface Columns {
  /** The piece with the pixel; −1 if it is outside the mask. */
  pieceAt(x: number, y: number): number;
  forEachTop(visit: (x: number, y: number, piece: number) => void): void;
}

/** @returns the columns, and how many pieces they have */
export function columnsOf(mask: Rle): { readonly columns: Columns; readonly count: number } {
  const { height, width } = mask;
  const ends = runEnds(joined(mask));
  // The first run of ones that ends after each column's top, and the number of pieces in the columns before.
  const firstRuns = new Uint32Array(width + 1);
  const piecesBefore = new Float64Array(width + 1);
  for (let x = 0, run = 1; x < width; x++) {
    while (run < ends.length && ends[run]! <= x * height) run += 2;
    firstRuns[x] = run;
    let next = run;
    while (next < ends.length && ends[next - 1]! < (x + 1) * height) next += 2;
    piecesBefore[x + 1] = piecesBefore[x]! + (next - run) / 2;
    if (next > run) run = next - 2; // the last may continue in the next column
  }
  const piecesOf = (x: number): number => piecesBefore[x + 1]! - piecesBefore[x]!;
  const columns: Columns = {
    pieceAt(x, y) {
      if (x < 0 || y < 0 || x >= width || y >= height) return -1;
      const position = x * height + y;
      const first = firstRuns[x]!;
      let [low, high] = [0, piecesOf(x)];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (ends[first + 2 * middle]! > position) high = middle;
        else low = middle + 1;
      }
      const isInside = low < piecesOf(x) && ends[first + 2 * low - 1]! <= position;
      return isInside ? piecesBefore[x]! + low : -1;
    },
    forEachTop(visit) {
      for (let x = 0; x < width; x++) {
        for (let i = 0; i < piecesOf(x); i++) {
          const start = ends[firstRuns[x]! + 2 * i - 1]!;
          visit(x, Math.max(0, start - x * height), piecesBefore[x]! + i);
        }
      }
    },
  };
  return { columns, count: piecesBefore[width]! };
}

/** The mask without runs of length 0, which mask strings may have: the runs around one are a single run. */
function joined(mask: Rle): Rle {
  if (!mask.counts.includes(0, 1)) return mask;
  const ends = runEnds(mask);
  const runs = new RunBuilder();
  for (let run = 1; run < ends.length; run += 2) runs.add(ends[run - 1]!, ends[run]!);
  return runs.finish(mask.height, mask.width);
}
