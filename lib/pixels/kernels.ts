import { FIRST_BLOCK, loadKernels, reserve, type WasmMemory } from "../kernels/load.js";
import type { Image, Size } from "./image.js";

/**
 * Images go through the kernels' memory in bands of about this many bytes, which stay in the processor's second-level
 * cache: copying in and out then costs little, and the memory stays small for any image.
 */
const BAND = 1 << 19;
const SLACK = 64; // bytes past a block that kernels may touch

let loaded: ReturnType<typeof load> | undefined;

function load() {
  const { kernels, memory } = loadKernels("images");
  return { ...kernels, memory };
}

/** Addresses of blocks of these sizes in bytes, one after the other. */
function allocate(memory: WasmMemory, sizes: readonly number[]): number[] {
  let next = FIRST_BLOCK;
  const addresses = sizes.map((bytes) => {
    const address = next;
    next += (bytes + SLACK + 15) & ~15;
    return address;
  });
  reserve(memory, next);
  return addresses;
}

/** Ranges of output rows [from, to) that fit into a band; at least one row each. */
function* bands(height: number, bytesPerRow: number): Generator<readonly [from: number, to: number]> {
  const step = Math.max(1, Math.floor(BAND / bytesPerRow));
  for (let from = 0; from < height; from += step) yield [from, Math.min(height, from + step)];
}

/** Two taps per output index: left, right = left + 1 within the image, and the right one's weight out of 2048. */
export interface Pairs {
  readonly left: Int32Array;
  readonly right: Int32Array;
  readonly weight: Int32Array;
}

/** The pixels at the pairs of rows and columns, bit for bit as `bilinear` in resize.ts, about seven times as fast. */
export function bilinearKernel(image: Image, columns: Pairs, rows: Pairs): Uint8Array {
  const { bilinear, memory } = (loaded ??= load());
  const size: Size = { width: columns.left.length, height: rows.left.length };
  const [from, to] = [image.width * 3, size.width * 3];
  const out = new Uint8Array(size.height * to);
  const columnTable = tableOf(columns, 3, (i) => ((columns.weight[i]! << 16) | (2048 - columns.weight[i]!)) >>> 0);
  const rowTable = tableOf(rows, 1, (i) => rows.weight[i]!);
  for (const [start, end] of bands(size.height, (from * image.height) / size.height + to)) {
    const firstRow = rows.left[start]!;
    const lastRow = rows.right[end - 1]!;
    const sizes = [(lastRow - firstRow + 1) * from, columnTable.length * 4, (end - start) * 12, (end - start) * to];
    const [source, columnsAt, rowsAt, outAt, upper, lower] = allocate(memory, [...sizes, to * 4, to * 4]) as Six;
    const bytes = new Uint8Array(memory.buffer);
    bytes.set(image.data.subarray(firstRow * from, (lastRow + 1) * from), source);
    new Int32Array(memory.buffer, columnsAt).set(columnTable);
    new Int32Array(memory.buffer, rowsAt).set(rowTable.subarray(start * 3, end * 3));
    bilinear(source - firstRow * from, from, columnsAt, size.width, rowsAt, end - start, outAt, upper, lower);
    out.set(bytes.subarray(outAt, outAt + (end - start) * to), start * to);
  }
  return out;
}

type Six = [number, number, number, number, number, number];

function tableOf({ left, right }: Pairs, unit: number, last: (i: number) => number): Int32Array {
  const table = new Int32Array(left.length * 3);
  for (let i = 0; i < left.length; i++) {
    table[i * 3] = left[i]! * unit;
    table[i * 3 + 1] = right[i]! * unit;
    table[i * 3 + 2] = last(i);
  }
  return table;
}

/** Mirrored left and right. */
export function flipKernel({ width, height, data }: Image): Uint8Array {
  const { flip, memory } = (loaded ??= load());
  const out = new Uint8Array(data.length);
  const stride = width * 3;
  for (const [start, end] of bands(height, 2 * stride)) {
    const length = (end - start) * stride;
    const [source, target] = allocate(memory, [length, length]) as [number, number];
    const bytes = new Uint8Array(memory.buffer);
    bytes.set(data.subarray(start * stride, end * stride), source);
    flip(source, width, end - start, target);
    out.set(bytes.subarray(target, target + length), start * stride);
  }
  return out;
}

