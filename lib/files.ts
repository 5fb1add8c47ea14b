import { isUtf8 } from "node:buffer";
import { randomBytes } from "node:crypto";
import { closeSync, existsSync, fstatSync, openSync, readFileSync } from "node:fs";
import { constants, copyFile, type FileHandle, lstat, mkdir, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join, relative, sep, win32 } from "node:path";
import { UserError } from "./errors.js";

export type FileContent = string | Uint8Array | readonly Uint8Array[] | AsyncIterable<Uint8Array>;

/**
 * Writes a file so that a reader finds the old content or the whole new one, never half of it: the bytes go to a
 * temporary name in the same folder, are flushed, and the name is changed. Makes missing folders. Content may come in
 * parts, each produced while the ones before are written.
 *
 * @param name what messages call the file
 * @throws UserError when the folder cannot be written or the disk is full
 */
export async function writeFileAtomic(path: string, content: FileContent, name = path): Promise<void> {
  const folder = dirname(path);
  const temporary = join(folder, temporaryName(path));
  try {
    await makeFolder(folder);
    const file = await open(temporary, "wx");
    try {
      const parts = typeof content === "string" || content instanceof Uint8Array ? [content] : content;
      for await (const part of parts) await file.writeFile(part);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw describeFileError(error, name, "write");
  }
}

/**
 * It begins with the start of the file's name, cut so that the whole is not longer than the 255 bytes that a name may
 * have.
 */
function temporaryName(path: string): string {
  return `.${basename(path).slice(0, 60)}.${process.pid}.${randomBytes(4).toString("hex")}.tmp`;
}

/**
 * Copies a file as `writeFileAtomic` writes one: a reader never finds half of it. Makes missing folders.
 *
 * @param name what messages call the copy
 */
export async function copyFileAtomic(from: string, to: string, name = to): Promise<void> {
  const temporary = join(dirname(to), temporaryName(to));
  try {
    await makeFolder(dirname(to));
    await copyFile(from, temporary, constants.COPYFILE_FICLONE);
    await rename(temporary, to);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw describeFileError(error, name, "write");
  }
}

/** So that opening a pipe to which nothing writes does not block; a system without pipes does not have the flag. */
const READ_AT_ONCE = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/**
 * Opens a file for reading, if it is a regular one: pipes and devices may never end, or block for ever.
 *
 * @throws UserError when it does not exist, cannot be read or is not a regular file
 */
export async function openFile(path: string): Promise<FileHandle> {
  try {
    const file = await open(path, READ_AT_ONCE);
    try {
      checkOrdinary(await file.stat(), path);
      return file;
    } catch (error) {
      await file.close();
      throw error;
    }
  } catch (error) {
    throw describeFileError(error, path, "read");
  }
}

/** A whole file. @throws UserError as `openFile` */
export async function readBytes(path: string): Promise<Buffer> {
  const file = await openFile(path);
  try {
    return await file.readFile();
  } catch (error) {
    throw describeFileError(error, path, "read");
  } finally {
    await file.close();
  }
}

/** `readBytes`, synchronous. @param name what messages call the file */
export function readBytesSync(path: string, name = path): Buffer {
  try {
    const file = openSync(path, READ_AT_ONCE);
    try {
      checkOrdinary(fstatSync(file), name);
      return readFileSync(file);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw describeFileError(error, name, "read");
  }
}

function checkOrdinary(stat: { isFile(): boolean; isDirectory(): boolean }, path: string): void {
  if (stat.isFile()) return;
  const what = stat.isDirectory() ? "it is a folder" : "it is a pipe or a device, not a file";
  throw new UserError(`cannot read ${path}: ${what}`);
}

/**
 * How a name from someone's file leads out of the folder it is joined to, on this system or another; undefined where it
 * stays within. Check every such name before writing below a folder.
 */
export function nameFault(name: string): string | undefined {
  if (name.includes("\0")) return "it holds a zero byte";
  if (win32.isAbsolute(name) || /^[a-z]:/i.test(name)) return "it is absolute";
  let depth = 0;
  for (const part of name.split(/[\\/]/)) {
    if (part === "..") depth--;
    else if (part !== "." && part !== "") depth++;
    if (depth < 0) return "it leads out of its folder";
  }
  return depth === 0 ? "it names no file" : undefined;
}

/** Joins a name from someone's file to a folder to write to. @param where it stands @throws UserError as `nameFault` */
export function joinWithin(folder: string, name: string, where: string): string {
  checkName(name, where);
  return join(folder, name);
}

/** @throws UserError naming the place of a name that leads out of its folder */
export function checkName(name: string, where: string): void {
  const fault = nameFault(name);
  if (fault === undefined) return;
  throw new UserError(
    `${where}: the file name ${JSON.stringify(name)} cannot be written: ${fault}; names are relative to the images folder`,
  );
}

/**
 * The name of a part of a data set becomes that of a folder or file, beside those of other parts.
 *
 * @throws UserError for one that is more than a name
 */
export function checkPartName(name: string): void {
  if (/^[\w.-]+$/.test(name) && !/^\.+$/.test(name)) return;
  throw new UserError(`"${name}" cannot be a part's name: use letters, digits, - and _ only`, 2);
}

/**
 * A text file without its byte order mark.
 *
 * @param fault what is said of other bytes than UTF-8, of files that no user writes
 * @throws UserError when it cannot be read or is no UTF-8
 */
export async function readTextFile(path: string, fault = "the text is not UTF-8; save it as UTF-8"): Promise<string> {
  const bytes = await readBytes(path);
  if (!isUtf8(bytes)) throw new UserError(`${path}: ${fault}`);
  return new TextDecoder().decode(bytes);
}

/** @throws UserError naming the first of the files or folders that already exists, unless `force` */
export function refuseExisting(paths: readonly string[], force: boolean | undefined): void {
  if (force === true) return;
  const first = paths.find((path) => existsSync(path));
  if (first === undefined) return;
  throw alreadyExists(first);
}

export const alreadyExists = (path: string): UserError =>
  new UserError(`${path}: already exists; choose another path, or overwrite it with --force`);

/** Whether there is anything at a path, be it a link that leads nowhere. */
export async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

/** Removes a file, if it is there. @throws UserError when that is not allowed */
export async function removeFile(path: string): Promise<void> {
  try {
    await rm(path, { force: true });
  } catch (error) {
    throw describeFileError(error, path, "write");
  }
}

/** Makes a folder and those above it where they are missing. Errors are the file system's. */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    // Node reports ENOENT when a read-only or full disk keeps it from making several; made one by one, they show the
    // reason.
    if (codeOf(error) !== "ENOENT" || dirname(path) === path) throw error;
    await makeFolder(dirname(path));
    await mkdir(path);
  }
}

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && "code" in error ? String(error.code) : undefined;

