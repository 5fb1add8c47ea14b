import type { Image } from "../../pixels/image.js";
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

interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** The box around all pixels of a run mask. */
export function boxOfRuns({ height, width, counts }: RunMask): Box {
  let box: Box = { left: width, top: height, right: 0, bottom: 0 };
  for (let i = 1, start = counts[0] ?? 0; i < counts.length; i += 2) {
    const end = start + counts[i]!;
    if (end > start) {
      const [first, last] = [Math.floor(start / height), Math.floor((end - 1) / height)];
      const isOneColumn = first === last;
      box = {
        left: Math.min(box.left, first),
        right: Math.max(box.right, last + 1),
        top: isOneColumn ? Math.min(box.top, start - first * height) : 0,
        bottom: isOneColumn ? Math.max(box.bottom, end - first * height) : height,
      };
    }
    start = end + (counts[i + 1] ?? 0);
  }
  return box;
}

/**
 * Tints the mask's pixels and draws its edge, in place.
 *
 * @param options.within a box about the mask; default the image
 * @param options.opacity 0–1 of the fill
 * @param options.edge thickness of the outline in pixels, inside the mask
 */
export function tintMask(
  image: Image,
  mask: Uint8Array,
  colour: Colour,
  options: { readonly opacity: number; readonly edge: number; readonly within?: Box },
): void {
  const { width, height, data } = image;
  const { opacity, edge, within } = options;
  const { left, top, right, bottom } = within ?? { left: 0, top: 0, right: width, bottom: height };
  for (let y = top; y < bottom; y++) {
    for (let x = left, i = y * width + left; x < right; x++, i++) {
      if (mask[i] === 0) continue;
      const share = nearEdge(mask, x, y, width, height, edge) ? 0.95 : opacity;
      for (let c = 0; c < 3; c++) data[i * 3 + c] = data[i * 3 + c]! * (1 - share) + colour[c]! * share;
    }
  }
}

/**
 * Whether a pixel outside the mask is within `reach` steps left, right, up or down; the image's border is not an edge.
 */
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
