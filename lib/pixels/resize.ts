import type { Image, LabelMap, Size, Window } from "./image.js";
import { bilinearKernel, type Pairs } from "./kernels.js";
import { nearestIndices } from "./nearest.js";

/**
 * "bilinear" samples at half-pixel centres without smoothing (OpenCV's INTER_LINEAR, PyTorch's align_corners = false);
 * the other two widen the filter when shrinking (PIL's BILINEAR and BICUBIC).
 */
export type Interpolation = "bilinear" | "bilinear-antialias" | "bicubic-antialias";

/** For each output index: the first source index and `length` weights, in fixed point with `BITS` fraction bits. */
interface Taps {
  readonly length: number;
  readonly first: Int32Array;
  readonly weights: Int32Array;
}

// 8-bit samples times weights of 22 bits stay below 2^31 even if bicubic weights overshoot.
const BITS = 22;
const ONE = 1 << BITS;
const HALF = 1 << (BITS - 1);

/** Resizes an RGB image. If it already has the size, the same object is returned. */
export function resizeImage(image: Image, size: Size, interpolation: Interpolation = "bilinear"): Image {
  if (size.width === image.width && size.height === image.height) return image;
  if (interpolation === "bilinear") return resizeWindow(image, size, { left: 0, top: 0, ...size });
  return {
    width: size.width,
    height: size.height,
    data: antialiased(reduced.get(image) ?? image, size, interpolation),
  };
}

/** Images and label maps whose pixels have not been computed yet, with the function that computes a window of them. */
const pending = new WeakMap<Image | LabelMap, (window: Window) => Image | LabelMap>();

/**
 * Like `resizeImage`, but computed when its pixels are first read; a window of it can be computed without the rest
 * (`pendingWindow`).
 */
export function resizeImageLater(image: Image, size: Size, interpolation: Interpolation = "bilinear"): Image {
  if (interpolation !== "bilinear" || isOwnSize(image, size)) return resizeImage(image, size, interpolation);
  return later(size, (window) => resizeWindow(image, size, window));
}

/** Like `resizeLabelMap`, but computed when its pixels are first read. */
export function resizeLabelMapLater(map: LabelMap, size: Size): LabelMap {
  if (isOwnSize(map, size)) return map;
  const resized = later(size, (window) => resizeLabelWindow(map, size, window));
  sources.set(resized, map);
  return resized;
}

/** What label maps were resized from. */
const sources = new WeakMap<LabelMap, LabelMap>();

/** The map that `resizeLabelMapLater` made this one from, or the map itself. */
export function sourceOfLabels(map: LabelMap): LabelMap {
  return sources.get(map) ?? map;
}

/** The pixels of images that were decoded at a smaller scale. */
const reduced = new WeakMap<Image, Image>();

/**
 * An image of which only a smaller version was decoded: it has the full size, so that all coordinates stay valid, and
 * is resized from the smaller version. Its own pixels, if they are read, are those of the smaller version enlarged.
 */
export function reducedImage(full: Size, small: Image): Image {
  const image: Image = later(full, (window) => resizeWindow(small, full, window));
  reduced.set(image, small);
  return image;
}

/** The window of an image or map whose pixels have not been computed yet; undefined for any other. */
export function pendingWindow(source: Image | LabelMap, window: Window): Image | LabelMap | undefined {
  return pending.get(source)?.(window);
}

function isOwnSize(own: Size, size: Size): boolean {
  return own.width === size.width && own.height === size.height;
}

function later({ width, height }: Size, compute: (window: Window) => Image | LabelMap): Image | LabelMap {
  let data: Uint8Array | undefined;
  const result = {
    width,
    height,
    get data(): Uint8Array {
      data ??= compute({ left: 0, top: 0, width, height }).data;
      pending.delete(result);
      return data;
    },
  };
  pending.set(result, compute);
  return result;
}

/** The window of the bilinearly resized image, without the rest of it: bit for bit the same as cropping afterwards. */
export function resizeWindow(image: Image, size: Size, window: Window): Image {
  const source = reduced.get(image) ?? image;
  const { left, top, width, height } = window;
  const columns = pairsOf(makePairs(source.width, size.width), left, width);
  const rows = pairsOf(makePairs(source.height, size.height), top, height);
  return { width, height, data: bilinearKernel(source, columns, rows) };
}

/** Nearest neighbour as in OpenCV (`nearestIndices`). */
export function resizeLabelMap(map: LabelMap, size: Size): LabelMap {
  if (size.width === map.width && size.height === map.height) return map;
  return resizeLabelWindow(map, size, { left: 0, top: 0, ...size });
}

function resizeLabelWindow(map: LabelMap, size: Size, { left, top, width, height }: Window): LabelMap {
  const columns = nearestIndices(map.width, size.width).subarray(left, left + width);
  const rows = nearestIndices(map.height, size.height).subarray(top, top + height);
  const source = map.data;
  const data = new Uint8Array(width * height);
  for (let y = 0, o = 0; y < height; y++) {
    if (y > 0 && rows[y] === rows[y - 1]) {
      data.copyWithin(o, o - width, o);
      o += width;
      continue;
    }
    const row = source.subarray(rows[y]! * map.width, (rows[y]! + 1) * map.width);
    for (let x = 0; x < width; x++) data[o + x] = row[columns[x]!]!;
    o += width;
  }
  return { width, height, data };
}

function makePairs(source: number, output: number): Pairs {
  const left = new Int32Array(output);
  const right = new Int32Array(output);
  const weight = new Int32Array(output);
  for (let i = 0; i < output; i++) {
    const centre = Math.min(Math.max(((i + 0.5) * source) / output - 0.5, 0), source - 1);
    left[i] = Math.floor(centre);
    right[i] = Math.min(left[i]! + 1, source - 1);
    weight[i] = Math.round((centre - left[i]!) * 2048);
  }
  return { left, right, weight };
}

