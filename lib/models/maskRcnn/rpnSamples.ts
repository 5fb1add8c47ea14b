import type { Anchors } from "../../regions/anchors.js";
import type { FeatureLevel } from "../../regions/roiAlign.js";
import type { RpnTargets } from "../../regions/rpnTargets.js";

/**
 * The sampled anchors of a batch as inputs of the program. The loss is over a few hundred anchors of tens of thousands,
 * so the head is evaluated (and differentiated) at those cells alone, from their 3×3 neighbourhoods (`gatherPatches`).
 */
export interface RpnSamples {
  /** [S, anchors] one-hot of the sampled anchor's shape. */
  readonly shapes: Float32Array;
  /** [S] 1 for positives. */
  readonly targets: Float32Array;
  /** [S] 1 / number of samples; 0 for the places left over. */
  readonly weights: Float32Array;
  /** [S, 4] delta targets of the positives. */
  readonly deltas: Float32Array;
  /** [S] 1 / number of samples for positives, else 0. */
  readonly deltaWeights: Float32Array;
}

/** The cell of each sampled anchor. */
export interface RpnCells {
  /** [n] index of the pyramid's level. */
  readonly levels: Int32Array;
  /** [n] picture in the batch. */
  readonly pictures: Int32Array;
  /** [n] row · width + column. */
  readonly cells: Int32Array;
}

/** @param places S, at least the number of samples */
export function rpnSamples(
  targets: readonly RpnTargets[],
  { anchors, places }: { readonly anchors: Anchors; readonly places: number },
): { samples: RpnSamples; cells: RpnCells } {
  const { perCell } = anchors;
  const count = targets.reduce((n, { indices }) => n + indices.length, 0);
  if (count > places) throw new RangeError(`${count} sampled anchors for ${places} places`);
  const samples: RpnSamples = {
    shapes: new Float32Array(places * perCell),
    targets: new Float32Array(places),
    weights: new Float32Array(places).fill(1 / Math.max(1, count), 0, count),
    deltas: new Float32Array(places * 4),
    deltaWeights: new Float32Array(places),
  };
  const cells: RpnCells = {
    levels: new Int32Array(count),
    pictures: new Int32Array(count),
    cells: new Int32Array(count),
  };
  let place = 0;
  targets.forEach(({ indices, positives, deltas }, picture) => {
    samples.targets.fill(1, place, place + positives);
    samples.deltaWeights.fill(1 / count, place, place + positives);
    samples.deltas.set(deltas.subarray(0, 4 * positives), 4 * place);
    cells.pictures.fill(picture, place, place + indices.length);
    for (const anchor of indices) {
      const level = anchors.levels.findLastIndex(({ offset }) => offset <= anchor);
      const own = anchor - anchors.levels[level]!.offset;
      cells.levels[place] = level;
      cells.cells[place] = Math.floor(own / perCell);
      samples.shapes[place * perCell + (own % perCell)] = 1;
      place++;
    }
  });
  return { samples, cells };
}

/**
 * The 3×3 neighbourhoods of cells, as a kernel [C, 3, 3] lies; zero beyond a map's edges.
 *
 * @param out [S, C · 9], zero in the places left over
 */
export function gatherPatches(
  levels: readonly FeatureLevel[],
  cells: RpnCells,
  channels: number,
  out: Float32Array,
): void {
  out.fill(0);
  forEachTap(levels, cells, channels, ({ data }, at, patch) => {
    out[patch] = data[at]!;
  });
}

/** Adds the gradient of patches to that of the pyramid they were gathered from. @param patches [S, C · 9] */
export function addPatches(
  patches: Float32Array,
  levels: readonly FeatureLevel[],
  cells: RpnCells,
  channels: number,
): void {
  forEachTap(levels, cells, channels, ({ data }, at, patch) => {
    data[at] = data[at]! + patches[patch]!;
  });
}

/** Every number of a patch that lies on its map: where on the map, and where among the patches. */
function forEachTap(
  levels: readonly FeatureLevel[],
  cells: RpnCells,
  channels: number,
  visit: (level: FeatureLevel, at: number, patch: number) => void,
): void {
  for (let place = 0; place < cells.cells.length; place++) {
    const level = levels[cells.levels[place]!]!;
    const { height, width } = level;
    const plane = height * width;
    const cell = cells.cells[place]!;
    const column = cell % width;
    const row = (cell - column) / width;
    const first = cells.pictures[place]! * channels * plane;
    for (let tap = 0; tap < 9; tap++) {
      const y = row + Math.floor(tap / 3) - 1;
      const x = column + (tap % 3) - 1;
      if (y < 0 || y >= height || x < 0 || x >= width) continue;
      const at = first + y * width + x;
      const patch = place * channels * 9 + tap;
      for (let c = 0; c < channels; c++) visit(level, at + c * plane, patch + c * 9);
    }
  }
}
