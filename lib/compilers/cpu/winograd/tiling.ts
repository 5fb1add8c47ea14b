import { PATCH, TILE } from "./matrices.js";

/** The share of the plain computation's cost that must be undercut. */
export const WORTHWHILE = 0.8;

/** What is computed together: some rows of one image, or several images. */
export interface Tiling {
  /** Rows in a block, all its images together. */
  readonly rows: number;
  /** Rows of one image in a block. */
  readonly strip: number;
  readonly blocks: number;
  /** Tiles in a block. */
  readonly tiles: number;
  /** Work per pixel of output, 1 if tiles fit exactly and blocks are neither tiny nor too large for the caches. */
  readonly cost: number;
}

export interface MapSize {
  readonly batch: number;
  readonly height: number;
  readonly width: number;
}

/** The costs of blocks; measured. */
interface BlockCosts {
  /** How many numbers a block's transformed tiles may have without the penalty `beyond`. */
  readonly elements: number;
  /** How much more expensive a larger block is. */
  readonly beyond: number;
  /** What is read or written again for every block costs as much as this many tiles. */
  readonly tiles: number;
}

/** For a convolution, whose blocks should stay in the caches and read the kernels again. */
const CONVOLUTION: BlockCosts = { elements: 2 ** 22, beyond: 0.5, tiles: 30 };
/** For a sum over all tiles, where the sums are written again, and only memory forbids a single block. */
export const SUM: BlockCosts = { elements: 2 ** 25, beyond: 1, tiles: 100 };

const tilesAlong = (size: number) => Math.ceil(size / TILE);

/** The cheapest way to cut maps with this many channels into blocks of equal size. */
export function chooseTiling(map: MapSize, channels: number, costs = CONVOLUTION): Tiling {
  const { batch, height, width } = map;
  const candidates = [...divisors(height), ...divisors(batch).map((images) => images * height)];
  return candidates
    .map((rows): Tiling => {
      const strip = Math.min(rows, height);
      const tiles = (rows / strip) * tilesAlong(strip) * tilesAlong(width);
      const waste = (tiles * TILE * TILE) / (rows * width);
      const beyond = tiles * PATCH * PATCH * channels > costs.elements ? costs.beyond : 0;
      const cost = waste * (1 + costs.tiles / tiles + beyond);
      return { rows, strip, blocks: (batch * height) / rows, tiles, cost };
    })
    .reduce((best, one) => (one.cost < best.cost ? one : best));
}

/**
 * Which pixels of the maps, padded by one on every side and laid out as rows of channels, make up the patches: [blocks,
 * 36, tiles]. Tiles that extend beyond the padding use its corner for the rest.
 */
export function patchIndices({ height, width }: MapSize, tiling: Tiling): Int32Array {
  const { rows, strip, blocks, tiles } = tiling;
  const indices = new Int32Array(blocks * PATCH * PATCH * tiles);
  let at = 0;
  for (let block = 0; block < blocks; block++) {
    for (let element = 0; element < PATCH * PATCH; element++) {
      for (let first = block * rows; first < (block + 1) * rows; first += strip) {
        const image = Math.floor(first / height);
        for (let y = first % height; y < (first % height) + strip; y += TILE) {
          const row = Math.min(y + Math.floor(element / PATCH), height + 1);
          for (let x = 0; x < width; x += TILE) {
            const column = Math.min(x + (element % PATCH), width + 1);
            indices[at++] = (image * (height + 2) + row) * (width + 2) + column;
          }
        }
      }
    }
  }
  return indices;
}

/** As patchIndices, the tiles themselves: [blocks, 16, tiles]. */
export function tileIndices({ height, width }: MapSize, { rows, strip, blocks, tiles }: Tiling): Int32Array {
  const indices = new Int32Array(blocks * TILE * TILE * tiles); // 0 is the padding's corner
  let at = 0;
  for (let block = 0; block < blocks; block++) {
    for (let element = 0; element < TILE * TILE; element++) {
      for (let first = block * rows; first < (block + 1) * rows; first += strip) {
        const image = Math.floor(first / height);
        for (let y = 0; y < strip; y += TILE) {
          const row = y + Math.floor(element / TILE);
          for (let x = 0; x < width; x += TILE) {
            const column = x + (element % TILE);
            const inside = row < strip && column < width;
            if (inside) {
              indices[at] = (image * (height + 2) + (first % height) + row + 1) * (width + 2) + column + 1;
            }
            at++;
          }
        }
      }
    }
  }
  return indices;
}

/** The indices of a block's pixels [rows, width] among its tiles [16, tiles]. */
export function pixelIndices({ width }: MapSize, { rows, strip, tiles }: Tiling): Int32Array {
  const indices = new Int32Array(rows * width);
  const across = tilesAlong(width);
  for (let row = 0; row < rows; row++) {
    const y = row % strip;
    const tileRow = Math.floor(row / strip) * tilesAlong(strip) + Math.floor(y / TILE);
    for (let x = 0; x < width; x++) {
      const inTile = (y % TILE) * TILE + (x % TILE);
      indices[row * width + x] = inTile * tiles + tileRow * across + Math.floor(x / TILE);
    }
  }
  return indices;
}

function divisors(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i + 1).filter((d) => n % d === 0);
}
