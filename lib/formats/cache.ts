import { createHash } from "node:crypto";
import type { Dirent } from "node:fs";
import { existsSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { cacheFolder } from "../cacheFolder.js";
import { nearestName, UserError } from "../errors.js";
import { writeFileAtomic } from "../files.js";
import { ownVersion } from "../version.js";
import { type ForeignSource, inputsOf, readAnnotations } from "./read.js";
import type { ConvertedSet, Inputs } from "./types.js";
import { writeCoco } from "./writeCoco.js";

/** A set as a COCO file in the cache. */
export interface CachedSet {
  readonly annotations: string;
  /** The folder that its file names are relative to. */
  readonly images: string;
  readonly classes: readonly string[];
  /** What was left out or corrected. */
  readonly remarks: readonly string[];
}

/** What is read off a small file beside the annotations. */
type Index = Omit<CachedSet, "annotations">;

/** The folder of converted annotations. It may be deleted at any time. */
export const annotationsCache = (): string => join(cacheFolder(), "annotations");

/**
 * Annotations of another format as a COCO file in the cache. It is made again when the options, densekit or any file that is
 * read have changed, by name, size or time. Files are written whole: several processes may do this at once.
 *
 * @param wanted classes that the set shall have, even if it has no object of them
 * @throws UserError as the readers do, and where the cache cannot be written
 */
export async function cachedCoco(from: ForeignSource, wanted: readonly string[] = []): Promise<CachedSet> {
  const inputs = await inputsOf(from);
  const read = inputs === undefined ? await readAnnotations(from) : undefined;
  const states = read === undefined ? await statesOf(inputs!) : [contentOf(read)];
  const found = await cached(from, states, [], read);
  const others = wanted.filter((name) => !found.classes.includes(name));
  return others.length === 0 ? found : cached(from, states, others, read);
}

/** @param where names the set @throws UserError where it has no class of one of the names */
export function checkClasses({ classes }: CachedSet, wanted: readonly string[], where: string): void {
  const stranger = wanted.find((name) => !classes.includes(name));
  if (stranger === undefined) return;
  const near = nearestName(stranger, classes);
  const advice = near === undefined ? `it has ${classes.slice(0, 10).join(", ")}` : `did you mean "${near}"?`;
  throw new UserError(`${where}: it has no class "${stranger}"; ${advice}`);
}

/** A hash of all that a set has. */
function contentOf({ classes, images, folder, remarks }: ConvertedSet): string {
  const hash = createHash("sha256").update(JSON.stringify([classes, folder, remarks]));
  for (const image of images) hash.update(JSON.stringify(image));
  return hash.digest("hex");
}

/** @param read what there is, if it has been read already */
async function cached(
  from: ForeignSource,
  states: readonly string[],
  others: readonly string[],
  read: ConvertedSet | undefined,
): Promise<CachedSet> {
  // Functions, which only name things in messages, are left out of the text.
  const text = JSON.stringify([ownVersion(), read === undefined ? from : from.format, others, states]);
  const name = `${from.format}-${createHash("sha256").update(text).digest("hex").slice(0, 32)}`;
  const annotations = join(annotationsCache(), `${name}.json`);
  const index = join(annotationsCache(), `${name}.index.json`);
  const known = await readIndex(index);
  if (known !== undefined && existsSync(annotations)) return { annotations, ...known };
  const set = read ?? (await readAnnotations(from));
  const classes = [...set.classes, ...others];
  const made: Index = { images: set.folder, classes, remarks: set.remarks };
  try {
    // The index last: who finds it finds the annotations too.
    await writeCoco({ ...set, classes }, { output: annotations, force: true });
    await writeFileAtomic(index, `${JSON.stringify(made)}\n`);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(
      `${error.message}; annotations converted from ${from.input} are kept there; DENSEKIT_CACHE names another folder`,
    );
  }
  return { annotations, ...made };
}

async function readIndex(path: string): Promise<Index | undefined> {
  try {
    const index: Partial<Index> = JSON.parse(await readFile(path, "utf8"));
    const { images, classes, remarks } = index;
    return typeof images === "string" && Array.isArray(classes) && Array.isArray(remarks)
      ? (index as Index)
      : undefined;
  } catch {
    return undefined; // none yet, or damaged: it is made again
  }
}

/** Asked of the file system at a time. */
const AT_ONCE = 64;

/** Name, size and time of each file. */
async function statesOf({ files, folders, trees = [] }: Inputs): Promise<string[]> {
  const below = [
    ...(await Promise.all(folders.map((folder) => filesOf(folder, false)))),
    ...(await Promise.all(trees.map((folder) => filesOf(folder, true)))),
  ];
  const paths = [...new Set([...files, ...below.flat()])].sort();
  const states: string[] = [];
  for (let start = 0; start < paths.length; start += AT_ONCE) {
    const some = paths.slice(start, start + AT_ONCE).map(async (path) => {
      const found = await stat(path).catch(() => undefined);
      return `${path}\0${found === undefined ? "absent" : `${found.size}\0${found.mtimeMs}`}`;
    });
    states.push(...(await Promise.all(some)));
  }
  return states;
}

/** A folder that cannot be read has none: the reader says so. */
async function filesOf(folder: string, recursive: boolean): Promise<string[]> {
  const entries: Dirent[] = await readdir(folder, { recursive, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => !entry.isDirectory()).map(({ parentPath, name }) => join(parentPath, name));
}
