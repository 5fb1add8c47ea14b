import { UserError } from "../../errors.js";
import { MOST_BYTES, safeName, shortened } from "../../fileNames.js";
import type { Tally, Words } from "../../formats/objects.js";

const CHANGED: Words = ["class name changed to a valid folder name", "class names changed to valid folder names"];

/**
 * The folder of each class. Changed names are reported.
 *
 * @throws UserError when a name gives no folder, is too long, or two only differ in case
 */
export function classFolders(classes: readonly string[], tally: Tally): ReadonlyMap<string, string> {
  const folders = new Map<string, string>();
  const owners = new Map<string, string>();
  for (const name of classes) {
    const folder = safeName(name);
    if (folder === "") throw new UserError(`the class ${JSON.stringify(name)} cannot be a folder name; rename it`);
    if (Buffer.byteLength(folder) > MOST_BYTES) {
      throw new UserError(`the class "${shortened(name, 40)}…" is too long for a folder name; rename it`);
    }
    const owner = owners.get(folder.toLowerCase());
    if (owner !== undefined) {
      throw new UserError(
        `the classes ${JSON.stringify(owner)} and ${JSON.stringify(name)} would share one folder, ${folder}; rename one`,
      );
    }
    owners.set(folder.toLowerCase(), name);
    folders.set(name, folder);
    if (folder !== name) tally.name(CHANGED, `${JSON.stringify(name)} → ${folder}`);
  }
  return folders;
}
