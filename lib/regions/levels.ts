/** RoIs with sides, in image pixels, below twice this belong to the finest level (FPN, Lin et al. 2017). */
const FINEST_SCALE = 56;

/**
 * The pyramid level of each RoI: floor(log2(√area / 56 + 1e-6)), clamped to the existing levels.
 *
 * @param boxes [n * 4] xyxy, image pixels
 * @returns [n], 0 = the finest
 */
export function roiLevels(boxes: Float32Array, levels: number, finestScale = FINEST_SCALE): Int32Array {
  return Int32Array.from({ length: boxes.length / 4 }, (_, i) => {
    const area = (boxes[4 * i + 2]! - boxes[4 * i]!) * (boxes[4 * i + 3]! - boxes[4 * i + 1]!);
    const level = Math.floor(Math.log2(Math.sqrt(Math.max(area, 0)) / finestScale + 1e-6));
    return Math.min(Math.max(level, 0), levels - 1);
  });
}
