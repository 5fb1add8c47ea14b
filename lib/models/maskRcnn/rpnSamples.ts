import type { Anchors } from "../../regions/anchors.js";
import type { FeatureLevel } from "../../regions/roiAlign.js";
import type { RpnTargets } from "../../regions/rpnTargets.js";

/**
 * The sampled anchors of a batch as inputs of the program. The loss is over a few hundred of tens of thousands of
 * anchors, so the head is evaluated (and differentiated) only at their cells, from their 3×3 neighbourhoods
 * (`gatherPatches`).
 */
export interface RpnSamples {
  /** [S, anchors] one-hot of the sampled anchor's shape. */
  readonly shapes: Float32Array;
  /** [S] 1 for positives. */
  readonly targets: Float32Array;
  /** [S] 1 / number of samples; 0 for unused places. */
  readonly weights: Float32Array;
  /** [S, 4] delta targets of the positives. */
  readonly deltas: Float32Array;
  /** [S] 1 / number of samples for positives, else 0. */
  readonly deltaWeights: Float32Array;
}

/** Sampled anchors' cells on one map: one image on one level of the pyramid. */
export interface RpnCells {
  readonly level: number;
  readonly image: number;
  /** Which of the samples these are. */
  readonly places: number[];
  /** For each of them, the nine cells of its neighbourhood, row · width + column, or −1 beyond the map's edges. */
  readonly taps: number[];
}

/** @param places S, at least the number of samples */
export function rpnSamples(
  targets: readonly RpnTargets[],
  { anchors, places }: { readonly anchors: Anchors; readonly places: number },
): { samples: RpnSamples; cells: readonly RpnCells[] } {
  const { perCell } = anchors;
  const count = targets.reduce((n, { indices }) => n + indices.length, 0);
  if (count > places) throw new RangeError(`${count} sampled anchors for ${places} places`);
  const weight = 1 / Math.max(1, count);
  const samples: RpnSamples = {
    shapes: new Float32Array(places * perCell),
    targets: new Float32Array(places),
    weights: new Float32Array(places).fill(weight, 0, count),
    deltas: new Float32Array(places * 4),
    deltaWeights: new Float32Array(places),
  };
  const cells: RpnCells[] = [];
  let place = 0;
  targets.forEach(({ indices, positives, deltas }, image) => {
    samples.targets.fill(1, place, place + positives);
    samples.deltaWeights.fill(weight, place, place + positives);
    samples.deltas.set(deltas.subarray(0, 4 * positives), 4 * place);
    const maps = anchors.levels.map((_, level): RpnCells => ({ level, image, places: [], taps: [] }));
    for (const anchor of indices) {
      const level = anchors.levels.findLastIndex(({ offset }) => offset <= anchor);
      const own = anchor - anchors.levels[level]!.offset;
      maps[level]!.places.push(place);
      maps[level]!.taps.push(...neighbourhood(Math.floor(own / perCell), anchors.levels[level]!));
      samples.shapes[place * perCell + (own % perCell)] = 1;
      place++;
    }
    cells.push(...maps);
  });
  return { samples, cells };
}

function neighbourhood(cell: number, { height, width }: { readonly height: number; readonly width: number }): number[] {
  const column = cell % width;
  const row = (cell - column) / width;
  return TAPS.map(([down, right]) => {
    const [y, x] = [row + down, column + right];
    return y < 0 || y >= height || x < 0 || x >= width ? -1 : y * width + x;
  });
}

const TAPS = [-1, 0, 1].flatMap((down) => [-1, 0, 1].map((right) => [down, right] as const));

/**
 * The 3×3 neighbourhoods of cells, in the layout of a kernel [C, 3, 3]; zero beyond a map's edges.
 *
 * @param out [S, C · 9], zero in unused places
 */
export function gatherPatches(
  levels: readonly FeatureLevel[],
  cells: readonly RpnCells[],
  channels: number,
  out: Float32Array,
): void {
  out.fill(0);
  forEachPlane(levels, cells, channels, ({ places, taps }, plane, channel) => {
    for (let i = 0, tap = 0; i < places.length; i++) {
      const patch = (places[i]! * channels + channel) * 9;
      for (let k = 0; k < 9; k++, tap++) if (taps[tap]! >= 0) out[patch + k] = plane[taps[tap]!]!;
    }
  });
}

/** Adds the gradient of patches to that of the pyramid they were gathered from. @param patches [S, C · 9] */
export function addPatches(
  patches: Float32Array,
  levels: readonly FeatureLevel[],
  cells: readonly RpnCells[],
  channels: number,
): void {
  forEachPlane(levels, cells, channels, ({ places, taps }, plane, channel) => {
    for (let i = 0, tap = 0; i < places.length; i++) {
      const patch = (places[i]! * channels + channel) * 9;
      for (let k = 0; k < 9; k++, tap++) if (taps[tap]! >= 0) plane[taps[tap]!]! += patches[patch + k]!;
    }
  });
}

/** Visits one channel's plane after the other, each of which fits into a cache, with all samples on it. */
function forEachPlane(
  levels: readonly FeatureLevel[],
  cells: readonly RpnCells[],
  channels: number,
  visit: (map: RpnCells, plane: Float32Array, channel: number) => void,
): void {
  for (const map of cells) {
    const { data, height, width } = levels[map.level]!;
    for (let channel = 0; channel < channels; channel++) {
      const first = (map.image * channels + channel) * height * width;
      visit(map, data.subarray(first, first + height * width), channel);
    }
  }
}
