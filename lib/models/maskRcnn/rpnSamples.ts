import type { Anchors } from "../../regions/anchors.js";
import type { RpnTargets } from "../../regions/rpnTargets.js";

/**
 * The sampled anchors of a batch as inputs of the program. The loss is over a few hundred anchors of tens of thousands,
 * so the head is evaluated (and differentiated) at those cells alone: `patches` says where their 3×3 neighbourhoods
 * lie in the pyramid, flattened level by level and followed by a single zero for what lies outside.
 */
export interface RpnSamples {
  /** int32 [S, C · 9] */
  readonly patches: Int32Array;
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

export interface RpnSampleLayout {
  readonly anchors: Anchors;
  /** Pictures in the batch. */
  readonly batch: number;
  /** Channels of the pyramid. */
  readonly channels: number;
  /** S, at least the number of samples. */
  readonly places: number;
}

export function rpnSamples(targets: readonly RpnTargets[], layout: RpnSampleLayout): RpnSamples {
  const { anchors, batch, channels, places } = layout;
  const { perCell } = anchors;
  const samples: RpnSamples = {
    patches: new Int32Array(places * channels * 9).fill(pyramidSize(layout)),
    shapes: new Float32Array(places * perCell),
    targets: new Float32Array(places),
    weights: new Float32Array(places),
    deltas: new Float32Array(places * 4),
    deltaWeights: new Float32Array(places),
  };
  const weight =
    1 /
    Math.max(
      1,
      targets.reduce((n, { indices }) => n + indices.length, 0),
    );
  const starts = levelStarts(layout);
  let place = 0;
  targets.forEach(({ indices, positives, deltas }, picture) => {
    indices.forEach((anchor, i) => {
      const level = anchors.levels.findLastIndex(({ offset }) => offset <= anchor);
      const { height, width, offset } = anchors.levels[level]!;
      const shape = (anchor - offset) % perCell;
      const cell = (anchor - offset - shape) / perCell;
      const start = starts[level]! + picture * channels * height * width;
      writePatch(samples.patches, place * channels * 9, { start, channels, height, width, cell });
      samples.shapes[place * perCell + shape] = 1;
      samples.weights[place] = weight;
      if (i < positives) {
        samples.targets[place] = 1;
        samples.deltaWeights[place] = weight;
        samples.deltas.set(deltas.subarray(4 * i, 4 * i + 4), 4 * place);
      }
      place++;
    });
  });
  if (place > places) throw new RangeError(`${place} sampled anchors for ${places} places of ${batch} pictures`);
  return samples;
}

/** Where each level starts in the flattened pyramid. */
function levelStarts({ anchors, batch, channels }: RpnSampleLayout): number[] {
  let start = 0;
  return anchors.levels.map(({ height, width }) => {
    const own = start;
    start += batch * channels * height * width;
    return own;
  });
}

/** Elements of the flattened pyramid; the zero comes after them. */
function pyramidSize({ anchors, batch, channels }: RpnSampleLayout): number {
  return anchors.levels.reduce((n, { height, width }) => n + batch * channels * height * width, 0);
}

interface Patch {
  /** Where the picture's first channel of the level starts. */
  readonly start: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly cell: number;
}

/** In the order of a kernel [C, 3, 3]. What lies outside keeps pointing at the zero. */
function writePatch(patches: Int32Array, at: number, { start, channels, height, width, cell }: Patch): void {
  const x = cell % width;
  const y = (cell - x) / width;
  for (let tap = 0; tap < 9; tap++) {
    const row = y + Math.floor(tap / 3) - 1;
    const column = x + (tap % 3) - 1;
    if (row < 0 || row >= height || column < 0 || column >= width) continue;
    const first = start + row * width + column;
    for (let c = 0; c < channels; c++) patches[at + c * 9 + tap] = first + c * height * width;
  }
}
