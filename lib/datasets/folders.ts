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

/** @throws UserError naming the first missing file and how many are missing */
export async function checkFilesExist(root: string, pictures: readonly PictureFile[], source: string): Promise<void> {
  const [first, ...others] = await findMissing(root, pictures);
  if (first === undefined) return;
  const more = others.length > 0 ? ` (and ${others.length} more)` : "";
  throw new UserError(
    `${join(root, first.file)}: this picture of ${source} (image ${first.id}) is missing${more}; ${first.hint}`,
  );
}

/** The pictures whose files are missing, each with a hint. Looks each folder up once. */
export async function findMissing(
  root: string,
  pictures: readonly PictureFile[],
): Promise<(PictureFile & { readonly hint: string })[]> {
  const folders = new Map<string, Set<string>>();
  const missing: (PictureFile & { hint: string })[] = [];
  for (const picture of pictures) {
    const path = join(root, picture.file);
    let names = folders.get(dirname(path));
    if (names === undefined) folders.set(dirname(path), (names = new Set(await listNames(dirname(path)))));
    if (names.has(basename(path))) continue;
    const stem = parse(path).name.toLowerCase();
    const near = Array.from(names).find((name) => parse(name).name.toLowerCase() === stem);
    missing.push({ ...picture, hint: near === undefined ? "check the pictures folder" : `there is ${near}` });
  }
  return missing;
}