function pairsOf({ left, right, weight }: Pairs, from: number, count: number): Pairs {
  const part = (list: Int32Array): Int32Array => list.subarray(from, from + count);
  return { left: part(left), right: part(right), weight: part(weight) };
}

/**
 * The kernel's reference, in plain TypeScript. Each source row is stretched once, when the first output row needs it;
 * 11 bits of weight per pass, one rounding.
 */
export function bilinear(image: Image, size: Size): Uint8Array {
  const columns = makePairs(image.width, size.width);
  const rows = makePairs(image.height, size.height);
  const stride = size.width * 3;
  const out = new Uint8Array(size.height * stride);
  let upper = new Int32Array(stride);
  let lower = new Int32Array(stride);
  let upperRow = -1;
  let lowerRow = -1;
  for (let y = 0, o = 0; y < size.height; y++) {
    if (rows.left[y] === lowerRow) {
      [upper, lower] = [lower, upper];
      [upperRow, lowerRow] = [lowerRow, upperRow];
    }
    if (rows.left[y] !== upperRow) stretchRow(image, (upperRow = rows.left[y]!), columns, upper);
    if (rows.right[y] !== lowerRow) stretchRow(image, (lowerRow = rows.right[y]!), columns, lower);
    const weight = rows.weight[y]!;
    const rest = 2048 - weight;
    for (let i = 0; i < stride; i++) out[o++] = (upper[i]! * rest + lower[i]! * weight + (1 << 21)) >> 22;
  }
  return out;
}

function stretchRow(image: Image, y: number, { left, right, weight }: Pairs, out: Int32Array): void {
  const { data, width } = image;
  const row = y * width;
  for (let x = 0, o = 0; x < left.length; x++, o += 3) {
    const a = (row + left[x]!) * 3;
    const b = (row + right[x]!) * 3;
    const w = weight[x]!;
    const rest = 2048 - w;
    out[o] = data[a]! * rest + data[b]! * w;
    out[o + 1] = data[a + 1]! * rest + data[b + 1]! * w;
    out[o + 2] = data[a + 2]! * rest + data[b + 2]! * w;
  }
}

function antialiased(image: Image, size: Size, interpolation: Interpolation): Uint8Array {
  const [filter, radius] = interpolation === "bicubic-antialias" ? ([cubic, 2] as const) : ([triangle, 1] as const);
  const across = makeTaps(image.width, size.width, radius, filter);
  const down = makeTaps(image.height, size.height, radius, filter);
  return filterRows(image, across, down, size);
}

/**
 * Output i is centred at c = (i + ½) source ÷ output and weights source pixel j by filter((j + ½ − c) ÷ stretch), the
 * stretch being the shrinking factor; weights are normalised.
 */
function makeTaps(source: number, output: number, radius: number, filter: (x: number) => number): Taps {
  const scale = source / output;
  const stretch = Math.max(scale, 1);
  const reach = radius * stretch;
  const length = Math.min(Math.ceil(reach) * 2 + 1, source);
  const first = new Int32Array(output);
  const weights = new Int32Array(output * length);
  const row = new Float64Array(length);
  for (let i = 0; i < output; i++) {
    const centre = (i + 0.5) * scale;
    const start = Math.min(Math.max(Math.floor(centre - reach + 0.5), 0), source - length);
    let sum = 0;
    for (let k = 0; k < length; k++) sum += row[k] = filter((start + k + 0.5 - centre) / stretch);
    first[i] = start;
    for (let k = 0; k < length; k++) weights[i * length + k] = Math.round((row[k]! / sum) * ONE);
  }
  return { length, first, weights };
}

const triangle = (x: number): number => Math.max(0, 1 - Math.abs(x));

/** Keys' cubic convolution with a = −½. */
function cubic(x: number): number {
  const t = Math.abs(x);
  if (t < 1) return 1 + t * t * (1.5 * t - 2.5);
  return t < 2 ? 2 + t * (-4 + t * (2.5 - 0.5 * t)) : 0;
}

/** One pass over the source rows that are needed, then one over the columns; 8 bits between, as PIL does. */
function filterRows(image: Image, across: Taps, down: Taps, size: Size): Uint8Array {
  const firstRow = down.first[0]!;
  const lastRow = down.first[size.height - 1]! + down.length;
  const narrow = new Uint8Array((lastRow - firstRow) * size.width * 3);
  for (let y = firstRow, o = 0; y < lastRow; y++) {
    const row = y * image.width * 3;
    for (let x = 0; x < size.width; x++) {
      let from = row + across.first[x]! * 3;
      let red = HALF;
      let green = HALF;
      let blue = HALF;
      for (let k = x * across.length, end = k + across.length; k < end; k++, from += 3) {
        const weight = across.weights[k]!;
        red += image.data[from]! * weight;
        green += image.data[from + 1]! * weight;
        blue += image.data[from + 2]! * weight;
      }
      narrow[o++] = clampToByte(red >> BITS);
      narrow[o++] = clampToByte(green >> BITS);
      narrow[o++] = clampToByte(blue >> BITS);
    }
  }
  const stride = size.width * 3;
  const out = new Uint8Array(size.height * stride);
  for (let y = 0, o = 0; y < size.height; y++) {
    const top = (down.first[y]! - firstRow) * stride;
    for (let i = 0; i < stride; i++) {
      let sum = HALF;
      for (let k = 0; k < down.length; k++) sum += narrow[top + k * stride + i]! * down.weights[y * down.length + k]!;
      out[o++] = clampToByte(sum >> BITS);
    }
  }
  return out;
}

const clampToByte = (value: number): number => (value < 0 ? 0 : Math.min(value, 255));
