import { execFileSync } from "node:child_process";
import { existsSync, linkSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { lockedPackages } from "../../tools/licences.js";
import { ROOT } from "./documents.js";

/** A folder of links to the files of another: what is removed in it stays there. */
export function linkFolder(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) linkFolder(source, target);
    else if (entry.isFile()) linkSync(source, target);
  }
}

/** A folder below the root, on its file system, so that files of the root can be linked into it. */
export const folderBelowRoot = (name: string): string => mkdtempSync(join(ROOT, `dist/${name}-`));

/** @returns the path of the package as `npm pack` writes it into the folder */
export function packInto(folder: string): string {
  const packed = execFileSync("npm", ["pack", "--json", "--pack-destination", folder], { cwd: ROOT, encoding: "utf8" });
  const [{ filename }] = JSON.parse(packed) as [{ readonly filename: string }];
  return join(folder, filename);
}

/**
 * Links the packages that densekit depends on, and no others, into a folder's `node_modules`, with their commands: `npm install` of
 * the packed package finds them complete there, and fetches nothing.
 */
export function linkDependencies(folder: string): void {
  const outermost = lockedPackages().filter(({ folder: own }) => own.lastIndexOf("node_modules/") === 0);
  const linked = outermost.filter(({ folder: own, dev }) => !dev && existsSync(join(ROOT, own)));
  for (const { folder: own } of linked) linkFolder(join(ROOT, own), join(folder, own));
  const commands = join(folder, "node_modules/.bin");
  mkdirSync(commands);
  for (const name of readdirSync(join(ROOT, "node_modules/.bin"))) {
    const target = readlinkSync(join(ROOT, "node_modules/.bin", name));
    if (existsSync(join(commands, target))) symlinkSync(target, join(commands, name));
  }
}
