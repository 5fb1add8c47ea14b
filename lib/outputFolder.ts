import { randomBytes } from "node:crypto";
import { readdir, rename, rm, rmdir, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join, sep } from "node:path";
import { UserError } from "./errors.js";
import {
  alreadyExists,
  copyFileAtomic,
  describeFileError,
  type FileContent,
  isThere,
  joinWithin,
  makeFolder,
  readBytes,
  removeFile,
  writeFileAtomic,
} from "./files.js";
import { isRunning } from "./locks.js";
import { appendToRecord, filesThere, type Recorded, readRecord, writeRecord } from "./outputRecord.js";

export interface OutputClaim {
  /** The command that fills the folder, with what keeps its outputs apart, such as a split. */
  readonly maker: string;
  readonly folder: string;
  /**
   * What will be read as the command's output: names in the folder, with a / at the end those of folders; "/" is the folder
   * as a whole.
   */
  readonly names: readonly string[];
  /** Replace what the command made here before. */
  readonly force?: boolean | undefined;
  /** Where there is nothing to replace, write each file to its place at once: long work that is killed leaves what it did. */
  readonly straight?: boolean | undefined;
}

/**
 * A folder that a command fills. All such commands keep one rule: without `force`, nothing may be there of what they make; with
 * it, the files that the command wrote here before (it keeps a record) are replaced, all of them and at the end, when the new
 * ones are complete. Anything else that lies in the way is somebody's: it is told, and nothing is written.
 */
export class OutputFolder {
  /** The first error of writing; the output is not to be had then. */
  failure: unknown;
  private readonly written = new Set<string>();
  /** Folders made on the way, the innermost first. */
  private made: readonly string[] = [];
  private staging: string | undefined;

  private constructor(
    private readonly claim: OutputClaim,
    /** What the command wrote here before. */
    private readonly own: ReadonlySet<string>,
    private readonly others: readonly Recorded[],
  ) {}

  /** @throws UserError where something is in the way; nothing has been written then */
  static async claim(claim: OutputClaim): Promise<OutputFolder> {
    const { maker, folder, names, force } = claim;
    const isFolder = await stat(folder).then(
      (found) => found.isDirectory(),
      () => undefined,
    );
    if (isFolder === false) throw new UserError(`cannot write ${folder}: it is a file, not a folder`);
    const record = await readRecord(folder);
    const recorded = record.filter(({ by }) => by === maker).map(({ file }) => file);
    const own = await filesThere(folder, recorded);
    if (force === true) await refuseForeign(claim, own);
    else await refuseAll(folder, [...names, ...own]);
    return new OutputFolder(
      claim,
      own,
      record.filter(({ by }) => by !== maker),
    );
  }

  /** Whether there are files of an earlier run, which stay until `place`. */
  get replaces(): boolean {
    return this.own.size > 0;
  }

  get folder(): string {
    return this.claim.folder;
  }

  /** Does work that writes the files; what it did is dropped as a whole where it fails. @param inputs as of `begin` */
  async fill<T>(inputs: Iterable<string>, work: () => Promise<T>): Promise<T> {
    await this.begin(inputs);
    try {
      const result = await work();
      await this.place();
      return result;
    } catch (error) {
      await this.discard();
      throw error;
    }
  }

  /**
   * Before the first file is written.
   *
   * @param inputs files that the command reads
   * @throws UserError where one of them would be replaced, or the folder cannot be written
   */
  async begin(inputs: Iterable<string>): Promise<void> {
    const { folder, straight } = this.claim;
    await this.refuseInputs(inputs);
    this.made = await missingFolders(folder);
    try {
      await makeFolder(folder);
      await sweep(folder);
      if (straight === true && !this.replaces) await writeRecord(folder, this.others);
      else {
        this.staging = join(folder, stagingName());
        await makeFolder(this.staging);
      }
    } catch (error) {
      await this.discard();
      throw describeFileError(error, folder, "write");
    }
  }

  /** Writes a file. @returns its path in the end */
  write(name: string, content: FileContent): Promise<string> {
    return this.put(name, (path, shown) => writeFileAtomic(path, content, shown));
  }

  /** Copies a file. @returns the copy's path in the end */
  copy(from: string, name: string): Promise<string> {
    return this.put(name, (path, shown) => copyFileAtomic(from, path, shown));
  }

  /** Copies a file that may be there already, perhaps as somebody's own: then it stays, if it is the same. */
  async share(from: string, name: string): Promise<void> {
    const { folder, maker } = this.claim;
    const path = join(folder, name);
    if (this.own.has(name) || !(await isThere(path))) await this.copy(from, name);
    else if (!(await readBytes(path)).equals(await readBytes(from))) {
      throw new UserError(
        `${path}: ${maker} did not write this, and it is not ${from}, which belongs there; move it, or choose another folder`,
      );
    }
  }

  private async put(name: string, write: (path: string, shown: string) => Promise<void>): Promise<string> {
    const { folder, maker } = this.claim;
    const path = joinWithin(folder, name, folder);
    const file = name.split(sep).join("/");
    try {
      if (this.staging === undefined && !this.written.has(file)) await appendToRecord(folder, { by: maker, file });
      this.written.add(file);
      await write(join(this.staging ?? folder, name), path);
    } catch (error) {
      this.failure ??= error;
      throw error;
    }
    return path;
  }

