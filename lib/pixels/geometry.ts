import { IGNORED_LABEL, type Image, type LabelMap, type Size, type Window } from "./image.js";
import { flipKernel } from "./kernels.js";
import { pendingWindow } from "./resize.js";

export interface PadOptions {
  readonly width: number;
  readonly height: number;
}

/** Mirrors left and right. */
export function flipImage(image: Image): Image {
  return { width: image.width, height: image.height, data: flipKernel(image) };
}

/** Mirrors left and right. */
export function flipLabelMap({ width, height, data }: LabelMap): LabelMap {
  const out = data.slice();
  for (let y = 0; y < height; y++) out.subarray(y * width, (y + 1) * width).reverse();
  return { width, height, data: out };
}

/** Mirrors top and bottom. */
export function flipImageVertically({ width, height, data }: Image): Image {
  return { width, height, data: reverseRows(data, height, width * 3) };
}

/** Mirrors top and bottom. */
export function flipLabelMapVertically({ width, height, data }: LabelMap): LabelMap {
  return { width, height, data: reverseRows(data, height, width) };
}

function reverseRows(data: Uint8Array, height: number, stride: number): Uint8Array {
  const out = new Uint8Array(data.length);
  for (let y = 0; y < height; y++) out.set(data.subarray(y * stride, (y + 1) * stride), (height - 1 - y) * stride);
  return out;
}

/** @param window must be within the image */
export function cropImage(image: Image, window: Window): Image {
  checkWindow(image, window);
  return (
    pendingWindow(image, window) ?? {
      width: window.width,
      height: window.height,
      data: cropRows(image, window, 3),
    }
  );
}

/** @param window must be within the map */
export function cropLabelMap(map: LabelMap, window: Window): LabelMap {
  checkWindow(map, window);
  return pendingWindow(map, window) ?? { width: window.width, height: window.height, data: cropRows(map, window, 1) };
}

/**
 * Whole pixels that hold a box, within the image; one at least.
 *
 * @param box x y width height in pixels
 * @param margin on each side, as a share of the box's side
 */
export function windowOfBox(
  [x, y, width, height]: readonly [number, number, number, number],
  image: Size,
  margin = 0,
): Window {
  const [left, right] = span(x, width, margin, image.width);
  const [top, bottom] = span(y, height, margin, image.height);
  return { left, top, width: right - left, height: bottom - top };
}

/** Sums of fractions miss whole numbers slightly, which must not count as a pixel. */
const ROUNDING = 1e-4;

function span(start: number, length: number, margin: number, most: number): [number, number] {
  const low = Math.floor(start - margin * length + ROUNDING);
  const high = Math.ceil(start + (1 + margin) * length - ROUNDING);
  const first = Math.min(Math.max(low, 0), most - 1);
  return [first, Math.max(Math.min(high, most), first + 1)];
}

/** Grows to the right and below with one colour; never shrinks. */
export function padImage(image: Image, size: PadOptions, fill: readonly [number, number, number]): Image {
  const width = Math.max(size.width, image.width);
  const height = Math.max(size.height, image.height);
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < data.length; i++) data[i] = fill[i % 3]!;
  copyRows(image, data, width, 3);
  return { width, height, data };
}

/** Grows to the right and below with 255, "ignored", or another value; never shrinks. */
export function padLabelMap(map: LabelMap, size: PadOptions, fill = IGNORED_LABEL): LabelMap {
  const width = Math.max(size.width, map.width);
  const height = Math.max(size.height, map.height);
  const data = new Uint8Array(width * height).fill(fill);
  copyRows(map, data, width, 1);
  return { width, height, data };
}

function checkWindow(source: Image | LabelMap, { left, top, width, height }: Window): void {
  if (left >= 0 && top >= 0 && left + width <= source.width && top + height <= source.height) return;
  throw new RangeError(`window ${left},${top} ${width}×${height} leaves the ${source.width}×${source.height} image`);
}

function cropRows(source: Image | LabelMap, window: Window, channels: number): Uint8Array {
  const { left, top, width, height } = window;
  const out = new Uint8Array(width * height * channels);
  for (let y = 0; y < height; y++) {
    const from = ((top + y) * source.width + left) * channels;
    out.set(source.data.subarray(from, from + width * channels), y * width * channels);
  }
  return out;
}

function copyRows(source: Image | LabelMap, out: Uint8Array, outWidth: number, channels: number): void {
  const stride = source.width * channels;
  for (let y = 0; y < source.height; y++) {
    out.set(source.data.subarray(y * stride, (y + 1) * stride), y * outWidth * channels);
  }
}
