import { UserError } from "../errors.js";
import { RunBuffer } from "./runBuffer.js";
import type { Rle } from "./types.js";

/**
 * COCO's compressed string of a mask: each count from the third on as the difference from the one two before, in groups
 * of 5 bits, low group first, bit 6 meaning "more follows", each group as one character from "0" on.
 */
export function compressRle({ counts }: Rle): string {
  const characters: number[] = [];
  for (let j = 0; j < counts.length; j++) {
    let value = j > 2 ? counts[j]! - counts[j - 2]! : counts[j]!;
    for (let more = true; more; ) {
      const group = ((value % 32) + 32) % 32;
      value = Math.floor(value / 32);
      more = group & 16 ? value !== -1 : value !== 0;
      characters.push(48 + (more ? group | 32 : group));
    }
  }
  return textFrom(characters);
}

/** `String.fromCharCode` in pieces: an argument list has a limit. */
function textFrom(characters: readonly number[]): string {
  let text = "";
  for (let i = 0; i < characters.length; i += 8192) text += String.fromCharCode(...characters.slice(i, i + 8192));
  return text;
}

/**
 * The inverse of `compressRle`.
 *
 * @param where names the mask in error messages, such as `annotation 17`
 * @throws UserError when the string is not such a list of counts or does not fill height · width pixels
 */
export function decompressRle(text: string, height: number, width: number, where = "mask"): Rle {
  const mask = new RunBuffer(text.length);
  readCompressed(text, height, width, mask, where);
  return mask.toRle();
}

/**
 * `decompressRle` without an object for the mask, and measured.
 *
 * @throws UserError as `decompressRle`
 */
export function readCompressed(text: string, height: number, width: number, into: RunBuffer, where = "mask"): void {
  const bytes = asBytes(text);
  const pixels = height * width;
  into.start(height, width, text.length);
  const { ends } = into;
  let length = 0;
  let total = 0;
  let last = 0;
  let secondLast = 0;
  for (let i = 0; i < bytes; length++) {
    let count = 0;
    let shift = 0;
    let group = 32;
    while ((group & 32) !== 0) {
      group = i < bytes ? characters[i++]! - 48 : -1;
      if (group < 0 || group > 63 || shift > LARGEST_SHIFT) throw new UserError(brokenString(where, text));
      count += shift < 30 ? (group & 31) << shift : (group & 31) * 2 ** shift;
      shift += 5;
    }
    if ((group & 16) !== 0) count -= shift <= 30 ? 1 << shift : 2 ** shift;
    if (length > 2) count += secondLast;
    if (count < 0) throw new UserError(brokenString(where, text));
    secondLast = last;
    last = count;
    total += count;
    ends[length] = total; // if it is too large for the array, the total is refused
  }
  checkTotal(total, height, width, where);
  into.length = pixels === 0 ? 0 : length;
  into.finish();
}

const LARGEST_SHIFT = 35;
const encoder = new TextEncoder();
let characters = new Uint8Array(1024);

/** Copies a string into `characters`, because bytes are read several times as fast. @returns their number */
function asBytes(text: string): number {
  if (3 * text.length > characters.length) characters = new Uint8Array(6 * text.length);
  return encoder.encodeInto(text, characters).written; // an invalid character gives invalid bytes
}

function brokenString(where: string, text: string): string {
  const at = text.search(/[^0-o]/);
  const what =
    at >= 0
      ? `has the character ${JSON.stringify(text[at])} out of place at ${at}`
      : "ends in the middle of a count, or holds one that no mask can have";
  return `${where}: the compressed run lengths are damaged: the string ${what}; write the mask again`;
}

/**
 * Takes a list of counts from a file.
 *
 * @throws UserError when a count is not a whole number ≥ 0 or they do not sum to height · width
 */
export function rleFromCounts(list: readonly number[], height: number, width: number, where = "mask"): Rle {
  let total = 0;
  for (const count of list) {
    if (!Number.isInteger(count) || count < 0) {
      throw new UserError(`${where}: run lengths must be whole numbers of at least 0, not ${count}`);
    }
    total += count;
  }
  checkTotal(total, height, width, where);
  return { height, width, counts: Uint32Array.from(list) };
}

function checkTotal(total: number, height: number, width: number, where: string): void {
  if (total === height * width) return;
  throw new UserError(
    `${where}: the run lengths cover ${total} pixels, but ${height} × ${width} (height × width) has ${height * width}; ` +
      "check the mask's size",
  );
}
