import { crc32, inflateSync } from "node:zlib";
import type { LabelMap } from "./picture.js";

const SIGNATURE_BYTES = 8;
const GREY = 0;
const INDEXED = 3;

/**
 * The samples of an 8-bit grey or indexed PNG without interlacing, as label maps mostly are: three times as fast as the
 * general decoder, for Node inflates natively. Undefined for any other PNG and for one with any fault, for the general
 * decoder to read or to find the words.
 */
export function readPlainPng(bytes: Uint8Array): LabelMap | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: Uint8Array[] = [];
  let header: { readonly width: number; readonly height: number } | undefined;
  for (let at = SIGNATURE_BYTES; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at);
    const end = at + 12 + length;
    if (end > bytes.length || crc32(bytes.subarray(at + 4, end - 4)) !== view.getUint32(end - 4)) return undefined;
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (type === "IHDR") {
      const [depth, colour, , , interlaced] = bytes.subarray(at + 16, at + 21);
      if (depth !== 8 || (colour !== GREY && colour !== INDEXED) || interlaced !== 0) return undefined;
      header = { width: view.getUint32(at + 8), height: view.getUint32(at + 12) };
    }
    if (type === "IDAT") parts.push(bytes.subarray(at + 8, end - 4));
    if (type === "IEND") return header && unfilter(inflate(parts, header), header);
    at = end;
  }
  return undefined;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

function inflate(parts: readonly Uint8Array[], { width, height }: Size): Uint8Array | undefined {
  const length = (width + 1) * height;
  try {
    const rows = inflateSync(Buffer.concat(parts), { maxOutputLength: length + 1 });
    return rows.length === length ? rows : undefined;
  } catch {
    return undefined;
  }
}

/** A row as stored, the finished row above it, and where it goes. */
type Filter = (row: Uint8Array, above: Uint8Array, out: Uint8Array) => void;

const FILTERS: readonly Filter[] = [
  (row, _, out) => out.set(row),
  (row, _, out) => {
    for (let x = 0, left = 0; x < out.length; x++) out[x] = left = (row[x]! + left) & 255;
  },
  (row, above, out) => {
    for (let x = 0; x < out.length; x++) out[x] = row[x]! + above[x]!;
  },
  (row, above, out) => {
    for (let x = 0, left = 0; x < out.length; x++) out[x] = left = (row[x]! + ((left + above[x]!) >> 1)) & 255;
  },
  (row, above, out) => {
    for (let x = 0, left = 0, corner = 0; x < out.length; x++) {
      const up = above[x]!;
      const a = Math.abs(up - corner);
      const b = Math.abs(left - corner);
      const c = Math.abs(left + up - 2 * corner);
      out[x] = left = (row[x]! + (a <= b && a <= c ? left : b <= c ? up : corner)) & 255;
      corner = up;
    }
  },
];

/** Each row begins with the number of its filter: none, left, above, their mean, Paeth's choice. */
function unfilter(stored: Uint8Array | undefined, { width, height }: Size): LabelMap | undefined {
  if (stored === undefined) return undefined;
  const data = new Uint8Array(width * height);
  let above: Uint8Array = new Uint8Array(width);
  for (let y = 0, from = 0; y < height; y++, from += width + 1) {
    const filter = FILTERS[stored[from]!];
    if (filter === undefined) return undefined;
    const out = data.subarray(y * width, (y + 1) * width);
    filter(stored.subarray(from + 1, from + 1 + width), above, out);
    above = out;
  }
  return { width, height, data };
}
