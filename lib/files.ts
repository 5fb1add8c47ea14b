import { isUtf8 } from "node:buffer";
import { randomBytes } from "node:crypto";
import { constants, copyFile, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { UserError } from "./errors.js";

/**
 * Writes a file so that a reader finds the old content or the whole new one, never half of it: the bytes go to a
 * temporary name in the same folder, are flushed, and the name is changed. Makes missing folders. Content may come in
 * parts, made while the ones before are written.
 *
 * @throws UserError when the folder cannot be written or the disk is full
 */
export async function writeFileAtomic(
  path: string,
  content: string | Uint8Array | readonly Uint8Array[] | AsyncIterable<Uint8Array>,
): Promise<void> {
  const folder = dirname(path);
  const temporary = join(folder, `.${basename(path)}.${process.pid}.${randomBytes(4).toString("hex")}.tmp`);
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
    throw describeFileError(error, path, "write");
  }
}

/** Copies a file as `writeFileAtomic` writes one: nobody sees half of it. Makes missing folders. */
export async function copyFileAtomic(from: string, to: string): Promise<void> {
  const temporary = join(dirname(to), `.${basename(to)}.${process.pid}.${randomBytes(4).toString("hex")}.tmp`);
  try {
    await makeFolder(dirname(to));
    await copyFile(from, temporary, constants.COPYFILE_FICLONE);
    await rename(temporary, to);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw describeFileError(error, to, "write");
  }
}

/** A text file without its byte order mark. @throws UserError when it cannot be read or is no UTF-8 */
export async function readTextFile(path: string): Promise<string> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw describeFileError(error, path, "read");
  }
  if (!isUtf8(bytes)) throw new UserError(`${path}: the text is not UTF-8; save it as UTF-8`);
  return new TextDecoder().decode(bytes);
}

/** Makes a folder and those above it where they are missing. Errors are the file system's. */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    // Node calls it ENOENT when a read-only or full disk keeps it from making several; made singly, the reason shows.
    if (codeOf(error) !== "ENOENT" || dirname(path) === path) throw error;
    await makeFolder(dirname(path));
    await mkdir(path);
  }
}

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && "code" in error ? String(error.code) : undefined;

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such file or folder",
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
};

/** Turns a file system error into a message for the user; other errors come back as they are. */
export function describeFileError(error: unknown, path: string, action: "read" | "write"): unknown {
  const code = codeOf(error);
  const reason = code === undefined ? undefined : REASONS[code];
  return reason === undefined ? error : new UserError(`cannot ${action} ${path}: ${reason}`);
}
