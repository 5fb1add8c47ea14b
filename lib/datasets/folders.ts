import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, dirname, extname, isAbsolute, join, parse, win32 } from "node:path";
import { UserError } from "../errors.js";
import { describeFileError } from "../files.js";
import type { ImageFile } from "./types.js";

const IMAGE_EXTENSIONS = new Set([".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif", ".avif"]);

/** Whether a file is an image, by its name: not hidden and with a known extension. */
export function isImage(path: string): boolean {
  return !basename(path).startsWith(".") && IMAGE_EXTENSIONS.has(extname(path).toLowerCase());
}

/** The image files of a folder, without hidden ones, in order of name. */
export async function listImages(folder: string): Promise<string[]> {
  const names = await listNames(folder);
  return names.filter(isImage).sort();
}

/** The image files of a folder and of all folders below it, relative to it, in the order of their names. */
export async function listImagesBelow(folder: string): Promise<string[]> {
  const below: string[] = [];
  for (const name of await listFolders(folder)) {
    for (const file of await listImagesBelow(join(folder, name))) below.push(join(name, file));
  }
  return [...(await listImages(folder)), ...below].sort();
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
export async function checkFilesExist(root: string, images: readonly ImageFile[], source: string): Promise<void> {
  const [first, ...others] = await findMissing(root, images);
  if (first === undefined) return;
  const more = others.length > 0 ? ` (and ${others.length} more)` : "";
  throw new UserError(
    `${join(root, first.file)}: this image of ${source} (image ${first.id}) is missing${more}; ${first.hint}`,
  );
}

/** The images with missing files, each with a hint. Reads each folder once. */
export async function findMissing(
  root: string,
  images: readonly ImageFile[],
): Promise<(ImageFile & { readonly hint: string })[]> {
  const folders = new Map<string, Set<string>>();
  const missing: (ImageFile & { hint: string })[] = [];
  for (const image of images) {
    const path = join(root, image.file);
    let names = folders.get(dirname(path));
    if (names === undefined) folders.set(dirname(path), (names = await namesOf(dirname(path), root)));
    if (names.has(basename(path))) continue;
    missing.push({ ...image, hint: hintOf(image.file, root, names) });
  }
  return missing;
}

/**
 * A folder below the root that does not exist counts as empty: images in it are missing, and similar names are looked
 * for.
 */
async function namesOf(folder: string, root: string): Promise<Set<string>> {
  if (folder.includes("\0") || (folder !== join(root, ".") && !existsSync(folder))) return new Set();
  return new Set(await listNames(folder));
}

/** The likely reason why an image is not found, the most certain one first. */
function hintOf(file: string, root: string, names: ReadonlySet<string>): string {
  if (/^[a-z][a-z\d+.-]+:\/\//i.test(file)) return "the name is a URL; it must be a file in the images folder";
  if (isAbsolute(file) || win32.isAbsolute(file))
    return "the name is absolute; it must be relative to the images folder";
  const base = basename(file);
  const spelt = Array.from(names).find((name) => name.normalize("NFC") === base.normalize("NFC"));
  if (spelt !== undefined) {
    const form = (name: string): string => (name === name.normalize("NFC") ? "composed (NFC)" : "decomposed (NFD)");
    return `there is ${spelt}, which looks the same: its accents are ${form(spelt)}, those of the annotation ${form(base)}; rename one of them`;
  }
  const slashed = file.replaceAll("\\", "/");
  if (slashed !== file && existsSync(join(root, slashed)))
    return `there is ${slashed}: separate folders with /, not \\`;
  const unescaped = withoutEscapes(base);
  const stem = parse(base).name.toLowerCase();
  const near = Array.from(names).find(
    (name) => parse(name).name.toLowerCase() === stem || name === unescaped || withoutEscapes(name) === base,
  );
  if (near !== undefined) return `there is ${near}`;
  const folder = dirname(file);
  return folder === "." || existsSync(join(root, folder))
    ? "check the images folder"
    : `there is no folder ${join(root, folder)}`;
}

/** As in a web address: %20 is a space. */
function withoutEscapes(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
