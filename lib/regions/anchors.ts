/** One pyramid level's grid of anchors: `height` × `width` cells, `stride` image pixels apart. */
export interface AnchorLevel {
  readonly height: number;
  readonly width: number;
  readonly stride: number;
  /** Index of the level's first anchor in `Anchors.boxes`. */
  readonly offset: number;
}

/** The anchors of all levels; rows in the order level, y, x, shape (ratio slower than scale). */
export interface Anchors {
  readonly levels: readonly AnchorLevel[];
  /** Anchors of one cell: ratios × scales. */
  readonly perCell: number;
  /** All anchors of all levels. */
  readonly count: number;
  /** [count * 4] xyxy, image pixels; they may extend beyond the image's border. */
  readonly boxes: Float32Array;
}

export interface AnchorShapes {
  /** Side of the square anchor over the stride. */
  readonly scales: readonly number[];
  /** Height over width. */
  readonly ratios: readonly number[];
  /** Offset of the centre of a cell's anchors from the cell's upper left corner, in strides; default 0. */
  readonly centreOffset?: number;
}

/**
 * The anchors of the cell (0, 0) of a level: area (scale · stride)², height / width = ratio, not rounded.
 *
 * @returns [ratios * scales * 4] xyxy
 */
export function baseAnchors(stride: number, shapes: AnchorShapes): Float32Array {
  const { scales, ratios, centreOffset = 0 } = shapes;
  const centre = centreOffset * stride;
  const boxes = new Float32Array(ratios.length * scales.length * 4);
  let k = 0;
  for (const ratio of ratios) {
    for (const scale of scales) {
      const halfWidth = (scale * stride) / Math.sqrt(ratio) / 2;
      const halfHeight = (scale * stride * Math.sqrt(ratio)) / 2;
      boxes.set([centre - halfWidth, centre - halfHeight, centre + halfWidth, centre + halfHeight], k);
      k += 4;
    }
  }
  return boxes;
}

/** Cells of each level for a padded image: ceil(side / stride), as after stride-2 convolutions and poolings. */
export function levelSizes(
  height: number,
  width: number,
  strides: readonly number[],
): { height: number; width: number }[] {
  return strides.map((stride) => ({ height: Math.ceil(height / stride), width: Math.ceil(width / stride) }));
}

/**
 * The anchors of a padded image on every pyramid level.
 *
 * @param options `height`, `width` of the padded image in pixels; `strides` of the levels
 */
export function makeAnchors(
  options: AnchorShapes & { readonly height: number; readonly width: number; readonly strides: readonly number[] },
): Anchors {
  const bases = options.strides.map((stride) => baseAnchors(stride, options));
  const perCell = (bases[0]?.length ?? 0) / 4;
  let count = 0;
  const levels = levelSizes(options.height, options.width, options.strides).map((size, i) => {
    const level = { ...size, stride: options.strides[i]!, offset: count };
    count += size.height * size.width * perCell;
    return level;
  });
  const boxes = new Float32Array(count * 4);
  levels.forEach((level, i) => {
    fillLevel(level, bases[i]!, boxes);
  });
  return { levels, perCell, count, boxes };
}

function fillLevel(level: AnchorLevel, base: Float32Array, boxes: Float32Array): void {
  let k = level.offset * 4;
  for (let y = 0; y < level.height; y++) {
    for (let x = 0; x < level.width; x++) {
      for (let j = 0; j < base.length; j += 4, k += 4) {
        boxes[k] = base[j]! + x * level.stride;
        boxes[k + 1] = base[j + 1]! + y * level.stride;
        boxes[k + 2] = base[j + 2]! + x * level.stride;
        boxes[k + 3] = base[j + 3]! + y * level.stride;
      }
    }
  }
}

/**
 * Which anchors belong to cells that begin inside the first `height` × `width` pixels of the padded image.
 *
 * @returns [count], 1 = valid
 */
export function validAnchors(anchors: Anchors, size: { readonly height: number; readonly width: number }): Uint8Array {
  const valid = new Uint8Array(anchors.count);
  for (const level of anchors.levels) {
    const rows = Math.min(Math.ceil(size.height / level.stride), level.height);
    const columns = Math.min(Math.ceil(size.width / level.stride), level.width);
    for (let y = 0; y < rows; y++) {
      const first = level.offset + y * level.width * anchors.perCell;
      valid.fill(1, first, first + columns * anchors.perCell);
    }
  }
  return valid;
}