/** Every value through a table of 256. */
export function lookUpKernel(data: Uint8Array, table: Uint8Array): Uint8Array {
  const { lookUp, memory } = (loaded ??= load());
  return inBands(data, table, (address, length, tableAt) => lookUp(address, length, tableAt), memory);
}

/** Every byte through a table of 256, as a label; undefined where one used is negative. */
export function labelsKernel(data: Uint8Array, table: Int16Array): Uint8Array | undefined {
  const { labels, memory } = (loaded ??= load());
  let signs = 0;
  const change = (address: number, length: number, tableAt: number) => {
    signs |= labels(address, length, tableAt)!;
  };
  const out = inBands(data, new Uint8Array(table.buffer, table.byteOffset, table.byteLength), change, memory);
  return signs < 0 ? undefined : out;
}

/**
 * The pixels of a PNG's filtered rows, one byte per pixel; undefined if a row names a filter that does not exist.
 *
 * @param stored [height, 1 + width], each row's filter first
 */
export function unfilterKernel(stored: Uint8Array, { width, height }: Size): Uint8Array | undefined {
  const { unfilter, memory } = (loaded ??= load());
  const out = new Uint8Array(width * height);
  let above = new Uint8Array(width);
  for (const [start, end] of bands(height, 2 * width + 1)) {
    const sizes = [width, (end - start) * (width + 1), (end - start) * width];
    const [aboveAt, storedAt, outAt] = allocate(memory, sizes) as [number, number, number];
    const bytes = new Uint8Array(memory.buffer);
    bytes.set(above, aboveAt);
    bytes.set(stored.subarray(start * (width + 1), end * (width + 1)), storedAt);
    if (unfilter(storedAt, width, end - start, aboveAt, outAt) === 0) return undefined;
    out.set(bytes.subarray(outAt, outAt + (end - start) * width), start * width);
    above = out.subarray((end - 1) * width, end * width);
  }
  return out;
}

/** Saturation and hue of RGB pixels, in single precision. @param turn 0–6 sixths of the circle */
export function hsvKernel(data: Uint8Array, gain: number, turn: number): Uint8Array {
  const { hsv, memory } = (loaded ??= load());
  const change = (address: number, length: number) => hsv(address, Math.ceil(length / 12) * 4, gain, turn);
  return inBands(data, new Uint8Array(0), change, memory);
}

/** Runs a kernel on the bytes, in place, band by band; a band has whole groups of four pixels. */
function inBands(
  data: Uint8Array,
  table: Uint8Array,
  change: (address: number, length: number, table: number) => void,
  memory: WasmMemory,
): Uint8Array {
  const out = new Uint8Array(data.length);
  const group = 12;
  for (const [start, end] of bands(Math.ceil(data.length / group), group)) {
    const part = data.subarray(start * group, end * group);
    const [tableAt, address] = allocate(memory, [table.length, part.length]) as [number, number];
    const bytes = new Uint8Array(memory.buffer);
    bytes.set(table, tableAt);
    bytes.set(part, address);
    change(address, part.length, tableAt);
    out.set(bytes.subarray(address, address + part.length), start * group);
  }
  return out;
}

/**
 * The image's rows through a table, into the top of [3, paddedHeight, paddedWidth] at `offset`, the right filled with 0.
 *
 * @param tables [3, 256]
 */
export function normaliseKernel(
  { width, height, data }: Image,
  tables: Float32Array,
  target: Float32Array,
  { offset, plane, paddedWidth }: { readonly offset: number; readonly plane: number; readonly paddedWidth: number },
): void {
  const { normalise, memory } = (loaded ??= load());
  const stride = width * 3;
  for (const [start, end] of bands(height, stride + paddedWidth * 12)) {
    const [rows, count] = [end - start, (end - start) * paddedWidth];
    const sizes = [tables.length * 4, rows * stride, count * 12];
    const [tablesAt, source, out] = allocate(memory, sizes) as [number, number, number];
    new Float32Array(memory.buffer, tablesAt).set(tables);
    new Uint8Array(memory.buffer).set(data.subarray(start * stride, end * stride), source);
    normalise(source, width, rows, tablesAt, out, paddedWidth);
    const planes = new Float32Array(memory.buffer, out, 3 * count);
    for (let c = 0; c < 3; c++) {
      target.set(planes.subarray(c * count, (c + 1) * count), offset + c * plane + start * paddedWidth);
    }
  }
}