const REASONS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EPERM: "not permitted",
  EROFS: "the file system is read-only",
  ENOSPC: "the disk is full",
  EFBIG: "the file would be larger than this file system or this account may write",
  EDQUOT: "the disk quota is used up",
  EISDIR: "it is a folder",
  ENOTDIR: "a part of the path is not a folder",
  EEXIST: "a file of that name is in the way",
  EMFILE: "too many open files",
  ENXIO: "it is a socket or a device, not a file",
  ENODEV: "it is a device, not a file",
  ENAMETOOLONG: "the name is too long",
  ELOOP: "its links go round in a circle",
  ERR_INVALID_ARG_VALUE: "the name holds a zero byte",
};

/** Why a path leads to nothing. */
export function absence(path: string): string {
  const reason = "no such file or folder";
  return path.includes("\ufffd")
    ? `${reason}: its name is not UTF-8 (\ufffd stands for bytes that are not), and only UTF-8 names can be read; rename it`
    : reason;
}

/** Turns a file system error into a message for the user; other errors come back as they are. */
export function describeFileError(error: unknown, path: string, action: "read" | "write"): unknown {
  const code = codeOf(error);
  const reason = code === "ENOENT" ? absence(path) : code === undefined ? undefined : REASONS[code];
  return reason === undefined ? error : new UserError(`cannot ${action} ${path}: ${reason}`);
}

/** A path as messages name it: relative to the working folder if it is inside. */
export function displayName(file: string): string {
  const short = relative(process.cwd(), file);
  return short === "" || short.split(sep)[0] === ".." ? file : short;
}
