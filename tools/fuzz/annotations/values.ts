import type { Random } from "../../../lib/random.js";
import { mutate } from "../mutate.js";

/** Size of the annotated image. */
export const SIZE = { width: 16, height: 12 } as const;
export const IMAGE = "scene.png";

export const pick = <T>(random: Random, values: readonly T[]): T => values[random.integer(values.length)]!;

const chance = (random: Random, share: number): boolean => random.next() < share;

const FAR = [2 ** 31, 2 ** 31 - 1, 2 ** 32, 4e8, 1e9, 2 ** 40, 2 ** 53, 1e18, 1e300, 65_535, 65_536, 1e5];

/** A coordinate or a length as text: mostly inside the image, sometimes far outside, sometimes not a number. */
export function numberText(random: Random): string {
  const kind = random.next();
  if (kind < 0.5) return String(random.integer(SIZE.width + 4) - 2);
  if (kind < 0.7) return (random.next() * SIZE.width).toFixed(random.integer(4));
  if (kind < 0.93) return String(pick(random, FAR) * pick(random, [1, -1]) * pick(random, [1, 1, random.next()]));
  return pick(random, ["1e999", "-1e999", "NaN", "null", "-0", "0x10", "", "1e-320", '"7"', "[]", "9".repeat(400)]);
}

export const numbers = (random: Random, count: number): string[] =>
  Array.from({ length: count }, () => numberText(random));

/** A side of the image, mostly correct. */
export const sideText = (random: Random, side: number): string =>
  chance(random, 0.85) ? String(side) : numberText(random);

/** Names that every object has. */
export const OWN_NAMES = ["__proto__", "constructor", "toString", "hasOwnProperty"] as const;

const NAMES = [
  "../scene.png",
  "/etc/passwd",
  "..\\\\scene.png",
  "C:\\\\scene.png",
  "a/../../scene.png",
  "http://a/scene.png",
  "scene.PNG",
  "",
  ".",
  "sub/scene.png",
  "__proto__",
  "x".repeat(300),
];

/** The image's name as in a JSON string: mostly correct, else one that leads elsewhere. */
export const nameText = (random: Random): string => (chance(random, 0.9) ? IMAGE : pick(random, NAMES));

/** A list of up to `most` items, rarely of very many. */
export function many<T>(random: Random, most: number, make: () => T): T[] {
  const length = chance(random, 0.01) ? 20_000 / most : random.integer(most + 1);
  return Array.from({ length }, make);
}

/** The text, sometimes damaged. */
export function damaged(text: string, random: Random): Uint8Array {
  const bytes = Buffer.from(text);
  return chance(random, 0.25) ? mutate(bytes, random) : bytes;
}
