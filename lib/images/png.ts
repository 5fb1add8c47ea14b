import { type DecodedPng, decode, encode } from "fast-png";
import type { Picture } from "./picture.js";

/** A PNG's samples as stored: no palette applied, 1, 2 and 4-bit samples unpacked to one a byte. */
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

/** @throws Error with the decoder's words when the file is damaged */
export function readPng(bytes: Uint8Array): RawPng {
  const png = decode(bytes, { checkCrc: true });
  const { width, height, depth, channels, palette } = png;
  const data = depth < 8 ? unpack(png) : asIntegers(png.data);
  const expected = width * height * channels;
  if (data.length !== expected) throw new Error(`${data.length} of ${expected} samples`);
  return { width, height, depth, channels, data, ...(palette === undefined ? {} : { palette }) };
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

export function writeRgbPng(picture: Picture): Uint8Array {
  return encode({ ...picture, depth: 8, channels: 3 }, { zlib: { level: 6 } });
}

/** RGB of any kind of PNG: grey repeated, palette applied, alpha dropped, the high byte of 16 bits. */
export function rgbOfPng(png: RawPng): Picture {
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

function asIntegers(data: DecodedPng["data"]): Uint8Array | Uint16Array {
  return data instanceof Uint8ClampedArray ? new Uint8Array(data.buffer, data.byteOffset, data.length) : data;
}

function unpack(png: DecodedPng): Uint8Array {
  const { width, height, depth, data } = png;
  const rowBytes = Math.ceil((width * depth) / 8); // every row starts on a whole byte
  const mask = (1 << depth) - 1;
  const samples = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const bit = x * depth;
      samples[y * width + x] = (data[y * rowBytes + (bit >> 3)]! >> (8 - depth - (bit & 7))) & mask;
    }
  }
  return samples;
}
