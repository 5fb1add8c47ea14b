import { dirname, join } from "node:path";
import { UserError } from "../errors.js";
import { readTextFile } from "../files.js";
import { listNames } from "./folders.js";

/**
 * The class names of a tab-separated table with a header and the columns Idx and Name, as ADE20K ships it, by Idx from 1.
 *
 * @throws UserError naming the line when it is not such a table
 */
export async function readObjectInfo(path: string): Promise<string[]> {
  const text = await readTextFile(path);
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  const header = (lines[0] ?? "").split("\t").map((name) => name.trim());
  const idColumn = header.indexOf("Idx");
  const nameColumn = header.indexOf("Name");
  if (idColumn < 0 || nameColumn < 0) {
    throw new UserError(`${path}: the first line must name the columns Idx and Name, with tabs between`);
  }
  if (lines.length === 1) throw new UserError(`${path}: the table names no class below its first line`);
  return lines.slice(1).map((line, i) => {
    const cells = line.split("\t");
    const name = cells[nameColumn]?.trim();
    if (Number(cells[idColumn]) !== i + 1 || name === undefined || name === "") {
      throw new UserError(`${path}, line ${i + 2}: expected class ${i + 1} with its name, found "${line.trim()}"`);
    }
    return name;
  });
}

/** The only objectInfo*.txt in the folder or the two above it. @throws UserError when there is none or several */
export async function findObjectInfo(folder: string): Promise<string> {
  let current = folder;
  for (let level = 0; level < 3; level++) {
    const found = (await listNames(current)).filter((name) => /^objectInfo.*\.txt$/i.test(name));
    if (found.length > 1) {
      throw new UserError(
        `${current}: several class tables (${found.join(", ")}); choose one with objectInfo, or give classes`,
      );
    }
    if (found.length === 1) return join(current, found[0]!);
    current = dirname(current);
  }
  throw new UserError(
    `no class list: give classes (--classes), or a table of them (objectInfo, --object-info): there is no objectInfo*.txt in ${folder} ` +
      "or the two folders above it",
  );
}
