import {
  type AttributesOf,
  add,
  constant,
  gather,
  matMul,
  type Node,
  reshape,
  type Value,
} from "../../../graph/index.js";
import { inputTransform, kernelTransform, outputTransform, PATCH, TILE } from "./matrices.js";
import { chooseTiling, type MapSize, patchIndices, SUM, type Tiling, tileIndices, WORTHWHILE } from "./tiling.js";

/**
 * The cost of gathering and transforming per pixel and channel, in multiplications of a plain convolution; measured.
 */
const TRANSFORM_COST = 150;

/**
 * The gradient of a 3 × 3 kernel by minimal filtering: that of y = Aᵀ[(G w Gᵀ) ⊙ (Bᵀ x B)]A with respect to w is
 * Gᵀ[Σ (A g Aᵀ) ⊙ (Bᵀ x B)]G, the sum being over tiles: a matrix product for each of the 36 elements.
 *
 * @param pixelsOf the map as rows of channels [B · (H + 2) · (W + 2), C], padded by one
 * @returns [O, C, 3, 3], or undefined if the plain computation is cheaper
 */
export function filteredWeightGradient(
  { inputs }: Node<AttributesOf<"conv2dWeightGradient">>,
  pixelsOf: (map: Value) => Value,
): Value | undefined {
  const [x, g] = inputs as [Value, Value];
  const [batch, out, height, width] = g.shape as [number, number, number, number];
  const channels = x.shape[1]!;
  const map = { batch, height, width };
  const tiling = chooseTiling(map, channels + out, SUM);
  const products = (PATCH / TILE) ** 2 * channels * out;
  const cost = tiling.cost * (products + TRANSFORM_COST * (channels + out));
  if (cost > WORTHWHILE * 9 * channels * out) return undefined;
  const sums = blockSums(pixelsOf(x), pixelsOf(g), map, tiling).reduce((total, block) => add(total, block));
  const rows = reshape(sums, [PATCH ** 2, out * channels]);
  const taps = matMul(rows, constant(kernelTransform, [PATCH ** 2, 9]), { transposeA: true });
  return reshape(taps, [out, channels, 3, 3]);
}

/** Σ (A g Aᵀ)ᵀ (Bᵀ x B) over each block's tiles: [36, O, C]. */
function blockSums(x: Value, g: Value, map: MapSize, tiling: Tiling): Value[] {
  const { blocks, tiles } = tiling;
  const patches = patchIndices(map, tiling);
  const places = tileIndices(map, tiling);
  const toFactors = constant(inputTransform, [PATCH ** 2, PATCH ** 2]);
  const toTiles = constant(outputTransform, [TILE ** 2, PATCH ** 2]);
  return Array.from({ length: blocks }, (_, block) => {
    const of = (indices: Int32Array, pixels: Value, matrix: Value, transposeA: boolean): Value => {
      const size = indices.length / blocks;
      const channels = pixels.shape[1]!;
      const chosen = gather(pixels, constant(indices.slice(block * size, (block + 1) * size), [size]), 0);
      const spread = reshape(chosen, [size / tiles, tiles * channels]);
      return reshape(matMul(matrix, spread, { transposeA }), [PATCH ** 2, tiles, channels]);
    };
    return matMul(of(places, g, toTiles, true), of(patches, x, toFactors, false), { transposeA: true });
  });
}
