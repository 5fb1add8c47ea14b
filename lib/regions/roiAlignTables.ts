import type { AxisWeights } from "./roiAlign.js";

/** What the kernels of RoIAlign read about one RoI. */
export interface RoiRegion {
  readonly rows: AxisWeights;
  readonly columns: AxisWeights;
  /** Bins of the pooled values. */
  readonly binRows: number;
  readonly binColumns: number;
  /** Cells in a row of the feature map, at least 4. */
  readonly mapWidth: number;
}

/** Memory under construction, seen as integers and as floats; `at` is the next free word of 4 bytes. */
export interface Words {
  readonly ints: Int32Array;
  readonly floats: Float32Array;
  at: number;
}

/** Words of a record of the kernels. */
export const RECORD_WORDS = 8;

const LANES = 4;

/** An upper bound of the words that `writeRegion` writes. */
export function regionWords(region: RoiRegion): number {
  const across = extent(region.columns);
  const down = extent(region.rows);
  const vectors = Math.ceil((across.end - across.start) / LANES);
  return (
    vectors * LANES * (1 + region.binColumns) + (down.end - down.start) * LANES * Math.ceil(region.binRows / 2 + 1)
  );
}

/**
 * Writes a RoI's tables at `words.at` and its record at word `record`; their layout is described with the kernels.
 *
 * @param pooledOffset where the RoI's pooled values or their gradient begin, in bytes
 */
export function writeRegion(words: Words, record: number, region: RoiRegion, pooledOffset: number): void {
  const { mapWidth } = region;
  const across = extent(region.columns);
  const vectors = Math.ceil((across.end - across.start) / LANES);
  const left = across.start;
  // No vector may leave the map's row: the last is moved to the left, so that it overlaps the one before.
  const last = Math.min(left + (vectors - 1) * LANES, mapWidth - LANES);
  const top = extent(region.rows).start;

  const columnTable = words.at;
  writeColumns(words, region, left, vectors, last);
  const rowTable = words.at;
  const entries = writeRows(words, region, top, vectors * LANES * 4);
  words.ints.set(
    [pooledOffset, vectors, columnTable * 4, rowTable * 4, entries, (last - left) * 4, (top * mapWidth + left) * 4, 0],
    record,
  );
}

/** For each vector of four cells: the first bin that covers it, how many do, and their weights. */
function writeColumns(words: Words, region: RoiRegion, left: number, vectors: number, last: number): void {
  const { columns, binColumns } = region;
  for (let v = 0; v < vectors; v++) {
    const fresh = left + v * LANES; // cells before it belong to an earlier vector
    const cell = v === vectors - 1 ? last : fresh;
    let firstBin = binColumns - 1;
    let lastBin = 0;
    for (let b = 0; b < binColumns; b++) {
      if (columns.first[b]! >= cell + LANES || columns.first[b]! + columns.span <= fresh) continue;
      firstBin = Math.min(firstBin, b);
      lastBin = b;
    }
    lastBin = Math.max(lastBin, firstBin);
    words.ints.set([firstBin, lastBin - firstBin + 1, 0, 0], words.at);
    words.at += 4;
    for (let b = firstBin; b <= lastBin; b++) {
      for (let x = cell; x < cell + LANES; x++) words.floats[words.at++] = x < fresh ? 0 : weightAt(columns, b, x);
    }
  }
}

/** For each row of cells: the bins that cover it, two per entry. Returns the number of entries. */
function writeRows(words: Words, region: RoiRegion, top: number, rowBytes: number): number {
  const { rows, binRows } = region;
  const { end } = extent(rows);
  let entries = 0;
  for (let y = top; y < end; y++) {
    for (let b = 0; b < binRows; b++) {
      const weight = weightAt(rows, b, y);
      if (weight === 0) continue;
      words.ints[words.at] = (y - top) * region.mapWidth * 4;
      words.ints[words.at + 1] = b * rowBytes;
      words.floats[words.at + 2] = weight;
      words.floats[words.at + 3] = ++b < binRows ? weightAt(rows, b, y) : 0;
      words.at += 4;
      entries++;
    }
  }
  return entries;
}

function weightAt(axis: AxisWeights, bin: number, cell: number): number {
  const i = cell - axis.first[bin]!;
  return i >= 0 && i < axis.span ? axis.weights[bin * axis.span + i]! : 0;
}

/** The cells that any bin covers. */
function extent(axis: AxisWeights): { start: number; end: number } {
  let start = axis.first[0]!;
  let end = start;
  for (const first of axis.first) {
    start = Math.min(start, first);
    end = Math.max(end, first + axis.span);
  }
  return { start, end };
}
