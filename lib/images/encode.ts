import type { Image, LabelMap } from "../pixels/image.js";
import { type CodecName, loadCodec } from "./codecs.js";
import { writeIndexedPng } from "./png.js";

/** How an image is encoded. */
export interface EncodeOptions {
  readonly codec?: CodecName | "auto";
}

/** Writes an image as JPEG. @param options.quality 1–100, default 90 */
export async function encodeJpeg(
  image: Image,
  options: EncodeOptions & { readonly quality?: number } = {},
): Promise<Uint8Array> {
  return (await loadCodec(options.codec)).encodeJpeg(image, options.quality ?? 90);
}

/** 8-bit RGB PNG. */
export async function encodePng(image: Image, options: EncodeOptions = {}): Promise<Uint8Array> {
  return (await loadCodec(options.codec)).encodePng(image);
}

/**
 * A label map as an 8-bit indexed PNG: the pixels stay class indices, viewers show the palette's colours. Indices
 * beyond the palette's end, including 255 (ignored), appear black.
 *
 * @param palette at most 256 colours of 0–255
 */
export function encodeIndexedPng(map: LabelMap, palette: readonly (readonly [number, number, number])[]): Uint8Array {
  if (palette.length > 256) throw new RangeError(`a PNG palette has at most 256 colours, not ${palette.length}`);
  const largest = map.data.reduce((a, b) => Math.max(a, b), 0);
  const black: readonly [number, number, number] = [0, 0, 0];
  const colours = Array.from({ length: Math.max(palette.length, largest + 1) }, (_, i) => palette[i] ?? black);
  return writeIndexedPng(map.width, map.height, map.data, colours);
}
