import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { isImage } from "../../datasets/folders.js";
import { UserError } from "../../errors.js";
import { describeFileError } from "../../files.js";
import { RECORD_FILE, readRecord } from "../../outputRecord.js";

/** A folder and what is in it; hidden entries are left out. */
export interface Folder {
  readonly path: string;
  /** The names of images, in order. */
  readonly images: readonly string[];
  /** The names of other files, and of PNGs, which may be label maps. */
  readonly files: readonly string[];
  readonly folders: readonly Folder[];
}

/** How far below the folder that is named data is looked for. */
const DEPTH = 3;
const MOST_FOLDERS = 20_000;
/** What `init` calls itself in the records of folders: what it prepared is not found again. */
export const MAKER = "init";
/** What no data set lies in. */
const SKIPPED = new Set(["node_modules", "runs"]);

/** @throws UserError where it cannot be read, or holds too many folders */
export async function readFolder(path: string): Promise<Folder> {
  let left = MOST_FOLDERS;
  const read = async (folder: string, depth: number): Promise<Folder> => {
    if (left-- === 0) {
      throw new UserError(`${path}: there are more than ${MOST_FOLDERS} folders in it; name the one with the data`);
    }
    const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
      throw describeFileError(error, folder, "read");
    });
    if (entries.some(({ name }) => name === RECORD_FILE) && (await readRecord(folder)).some(({ by }) => by === MAKER)) {
      return { path: folder, images: [], files: [], folders: [] };
    }
    const shown = entries.filter(({ name }) => !name.startsWith(".")).sort((a, b) => (a.name < b.name ? -1 : 1));
    const names = shown.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
    const below = shown.filter((entry) => entry.isDirectory() && !SKIPPED.has(entry.name));
    const folders: Folder[] = [];
    for (const { name } of depth === DEPTH ? [] : below) folders.push(await read(join(folder, name), depth + 1));
    return {
      path: folder,
      images: names.filter(isImage),
      files: names.filter((name) => !isImage(name) || /\.png$/i.test(name)),
      folders,
    };
  };
  return read(path, 0);
}

/** A folder and all below it. */
export const allOf = (folder: Folder): Folder[] => [folder, ...folder.folders.flatMap(allOf)];

const HEAD = 1 << 16;

/** The beginning of a file as text; "" for what cannot be read. */
export async function headOf(path: string): Promise<string> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return "";
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD), 0, HEAD, 0);
    return buffer.toString("utf8", 0, bytesRead);
  } catch {
    return "";
  } finally {
    await file.close();
  }
}
