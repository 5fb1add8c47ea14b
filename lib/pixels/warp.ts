import type { AffineMatrix } from "./affine.js";
import { IGNORED_LABEL, type Image, type LabelMap, type Size } from "./image.js";

/** Cosine and sine; exactly 0 and ±1 at right angles, so that those move pixels onto pixels. */
function turn(degrees: number): readonly [cos: number, sin: number] {
  const quarter = degrees / 90;
  if (Number.isInteger(quarter)) {
    const k = ((quarter % 4) + 4) % 4;
    return [[1, 0, -1, 0][k]!, [0, 1, 0, -1][k]!];
  }
  const angle = (degrees * Math.PI) / 180;
  return [Math.cos(angle), Math.sin(angle)];
}

/** About the origin, counter-clockwise on the screen, where y points down. */
export function rotation(degrees: number): AffineMatrix {
  const [cos, sin] = turn(degrees);
  return [cos, sin, 0, -sin, cos, 0];
}

export const translation = (x: number, y: number): AffineMatrix => [1, 0, x, 0, 1, y];

/** The map that does `first` and then `second`. */
export function compose(second: AffineMatrix, first: AffineMatrix): AffineMatrix {
  const [a, b, c, d, e, f] = second;
  const [g, h, i, j, k, l] = first;
  return [a * g + b * j, a * h + b * k, a * i + b * l + c, d * g + e * j, d * h + e * k, d * i + e * l + f];
}

/** The map that moves the middle of one size to that of another. */
export function aboutMiddles(matrix: AffineMatrix, from: Size, to: Size): AffineMatrix {
  const centred = compose(matrix, translation(-from.width / 2, -from.height / 2));
  return compose(translation(to.width / 2, to.height / 2), centred);
}

/** @throws RangeError for a map that has no inverse */
export function inverseOf([a, b, c, d, e, f]: AffineMatrix): AffineMatrix {
  const det = a * e - b * d;
  if (!(Math.abs(det) > 1e-12)) throw new RangeError("an affine map without an inverse");
  return [e / det, -b / det, (b * f - c * e) / det, -d / det, a / det, (c * d - a * f) / det];
}

/** Moves a point. */
export const moved = ([a, b, c, d, e, f]: AffineMatrix, x: number, y: number): readonly [x: number, y: number] => [
  a * x + b * y + c,
  d * x + e * y + f,
];

/** The extent of a map's image of a rectangle x1 y1 x2 y2. */
export function extentOf(
  matrix: AffineMatrix,
  [x1, y1, x2, y2]: readonly [number, number, number, number],
): [number, number, number, number] {
  const corners = [moved(matrix, x1, y1), moved(matrix, x2, y1), moved(matrix, x2, y2), moved(matrix, x1, y2)];
  const [xs, ys] = [corners.map(([x]) => x), corners.map(([, y]) => y)];
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

/**
 * An image seen through an affine map, bilinear between pixel centres (which are at ½, 1½, …; the edge's pixels are repeated for
 * half a pixel). What is outside the source is `fill`.
 *
 * @param inverse from output to source
 */
export function warpImageSmoothly(
  source: Image,
  inverse: AffineMatrix,
  { width, height }: Size,
  fill: readonly [number, number, number],
): Image {
  const data = new Uint8Array(width * height * 3);
  const { width: w, height: h, data: from } = source;
  const within = (value: number, most: number): number => Math.min(Math.max(value, 0), most);
  for (let y = 0, o = 0; y < height; y++) {
    for (let x = 0; x < width; x++, o += 3) {
      const [u, v] = moved(inverse, x + 0.5, y + 0.5);
      if (!(u >= 0 && v >= 0 && u < w && v < h)) {
        for (let k = 0; k < 3; k++) data[o + k] = fill[k]!;
        continue;
      }
      const [left, top] = [Math.floor(u - 0.5), Math.floor(v - 0.5)];
      const [right, below] = [u - 0.5 - left, v - 0.5 - top];
      const [x0, x1] = [within(left, w - 1) * 3, within(left + 1, w - 1) * 3];
      const [y0, y1] = [within(top, h - 1) * w * 3, within(top + 1, h - 1) * w * 3];
      for (let k = 0; k < 3; k++) {
        const upper = from[y0 + x0 + k]! * (1 - right) + from[y0 + x1 + k]! * right;
        const lower = from[y1 + x0 + k]! * (1 - right) + from[y1 + x1 + k]! * right;
        data[o + k] = Math.round(upper * (1 - below) + lower * below);
      }
    }
  }
  return { width, height, data };
}

/** A label map seen through an affine map: each pixel has the label at its centre, 255 outside. */
export function warpLabelMap(source: LabelMap, inverse: AffineMatrix, size: Size): LabelMap {
  const data = new Uint8Array(size.width * size.height).fill(IGNORED_LABEL);
  copyNearest(source, inverse, { ...size, data });
  return { ...size, data };
}

/** One number a pixel. */
interface Plane extends Size {
  readonly data: Uint8Array;
}

/**
 * Copies to `into` what is at the centres of its pixels; what would come from outside stays as it is.
 *
 * @param inverse from output to source @param corner of the output that `into` is a part of; default its own
 */
export function copyNearest(
  source: Plane,
  inverse: AffineMatrix,
  into: Plane,
  { left, top }: { readonly left: number; readonly top: number } = { left: 0, top: 0 },
): void {
  for (let y = 0; y < into.height; y++) {
    for (let x = 0; x < into.width; x++) {
      const [u, v] = moved(inverse, left + x + 0.5, top + y + 0.5);
      if (!(u >= 0 && v >= 0 && u < source.width && v < source.height)) continue;
      into.data[y * into.width + x] = source.data[Math.floor(v) * source.width + Math.floor(u)]!;
    }
  }
}
