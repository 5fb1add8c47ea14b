import { UserError } from "../../errors.js";
import type { Tally, Words } from "../../formats/objects.js";

/** The limit of file names, minus what a crop's number and extension take. */
const MOST_BYTES = 200;
/** Names that Windows reserves for devices, with any extension. */
const DEVICES = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNFIT = /[\u0000-\u001f\u007f\\/:*?"<>|]/g;
const CHANGED: Words = ["class name changed to a valid folder name", "class names changed to valid folder names"];

/**
 * Makes a name valid as one part of a path on every system, and not hidden: other characters become "_".
 *
 * @returns "" if nothing is left
 */
export function safeName(name: string): string {
  const fit = name
    .normalize("NFC")
    .replace(UNFIT, "_")
    .trim()
    .replace(/^\.+/, "_")
    .replace(/[. ]+$/, "");
  return DEVICES.test(fit) ? `_${fit}` : fit;
}

/** As much of the beginning of a name as fits, cut between characters. */
export function shortened(name: string, most = MOST_BYTES): string {
  let kept = "";
  let bytes = 0;
  for (const character of name) {
    bytes += Buffer.byteLength(character);
    if (bytes > most) return kept;
    kept += character;
  }
  return kept;
}

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
