import { crc32, inflateSync } from "node:zlib";
import { encode } from "fast-png";
import type { Image } from "../pixels/image.js";
import { checkSize, RefusedImage } from "./limits.js";
import { type PngLayout, samplesOf, storedBytes } from "./pngRows.js";

/** A PNG's samples as stored: no palette applied, 1, 2 and 4-bit samples unpacked to one per byte. */
export interface RawPng {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  /** 1 grey or palette index, 2 grey and alpha, 3 RGB, 4 RGBA. */
  readonly channels: number;
  readonly data: Uint8Array | Uint16Array;
  readonly palette?: readonly (readonly number[])[];
}

export function isPng(bytes: Uint8Array): boolean {
  return bytes[0] === 0x89 && bytes[1] === 0x50 && bytes[2] === 0x4e && bytes[3] === 0x47;
}

const SIGNATURE_BYTES = 8;
/** By colour type. */
const CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
const DEPTHS = [1, 2, 4, 8, 16];
/** Some writers leave a little more than the rows in the data; the rest is dropped. */
const SPARE_BYTES = 1 << 16;

/**
 * Other chunks, such as compressed texts and profiles, are not read.
 *
 * @param bytesPerPixel at least this many count against the limit, for what the samples will become
 * @throws Error when the file is damaged
 * @throws RefusedImage when it has more pixels than are allowed, or its data unpacks to more than these take
 */
export function readPng(bytes: Uint8Array, bytesPerPixel = 1): RawPng {
  let layout: PngLayout | undefined;
  let palette: number[][] | undefined;
  const parts: Uint8Array[] = [];
  for (const [type, content] of chunksOf(bytes)) {
    if (type === "IHDR") layout = layoutOf(content);
    else if (type === "PLTE") palette = coloursOf(content);
    else if (type === "IDAT") parts.push(content);
  }
  if (layout === undefined) throw new Error("there is no header");
  const { width, height, depth, channels } = layout;
  checkSize(layout, bytes.length, Math.max(bytesPerPixel, Math.max(1, depth / 8) * channels));
  const data = samplesOf(inflate(parts, layout), layout);
  return { width, height, depth, channels, data, ...(palette === undefined ? {} : { palette }) };
}

function* chunksOf(bytes: Uint8Array): Generator<readonly [type: string, content: Uint8Array]> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = SIGNATURE_BYTES; at + 12 <= bytes.length; ) {
    const end = at + 12 + view.getUint32(at);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (end > bytes.length) break;
    if (crc32(bytes.subarray(at + 4, end - 4)) !== view.getUint32(end - 4)) throw new Error(`damaged chunk ${type}`);
    if (type === "IEND") return;
    yield [type, bytes.subarray(at + 8, end - 4)];
    at = end;
  }
  throw new Error("the end is missing");
}

function layoutOf(content: Uint8Array): PngLayout {
  if (content.length !== 13) throw new Error(`a header of ${content.length} bytes`);
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const [depth, colour, compression, filter, interlacing] = content.subarray(8) as unknown as number[];
  const channels = CHANNELS[colour!];
  if (channels === undefined || !DEPTHS.includes(depth!)) throw new Error(`colour type ${colour} of ${depth} bits`);
  if (compression !== 0 || filter !== 0 || interlacing! > 1)
    throw new Error("a compression or filter that is not known");
  const size = { width: view.getUint32(0), height: view.getUint32(4) };
  return { ...size, depth: depth!, channels, interlaced: interlacing === 1 };
}

function coloursOf(content: Uint8Array): number[][] {
  return Array.from({ length: Math.floor(content.length / 3) }, (_, i) => [...content.subarray(3 * i, 3 * i + 3)]);
}

function inflate(parts: readonly Uint8Array[], layout: PngLayout): Uint8Array {
  const needed = storedBytes(layout);
  const most = needed + SPARE_BYTES;
  let stored: Uint8Array;
  try {
    stored = inflateSync(Buffer.concat(parts), { maxOutputLength: most, chunkSize: most + 1 });
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE")) throw error;
    const { width, height } = layout;
    throw new RefusedImage(
      `its data decompresses to more than the ${needed} bytes that its ${width} × ${height} pixels take`,
    );
  }
  if (stored.length < needed) throw new Error(`${stored.length} of ${needed} bytes of pixels`);
  return stored.subarray(0, needed);
}

/** Writes palette indices as an 8-bit indexed PNG (colour type 3), so that viewers show the palette's colours. */
export function writeIndexedPng(
  width: number,
  height: number,
  indices: Uint8Array,
  palette: readonly (readonly [number, number, number])[],
): Uint8Array {
  return encode(
    { width, height, data: indices, depth: 8, channels: 1, palette: palette.map((colour) => [...colour]) },
    { zlib: { level: 6 } },
  );
}

export function writeRgbPng(image: Image): Uint8Array {
  return encode({ ...image, depth: 8, channels: 3 }, { zlib: { level: 6 } });
}

/** RGB of any kind of PNG: grey repeated, palette applied, alpha dropped, the high byte of 16 bits. */
export function rgbOfPng(png: RawPng): Image {
  const { width, height, channels, palette, depth } = png;
  const pixels = width * height;
  const rgb = new Uint8Array(pixels * 3);
  const eight = depth === 8 || palette !== undefined ? png.data : png.data.map(depth === 16 ? high : scaleUp(depth));
  for (let i = 0; i < pixels; i++) {
    const colour = palette?.[eight[i]!];
    for (let c = 0; c < 3; c++) {
      rgb[i * 3 + c] = palette !== undefined ? (colour?.[c] ?? 0) : eight[i * channels + (channels < 3 ? 0 : c)]!;
    }
  }
  return { width, height, data: rgb };
}

const high = (sample: number): number => sample >> 8;

function scaleUp(depth: number): (sample: number) => number {
  return (sample) => (sample * 255) / ((1 << depth) - 1);
}
