import { UserError } from "../../errors.js";
import { readTextFile } from "../../files.js";
import type { AreaRange } from "../../metrics/coco/options.js";

/** "0.5,0.75" → [0.5, 0.75]. @throws UserError naming the option */
export function numberList(text: string, option: string): number[] {
  return text.split(",").map((part) => {
    const value = part.trim() === "" ? Number.NaN : Number(part);
    if (Number.isFinite(value)) return value;
    throw new UserError(`${option}: a list of numbers such as 1,2,3 is expected, not "${text}"`, 2);
  });
}

/** "small:0-1024,large:1024-1e10" → size classes. @throws UserError naming the option */
export function areaRanges(text: string): AreaRange[] {
  return text.split(",").map((part) => {
    const [, label, low, high] = /^([^:]+):([\d.e+]+)-([\d.e+]+)$/.exec(part.trim()) ?? [];
    const range = { label: label ?? "", low: Number(low), high: Number(high) };
    if (Number.isFinite(range.low) && Number.isFinite(range.high)) return range;
    throw new UserError(`--areas: name:low-high is expected in square pixels, such as small:0-1024, not "${part}"`, 2);
  });
}

/** Trimmed lines of a text file, without empty ones. @throws UserError if it cannot be read or is not UTF-8 */
export async function textLines(path: string): Promise<string[]> {
  const text = await readTextFile(path);
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

/** "1,2" or "@ids.txt" → image ids. */
export async function idList(text: string, option: string): Promise<number[]> {
  return text.startsWith("@")
    ? numberList((await textLines(text.slice(1))).join(","), text.slice(1))
    : numberList(text, option);
}

/** @throws UserError unless it is a whole number from `least` to `most` */
export function wholeNumber(text: string, option: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isInteger(value) && value >= least && value <= most) return value;
  throw new UserError(`${option}: a whole number from ${least} to ${most} is expected, not "${text}"`, 2);
}
