import { appendFile, lstat, realpath } from "node:fs/promises";
import { dirname, join, sep } from "node:path";
import { describeFileError, isThere, nameFault, readTextFile, removeFile, writeFileAtomic } from "./files.js";

/** A file that a command wrote into the folder of a record. */
export interface Recorded {
  /** The command. */
  readonly by: string;
  /** The name in the folder, parts separated by /. */
  readonly file: string;
}

/** In each folder that a command fills: what is its own there, a line a file. Hidden, so that no reader takes it for data. */
export const RECORD_FILE = ".densekit-files.jsonl";

/** The record of a folder, without lines that are none or name files elsewhere: anybody may have changed it. */
export async function readRecord(folder: string): Promise<Recorded[]> {
  const path = join(folder, RECORD_FILE);
  if (!(await isThere(path))) return [];
  return (await readTextFile(path)).split("\n").flatMap((line) => parseLine(line) ?? []);
}

function parseLine(line: string): Recorded | undefined {
  try {
    const { by, file } = JSON.parse(line) as Partial<Record<keyof Recorded, unknown>>;
    if (typeof by === "string" && typeof file === "string" && nameFault(file) === undefined) return { by, file };
  } catch {}
  return undefined;
}

export async function writeRecord(folder: string, entries: readonly Recorded[]): Promise<void> {
  const path = join(folder, RECORD_FILE);
  if (entries.length === 0) await removeFile(path);
  else await writeFileAtomic(path, entries.map(lineOf).join(""));
}

export async function appendToRecord(folder: string, entry: Recorded): Promise<void> {
  const path = join(folder, RECORD_FILE);
  try {
    await appendFile(path, lineOf(entry));
  } catch (error) {
    throw describeFileError(error, path, "write");
  }
}

const lineOf = ({ by, file }: Recorded): string => `${JSON.stringify({ by, file })}\n`;

/** Those of the names that are ordinary files of the folder still, and do not lie elsewhere by way of a link. */
export async function filesThere(folder: string, names: Iterable<string>): Promise<Set<string>> {
  const there = new Set<string>();
  const within = new Map<string, boolean>();
  const root = await realpath(folder).catch(() => undefined);
  if (root === undefined) return there;
  for (const name of names) {
    const path = join(folder, name);
    const parent = dirname(path);
    let isWithin = within.get(parent);
    if (isWithin === undefined) {
      const real = await realpath(parent).catch(() => undefined);
      isWithin = real === root || (real?.startsWith(root.endsWith(sep) ? root : root + sep) ?? false);
      within.set(parent, isWithin);
    }
    const isFile = isWithin && (await lstat(path).catch(() => undefined))?.isFile();
    if (isFile === true) there.add(name);
  }
  return there;
}
