import type { Image } from "./image.js";
import { hsvKernel, lookUpKernel } from "./kernels.js";

/** value × gain + offset in single precision, as the references compute it, converted to whole numbers 0–255. */
export function scaleValues(image: Image, gain: number, offset: number): Image {
  const { fround } = Math;
  const table = Uint8Array.from({ length: 256 }, (_, value) =>
    clampToByte(fround(fround(value * fround(gain)) + fround(offset))),
  );
  return throughTable(image, table);
}

/** Every value through a table of 256. */
export function throughTable(image: Image, table: Uint8Array): Image {
  return { width: image.width, height: image.height, data: lookUpKernel(image.data, table) };
}

export interface HsvChange {
  /** Factor on the saturation, which is clipped at 1; default 1. */
  readonly saturation?: number;
  /** Rotation of the hue in degrees, default 0. */
  readonly hue?: number;
}

/**
 * Changes saturation and hue in the HSV hexcone, keeping value = max(red, green, blue).
 *
 * With s = (max − min) ÷ max, a channel is max × (1 − s × d), d being its distance from the maximum relative to the
 * spread; so both changes go in one pass without rounding between.
 */
export function changeHsv({ width, height, data }: Image, change: HsvChange): Image {
  return { width, height, data: hsvKernel(data, change.saturation ?? 1, turnOf(change)) };
}

/** In sixths of the circle, 0–6. */
function turnOf({ hue = 0 }: HsvChange): number {
  return (((hue / 60) % 6) + 6) % 6;
}

/** The kernel's reference, in double precision and plain TypeScript. */
export function changeHsvPlain(image: Image, change: HsvChange): Image {
  const gain = change.saturation ?? 1;
  const turn = turnOf(change);
  const { data } = image;
  const out = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i += 3) {
    const red = data[i]!;
    const green = data[i + 1]!;
    const blue = data[i + 2]!;
    const value = Math.max(red, green, blue);
    const spread = value - Math.min(red, green, blue);
    if (spread === 0) {
      out[i] = out[i + 1] = out[i + 2] = value;
      continue;
    }
    const sector = hueOf(red, green, blue, value, spread) + turn;
    const drop = Math.min(spread * gain, value);
    out[i] = Math.round(value - drop * distance(sector + 5));
    out[i + 1] = Math.round(value - drop * distance(sector + 3));
    out[i + 2] = Math.round(value - drop * distance(sector + 1));
  }
  return { ...image, data: out };
}

/** The hue in sixths of the circle, 0–6: red at 0, green at 2, blue at 4. */
function hueOf(red: number, green: number, blue: number, value: number, spread: number): number {
  if (value === red) return (green - blue) / spread + (green < blue ? 6 : 0);
  return value === green ? (blue - red) / spread + 2 : (red - green) / spread + 4;
}

/**
 * How far a channel is from the maximum, for an angle of 0–18 sixths: 0 for a third of the circle, ramps of a sixth,
 * otherwise 1.
 */
function distance(angle: number): number {
  const k = angle >= 12 ? angle - 12 : angle >= 6 ? angle - 6 : angle;
  return k >= 4 ? 0 : k > 3 ? 4 - k : Math.min(k, 1);
}

const clampToByte = (value: number): number => (value < 0 ? 0 : value > 255 ? 255 : Math.trunc(value));
