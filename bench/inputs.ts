// The fixed images, objects and label maps of the benchmarks; bench/peers/inputs.py makes the same ones.

import { crc32 } from "node:zlib";
import { integers, uniform } from "../tools/prng.js";

export const IGNORED = 255;

/** Side lengths of an image's objects, in turn, if its shorter side is 512. */
const SIDES = [20, 32, 48, 72, 104, 152, 224, 336] as const;
const CELL = 16;

export type Size = readonly [height: number, width: number];

export interface BenchObjects {
  /** [n*4] xyxy, image pixels. */
  readonly boxes: Float32Array;
  /** [n], from 0. */
  readonly labels: Int32Array;
  /** n masks [H*W], row-major, 0 or 1. */
  readonly masks: readonly Uint8Array[];
}

/** [B, 3, H, W] in −2 … 2: images after normalisation. */
export function normalisedImages(batch: number, [height, width]: Size): Float32Array {
  return uniform("bench:images", batch * 3 * height * width, -2, 2);
}

/** [B, C, H/stride, W/stride]: the gradient of the loss with respect to the output of backbone stage 0 … 3. */
export function outputGradient(stage: number, batch: number, channels: number, [height, width]: Size): Float32Array {
  const stride = 4 << stage;
  return uniform(`bench:gradient:${stage}`, batch * channels * (height / stride) * (width / stride), -1, 1);
}

/** Ellipses from 20 to 336 pixels in an image of 512, aspect ratios 0.6 to 1.6. */
export function objects(
  image: number,
  [height, width]: Size,
  { classes, count }: { readonly classes: number; readonly count: number },
): BenchObjects {
  const key = `bench:objects:${image}`;
  const aspects = uniform(`${key}:aspect`, count, 0.6, 1.6);
  const xs = uniform(`${key}:x`, count, 0, 1);
  const ys = uniform(`${key}:y`, count, 0, 1);
  const boxes = new Float32Array(count * 4);
  const masks: Uint8Array[] = [];
  for (let i = 0; i < count; i++) {
    const scaled = (SIDES[i % SIDES.length]! * Math.min(height, width)) / 512;
    const stretch = Math.sqrt(aspects[i]!);
    const w = Math.floor(scaled * stretch + 0.5);
    const h = Math.floor(scaled / stretch + 0.5);
    const x = Math.floor(xs[i]! * (width - w));
    const y = Math.floor(ys[i]! * (height - h));
    boxes.set([x, y, x + w, y + h], i * 4);
    masks.push(ellipse([height, width], { x, y, w, h }));
  }
  return { boxes, labels: integers(`${key}:labels`, count, classes), masks };
}

/** [H*W]: 1 at the pixels whose centre lies in the ellipse inscribed in the box. */
function ellipse([height, width]: Size, box: { x: number; y: number; w: number; h: number }): Uint8Array {
  const mask = new Uint8Array(height * width);
  for (let row = 0; row < box.h; row++) {
    const v = (row + 0.5 - box.h / 2) / (box.h / 2);
    for (let column = 0; column < box.w; column++) {
      const u = (column + 0.5 - box.w / 2) / (box.w / 2);
      if (u * u + v * v <= 1) mask[(box.y + row) * width + box.x + column] = 1;
    }
  }
  return mask;
}

/** [H*W]: squares of 16 pixels, one in `classes + 1` of them ignored (255). Sides are multiples of 16. */
export function labelMap(image: number, [height, width]: Size, classes: number): Uint8Array {
  const columns = width / CELL;
  const cells = integers(`bench:cells:${image}`, (height / CELL) * columns, classes + 1);
  const map = new Uint8Array(height * width);
  for (let y = 0; y < height; y++) {
    const row = Math.floor(y / CELL) * columns;
    for (let x = 0; x < width; x++) {
      const label = cells[row + Math.floor(x / CELL)]!;
      map[y * width + x] = label === classes ? IGNORED : label;
    }
  }
  return map;
}

/** CRC-32 over the parts' bytes, one after the other; class indices count as bytes. */
export function checksum(...parts: readonly (Float32Array | Int32Array | Uint8Array)[]): number {
  let value = 0;
  for (const part of parts) {
    const kept = part instanceof Int32Array ? Uint8Array.from(part) : part;
    value = crc32(new Uint8Array(kept.buffer, kept.byteOffset, kept.byteLength), value);
  }
  return value;
}

/** Root mean square, by which both sides' outputs are compared. */
export function rms(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! * values[i]!;
  return Math.sqrt(sum / values.length);
}