  /** The files written take the place of those of the run before. Until the end the record has both. */
  async place(): Promise<void> {
    if (this.staging === undefined) return;
    const { folder, maker } = this.claim;
    const entries = (files: Iterable<string>): Recorded[] => Array.from(files, (file) => ({ by: maker, file }));
    await writeRecord(folder, [...this.others, ...entries(new Set([...this.own, ...this.written]))]);
    for (const file of this.own) await removeFile(join(folder, file));
    for (const parent of new Set([...this.own].map(dirname))) await removeEmpty(folder, parent);
    for (const file of this.written) {
      const path = join(folder, file);
      try {
        await makeFolder(dirname(path));
        await rename(join(this.staging, file), path);
      } catch (error) {
        throw describeFileError(error, path, "write");
      }
    }
    await writeRecord(folder, [...this.others, ...entries(this.written)]);
    await rm(this.staging, { recursive: true, force: true });
  }

  /** Drops what was written; what was there stays. */
  async discard(): Promise<void> {
    if (this.staging !== undefined) await rm(this.staging, { recursive: true, force: true }).catch(() => undefined);
    for (const folder of this.made) await rmdir(folder).catch(() => undefined); // unless something is in it
  }

  private async refuseInputs(inputs: Iterable<string>): Promise<void> {
    const { folder, maker } = this.claim;
    if (!this.replaces) return;
    const read = new Set<string>();
    for (const input of inputs) read.add((await identity(input)) ?? "");
    for (const file of this.own) {
      const path = join(folder, file);
      const own = await identity(path);
      if (own === undefined || !read.has(own)) continue;
      throw new UserError(
        `${path}: ${maker} wrote this and now reads it, so that --force would delete its own input; choose another folder`,
      );
    }
  }
}

const STAGING = ".densekit-staging-";

const stagingName = (): string => `${STAGING}${hostname()}-${process.pid}-${randomBytes(4).toString("hex")}`;

/** Removes what processes of this machine left that were killed. */
async function sweep(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const [, host, pid] = /^\.densekit-staging-(.+)-(\d+)-[0-9a-f]{8}$/.exec(name) ?? [];
    if (host === hostname() && !isRunning(Number(pid))) await rm(join(folder, name), { recursive: true, force: true });
  }
}

const pathOf = (folder: string, name: string): string => join(folder, name).replace(/(?<=.)[\\/]$/, "");

async function refuseAll(folder: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const path = pathOf(folder, name);
    const isAny = name === "/" ? await holdsAny(path) : await isThere(path);
    if (isAny) throw alreadyExists(path);
  }
}

/** Hidden files are no data: a file manager's, or a record's. */
const isData = (name: string): boolean => !name.startsWith(".");

const holdsAny = async (folder: string): Promise<boolean> =>
  (await readdir(folder).catch(() => [])).some((name) => isData(name));

async function refuseForeign({ maker, folder, names }: OutputClaim, own: ReadonlySet<string>): Promise<void> {
  for (const name of names) {
    const foreign = name.endsWith("/")
      ? await foreignIn(folder, name.slice(0, -1), own)
      : !own.has(name) && (await isThere(join(folder, name)))
        ? name
        : undefined;
    if (foreign === undefined) continue;
    throw new UserError(
      `${pathOf(folder, foreign)}: ${maker} did not write this, and --force replaces only what it wrote before; move it, or choose another folder`,
    );
  }
}

/** The first that is not the command's own in what should be a folder. */
async function foreignIn(root: string, name: string, own: ReadonlySet<string>): Promise<string | undefined> {
  const path = join(root, name);
  if (!(await isThere(path))) return undefined;
  const entries = await readdir(path, { withFileTypes: true }).catch(() => undefined);
  if (entries === undefined) return name; // no folder
  for (const entry of entries.filter((found) => isData(found.name))) {
    const inner = name === "" ? entry.name : `${name}/${entry.name}`;
    const foreign = entry.isDirectory() ? await foreignIn(root, inner, own) : own.has(inner) ? undefined : inner;
    if (foreign !== undefined) return foreign;
  }
  return undefined;
}

/** Removes folders that became empty, from the innermost on. */
async function removeEmpty(root: string, name: string): Promise<void> {
  for (let at = name; at !== "."; at = dirname(at)) {
    try {
      await rmdir(join(root, at));
    } catch {
      return;
    }
  }
}

/** A folder and those above it that are not there yet, the innermost first. */
async function missingFolders(folder: string): Promise<string[]> {
  const missing: string[] = [];
  for (let at = folder; !(await isThere(at)); at = dirname(at)) missing.push(at);
  return missing;
}

/** Whether two paths are those of one file or folder. */
export async function isSamePlace(a: string, b: string): Promise<boolean> {
  const found = await identity(a);
  return found !== undefined && found === (await identity(b));
}

/** The same for two paths of one file. */
async function identity(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found === undefined ? undefined : `${found.dev}:${found.ino}`;
}
