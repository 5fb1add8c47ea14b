import type { Picture } from "../picture.js";
import type { Colour } from "./palette.js";

/** A mask as column-major runs, the first one of zeros (COCO's run-length code). */
export interface RunMask {
  readonly height: number;
  readonly width: number;
  readonly counts: Uint32Array;
}

/** Row-major 0/1 pixels of a run mask. */
export function pixelsOfRuns({ height, width, counts }: RunMask): Uint8Array {
  const pixels = new Uint8Array(width * height);
  let position = 0;
  for (let i = 0; i < counts.length; i++) {
    const end = position + counts[i]!;
    if (i % 2 === 1) {
      for (let p = position; p < end; p++) pixels[(p % height) * width + Math.floor(p / height)] = 1;
    }
    position = end;
  }
  return pixels;
}

/**
 * Tints the mask's pixels and draws its edge, in place.
 *
 * @param options.opacity 0–1 of the fill
 * @param options.edge thickness of the outline in pixels, inside the mask
 */
export function tintMask(
  picture: Picture,
  mask: Uint8Array,
  colour: Colour,
  options: { readonly opacity: number; readonly edge: number },
): void {
  const { width, height, data } = picture;
  const { opacity, edge } = options;
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (mask[i] === 0) continue;
      const share = nearEdge(mask, x, y, width, height, edge) ? 0.95 : opacity;
      for (let c = 0; c < 3; c++) data[i * 3 + c] = data[i * 3 + c]! * (1 - share) + colour[c]! * share;
    }
  }
}

/** Whether a pixel outside the mask lies within `reach` steps left, right, up or down; the picture's rim is no edge. */
function nearEdge(mask: Uint8Array, x: number, y: number, width: number, height: number, reach: number): boolean {
  const i = y * width + x;
  for (let d = 1; d <= reach; d++) {
    if (x >= d && mask[i - d] === 0) return true;
    if (x + d < width && mask[i + d] === 0) return true;
    if (y >= d && mask[i - d * width] === 0) return true;
    if (y + d < height && mask[i + d * width] === 0) return true;
  }
  return false;
}
