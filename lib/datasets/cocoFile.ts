import type { Stats } from "node:fs";
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { UserError } from "../errors.js";
import { describeFileError, readTextFile } from "../files.js";
import { outlineJson, readJsonPiece, readTextAround } from "../jsonfiles/lists.js";
import { parsePythonJson } from "../jsonfiles/python.js";

/** The three lists of a COCO file; their members are still unchecked. */
export interface CocoFile {
  readonly images: readonly unknown[];
  readonly annotations: readonly unknown[];
  readonly categories: readonly unknown[];
  /** The size of the file. */
  readonly bytes: number;
  /** The other members, such as info and licenses. */
  readonly others: Readonly<Record<string, unknown>>;
}

export interface ReadOptions {
  /** Larger files are read piece by piece: a string of Node.js holds half a gigabyte. Default 256 MiB. */
  readonly largestWhole?: number;
  /** Keep the result for the next caller that reads this file, who takes it over; default false. */
  readonly handOver?: boolean;
}

/** By absolute path: what was read, and the state of the file at that time. */
const handedOver = new Map<string, { readonly state: string; readonly file: CocoFile }>();

const LARGEST_WHOLE = 1 << 28;
const LISTS = ["images", "annotations", "categories"] as const;

/** @throws UserError when the file cannot be read, is not JSON or lacks one of the lists */
export async function readCocoFile(path: string, options: ReadOptions = {}): Promise<CocoFile> {
  const { size, mtimeMs, ino } = await statOf(path);
  const state = `${size} ${mtimeMs} ${ino}`;
  const kept = handedOver.get(resolve(path));
  handedOver.delete(resolve(path));
  const file = kept?.state === state ? kept.file : await readAnew(path, size, options);
  if (options.handOver === true) handedOver.set(resolve(path), { state, file });
  return file;
}

async function readAnew(path: string, bytes: number, options: ReadOptions): Promise<CocoFile> {
  const { largestWhole = LARGEST_WHOLE } = options;
  const parsed = bytes > largestWhole ? await readInPieces(path) : parse(await readTextFile(path), path);
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) throw noCocoFile(path);
  const listOf = (name: string): readonly unknown[] => {
    const list: unknown = Object.entries(parsed).find(([key]) => key === name)?.[1];
    if (!Array.isArray(list))
      throw new UserError(`${path}: the list "${name}" is missing; is this a COCO instance file?`);
    return list;
  };
  const [images, annotations, categories] = [listOf("images"), listOf("annotations"), listOf("categories")];
  const others = Object.entries(parsed).filter(([key]) => !LISTS.some((name) => name === key));
  return { images, annotations, categories, bytes, others: Object.fromEntries(others) };
}

const noCocoFile = (path: string) =>
  new UserError(`${path}: a COCO file is an object with images, annotations and categories`);

async function statOf(path: string): Promise<Stats> {
  try {
    return await stat(path);
  } catch (error) {
    throw describeFileError(error, path, "read");
  }
}

/** Reads the long lists piece by piece, and the rest as a small file without them. */
async function readInPieces(path: string): Promise<Record<string, unknown>> {
  const outline = await outlineJson(path);
  if (outline.root !== "object") throw noCocoFile(path);
  const long = LISTS.filter((name) => outline.lists.has(name));
  const around = parse(await readTextAround(outline, long), path) as Record<string, unknown>;
  for (const name of long) {
    const list: unknown[] = [];
    for (const piece of outline.lists.get(name)!)
      for (const entry of await readJsonPiece(path, piece)) list.push(entry);
    around[name] = list;
  }
  return around;
}

function parse(text: string, path: string): unknown {
  try {
    return parsePythonJson(text);
  } catch (error) {
    throw new UserError(`${path}: not valid JSON: ${error instanceof Error ? error.message : error}`);
  }
}
