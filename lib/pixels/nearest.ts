/**
 * The source index of each output index under nearest-neighbour resizing, as in OpenCV's INTER_NEAREST and therefore
 * MMSegmentation's `resize` of label maps: ⌊i · 1 ÷ (output ÷ source)⌋. Both divisions are kept: where i · source ÷
 * output is a whole number, their rounding decides.
 */
export function nearestIndices(source: number, output: number): Int32Array {
  const step = 1 / (output / source);
  return Int32Array.from({ length: output }, (_, i) => Math.min(Math.floor(i * step), source - 1));
}
