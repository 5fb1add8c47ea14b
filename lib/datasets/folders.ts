import { readdir } from "node:fs/promises";
import { basename, dirname, extname, join, parse } from "node:path";
import { UserError } from "../errors.js";
import { describeFileError } from "../files.js";
import type { PictureFile } from "./types.js";

const PICTURE_EXTENSIONS = new Set([".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif", ".avif"]);

/** Whether a file is a picture, by its name: not hidden and of a known ending. */
export function isPicture(path: string): boolean {
  return !basename(path).startsWith(".") && PICTURE_EXTENSIONS.has(extname(path).toLowerCase());
}

/** The picture files of a folder, hidden ones left out, in name order. */
export async function listPictures(folder: string): Promise<string[]> {
  const names = await listNames(folder);
  return names.filter(isPicture).sort();
}

/** @throws UserError when the folder cannot be read */
export async function listNames(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    throw describeFileError(error, folder, "read");
  }
}

export async function listFolders(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
      .map(({ name }) => name)
      .sort();
  } catch (error) {
    throw describeFileError(error, folder, "read");
  }
}

/** Looks each folder up once. @throws UserError naming the first missing file and how many are missing */
export async function checkFilesExist(root: string, pictures: readonly PictureFile[], source: string): Promise<void> {
  const folders = new Map<string, Set<string>>();
  const missing: PictureFile[] = [];
  for (const picture of pictures) {
    const folder = dirname(join(root, picture.file));
    let names = folders.get(folder);
    if (names === undefined) folders.set(folder, (names = new Set(await listNames(folder))));
    if (!names.has(basename(picture.file))) missing.push(picture);
  }
  const first = missing[0];
  if (first === undefined) return;
  const path = join(root, first.file);
  const stem = parse(path).name.toLowerCase();
  const near = Array.from(folders.get(dirname(path))!).find((name) => parse(name).name.toLowerCase() === stem);
  const more = missing.length > 1 ? ` (and ${missing.length - 1} more)` : "";
  const hint = near === undefined ? "check the pictures folder" : `there is ${near}`;
  throw new UserError(`${path}: this picture of ${source} (image ${first.id}) is missing${more}; ${hint}`);
}
