export interface RoiAlignOptions {
  /** Bins of the output. */
  readonly height: number;
  readonly width: number;
  /** Samples per bin and axis; 0 (default): the bin's size in cells, rounded up. */
  readonly samplingRatio?: number;
  /** Whether coordinates are shifted by half a cell, so that cell centres are at whole numbers + ½. Default true. */
  readonly aligned?: boolean;
}

/** Feature maps of one pyramid level. */
export interface FeatureLevel {
  /** [batch, channels, height, width] */
  readonly data: Float32Array;
  readonly height: number;
  readonly width: number;
  /** Image pixels per cell. */
  readonly stride: number;
}

/** Regions of interest of a batch. */
export interface Rois {
  /** [n * 4] xyxy, image pixels. */
  readonly boxes: Float32Array;
  /** [n] image in the batch. */
  readonly images: Int32Array;
  /** [n] index of the level each is pooled from, see `roiLevels`. */
  readonly levels: Int32Array;
}

/**
 * How a RoI's bins along one axis are made of cells: bin b = Σ weights[b * span + i] · cell[first[b] + i], all of them
 * on the map.
 */
export interface AxisWeights {
  /** [bins] */
  readonly first: Int32Array;
  /** The number of cells that a bin covers, the same for all bins. */
  readonly span: number;
  /** [bins * span], zero beyond a bin's last cell. */
  readonly weights: Float32Array;
}

/**
 * The bilinear samples of a RoI along one axis, averaged by bin.
 *
 * RoIAlign's bilinear samples are on a grid, so a weight in two dimensions is the product of one for each axis: the
 * pooled values are A · X · Bᵀ, with the rows of A and B from this function. A sample more than one cell outside the
 * map counts as zero; others outside are moved to the nearest cell centre.
 *
 * @param low, high the RoI's sides in image pixels
 * @param cells of the feature map along the axis
 */
export function axisWeights(
  low: number,
  high: number,
  axis: { readonly bins: number; readonly cells: number; readonly stride: number } & Omit<
    RoiAlignOptions,
    "height" | "width"
  >,
): AxisWeights {
  const { bins, cells, stride, samplingRatio = 0, aligned = true } = axis;
  const start = low / stride - (aligned ? 0.5 : 0);
  const size = aligned ? (high - low) / stride : Math.max((high - low) / stride, 1);
  const samples = samplingRatio > 0 ? samplingRatio : Math.max(Math.ceil(size / bins), 0);
  const step = size / bins / samples;
  const position = (bin: number, sample: number) => start + (bin * samples + sample + 0.5) * step;

  const first = new Int32Array(bins);
  let span = 1;
  for (let b = 0; samples > 0 && b < bins; b++) {
    const ends = [cellBelow(position(b, 0), cells), cellBelow(position(b, samples - 1), cells)];
    first[b] = Math.min(...ends);
    span = Math.max(span, Math.min(Math.max(...ends) + 2, cells) - first[b]!);
  }
  const weights = new Float32Array(bins * span);
  for (let b = 0; b < bins; b++) {
    first[b] = Math.min(first[b]!, cells - span);
    for (let s = 0; s < samples; s++) {
      const at = position(b, s);
      if (at < -1 || at > cells) continue;
      const below = cellBelow(at, cells);
      const fraction = Math.min(Math.max(at, 0), cells - 1) - below;
      const k = b * span + below - first[b]!;
      weights[k]! += (1 - fraction) / samples;
      if (fraction > 0) weights[k + 1]! += fraction / samples;
    }
  }
  return { first, span, weights };
}

function cellBelow(position: number, cells: number): number {
  return Math.min(Math.max(Math.floor(position), 0), cells - 1);
}

/**
 * Pools every RoI from its level (RoIAlign, He et al. 2017).
 *
 * @returns [n, channels, height, width]
 */
export function roiAlign(
  levels: readonly FeatureLevel[],
  rois: Rois,
  options: RoiAlignOptions & { readonly channels: number },
): Float32Array {
  const bins = options.height * options.width;
  const out = new Float32Array(rois.images.length * options.channels * bins);
  forEachPlane(levels, rois, options, ({ plane, level, rows, columns, index }) => {
    for (let bin = 0; bin < bins; bin++) {
      const i = Math.floor(bin / options.width);
      const j = bin % options.width;
      let sum = 0;
      for (let a = 0; a < rows.span; a++) {
        const at = plane + (rows.first[i]! + a) * level.width + columns.first[j]!;
        let across = 0;
        for (let b = 0; b < columns.span; b++) across += columns.weights[j * columns.span + b]! * level.data[at + b]!;
        sum += rows.weights[i * rows.span + a]! * across;
      }
      out[index * bins + bin] = sum;
    }
  });
  return out;
}

/**
 * The gradient of `roiAlign` with respect to the feature maps, ADDED to the `data` of `levels`.
 *
 * This is the plain version; `loadRoiAlign` returns a faster one.
 *
 * @param gradient [n, channels, height, width] of the pooled values
 */
export function roiAlignBackward(
  gradient: Float32Array,
  levels: readonly FeatureLevel[],
  rois: Rois,
  options: RoiAlignOptions & { readonly channels: number },
): void {
  const bins = options.height * options.width;
  forEachPlane(levels, rois, options, ({ plane, level, rows, columns, index }) => {
    for (let bin = 0; bin < bins; bin++) {
      const i = Math.floor(bin / options.width);
      const j = bin % options.width;
      for (let a = 0; a < rows.span; a++) {
        const at = plane + (rows.first[i]! + a) * level.width + columns.first[j]!;
        const share = rows.weights[i * rows.span + a]! * gradient[index * bins + bin]!;
        for (let b = 0; b < columns.span; b++) level.data[at + b]! += share * columns.weights[j * columns.span + b]!;
      }
    }
  });
}

interface RoiPlane {
  readonly level: FeatureLevel;
  /** Where in `level.data` the channel's map begins. */
  readonly plane: number;
  readonly rows: AxisWeights;
  readonly columns: AxisWeights;
  /** RoI * channels + channel. */
  readonly index: number;
}

function forEachPlane(
  levels: readonly FeatureLevel[],
  rois: Rois,
  options: RoiAlignOptions & { readonly channels: number },
  visit: (plane: RoiPlane) => void,
): void {
  rois.images.forEach((image, r) => {
    const level = levels[rois.levels[r]!]!;
    const { rows, columns } = roiWeights(rois, r, level, options);
    for (let c = 0; c < options.channels; c++) {
      const plane = (image * options.channels + c) * level.height * level.width;
      visit({ level, plane, rows, columns, index: r * options.channels + c });
    }
  });
}

/** The weights of RoI `r` along both axes of its level. */
export function roiWeights(
  rois: Rois,
  r: number,
  level: FeatureLevel,
  options: RoiAlignOptions,
): { rows: AxisWeights; columns: AxisWeights } {
  const [left, top, right, bottom] = rois.boxes.subarray(4 * r, 4 * r + 4);
  const { stride } = level;
  return {
    rows: axisWeights(top!, bottom!, { ...options, bins: options.height, cells: level.height, stride }),
    columns: axisWeights(left!, right!, { ...options, bins: options.width, cells: level.width, stride }),
  };
}
