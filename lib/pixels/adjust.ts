// Colour changes as torchvision defines them on 8-bit images: computed in floating point, clipped to 0–255, the
// fraction dropped.

import { changeHsv, scaleValues, throughTable } from "./colour.js";
import type { Image } from "./image.js";

/** Factor on all values: 0 is black, 1 the image. */
export function adjustBrightness(image: Image, factor: number): Image {
  return scaleValues(image, factor, 0);
}

/** Away from the mean grey of the image, by a factor: 0 is one grey, 1 the image. */
export function adjustContrast(image: Image, factor: number): Image {
  const { data } = image;
  let sum = 0;
  for (let i = 0; i < data.length; i += 3) sum += Math.floor(greyOf(data, i));
  const mean = sum / (data.length / 3);
  return scaleValues(image, factor, mean * (1 - factor));
}

/** Away from each pixel's own grey, by a factor: 0 is a grey image, 1 the image. */
export function adjustSaturation(image: Image, factor: number): Image {
  const { data } = image;
  const out = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i += 3) {
    const offset = Math.floor(greyOf(data, i)) * (1 - factor);
    for (let c = i; c < i + 3; c++) out[c] = cut(data[c]! * factor + offset);
  }
  return { ...image, data: out };
}

/** @param turn of the hue, in shares of the circle: −½ … ½ */
export function adjustHue(image: Image, turn: number): Image {
  return changeHsv(image, { hue: turn * 360 });
}

/** Away from a 3 × 3 blur (5 in the middle, 1 around, of 13), by a factor; the outermost pixels stay unchanged. */
export function adjustSharpness(image: Image, factor: number): Image {
  const { width, height, data } = image;
  const out = data.slice();
  const stride = width * 3;
  for (let y = 1; y < height - 1; y++) {
    for (let i = y * stride + 3, end = (y + 1) * stride - 3; i < end; i++) {
      const above = data[i - stride - 3]! + data[i - stride]! + data[i - stride + 3]!;
      const below = data[i + stride - 3]! + data[i + stride]! + data[i + stride + 3]!;
      const blurred = Math.round((above + below + data[i - 3]! + data[i + 3]! + 5 * data[i]!) / 13);
      out[i] = cut(data[i]! * factor + blurred * (1 - factor));
    }
  }
  return { ...image, data: out };
}

/** Keeps the `bits` highest bits of each value. */
export function posterise(image: Image, bits: number): Image {
  return throughTable(
    image,
    tableOf((value) => value & (0xff << (8 - bits))),
  );
}

/** Inverts the values from a threshold of 0–255 on. */
export function solarise(image: Image, threshold: number): Image {
  return throughTable(
    image,
    tableOf((value) => (value >= threshold ? 255 - value : value)),
  );
}

/** Stretches each channel to 0–255; a channel with a single value stays unchanged. */
export function autoContrast(image: Image): Image {
  return eachChannel(image, (counts) => {
    const low = counts.findIndex((count) => count > 0);
    const high = counts.findLastIndex((count) => count > 0);
    return (value) => (high === low ? value : cut((value - low) / ((high - low) / 255)));
  });
}

/** Equalises each channel's histogram, by PIL's rule; a channel whose step would be 0 stays unchanged. */
export function equalise(image: Image): Image {
  return eachChannel(image, (counts) => {
    const last = counts.findLastIndex((count) => count > 0);
    const step = Math.floor((counts.reduce((a, b) => a + b, 0) - counts[last]!) / 255);
    if (step === 0) return (value) => value;
    const below = new Float64Array(256);
    for (let value = 1; value < 256; value++) below[value] = below[value - 1]! + counts[value - 1]!;
    return (value) => cut(Math.floor((below[value]! + Math.floor(step / 2)) / step));
  });
}

/** ITU-R 601-2 luma, unrounded. */
function greyOf(data: Uint8Array, i: number): number {
  return 0.2989 * data[i]! + 0.587 * data[i + 1]! + 0.114 * data[i + 2]!;
}

function tableOf(change: (value: number) => number): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, value) => change(value));
}

function eachChannel(image: Image, change: (counts: Float64Array) => (value: number) => number): Image {
  const { data } = image;
  const out = new Uint8Array(data.length);
  for (let c = 0; c < 3; c++) {
    const counts = new Float64Array(256);
    for (let i = c; i < data.length; i += 3) counts[data[i]!]!++;
    const table = tableOf(change(counts));
    for (let i = c; i < data.length; i += 3) out[i] = table[data[i]!]!;
  }
  return { ...image, data: out };
}

const cut = (value: number): number => (value < 0 ? 0 : value > 255 ? 255 : Math.trunc(value));
