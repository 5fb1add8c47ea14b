import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url)); // from dist/tools

/** What package-lock.json does not say: exif-parser states it in LICENSE.md, the others are not installed here. */
const UNSTATED: Readonly<Record<string, string>> = {
  "exif-parser": "MIT",
  "@tensorflow/tfjs-backend-webgpu": "Apache-2.0",
  "@tensorflow/tfjs-node": "Apache-2.0",
};

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
}

interface Locked {
  readonly version: string;
  readonly license?: string;
  readonly dev?: boolean;
}

/** A package that `npm install densekit` may install: some are for one platform alone. */
export interface InstalledPackage {
  readonly name: string;
  /** Its folder, from the root of the repository. */
  readonly folder: string;
  readonly licence: string;
  readonly dev: boolean;
}

/** Every locked package, with the licence that its package.json states. */
export function lockedPackages(): InstalledPackage[] {
  const lock: { readonly packages: Readonly<Record<string, Locked>> } = readJson("package-lock.json");
  return Object.entries(lock.packages).flatMap(([folder, { license, dev = false }]) => {
    if (folder === "") return [];
    const name = folder.slice(folder.lastIndexOf("node_modules/") + "node_modules/".length);
    return [{ name, folder, licence: stated(name, license), dev }];
  });
}

/** The tables of docs/packages.md: what is installed, by licence, and what may be added. */
export function licenceTable(): string {
  const { dependencies, peerDependencies }: Manifest = readJson("package.json");
  const all = lockedPackages();
  const byLicence = new Map<string, Set<string>>();
  for (const { name, licence } of all.filter(({ dev }) => !dev)) {
    byLicence.set(licence, (byLicence.get(licence) ?? new Set()).add(name in dependencies ? `**${name}**` : name));
  }
  const rows = [...byLicence]
    .sort(([, a], [, b]) => b.size - a.size)
    .map(([licence, names]) => `| ${licence} | ${[...names].sort(byName).join(", ")} |`);
  const optional = Object.keys(peerDependencies).map((name) => {
    const found = all.find((one) => one.folder === `node_modules/${name}`);
    return `| ${name} | ${found?.licence ?? stated(name)} |`;
  });
  return [
    "| licence | installed with densekit (in bold what it uses itself) |\n| --- | --- |",
    ...rows,
    "\n| optional package | licence |\n| --- | --- |",
    ...optional,
  ].join("\n");
}

function stated(name: string, licence = UNSTATED[name]): string {
  if (licence === undefined)
    throw new Error(`${name} states no licence; look into it, then name it in tools/licences.ts`);
  return licence;
}

const bare = (name: string): string => name.replaceAll("*", "");
const byName = (a: string, b: string): number => (bare(a) < bare(b) ? -1 : 1);

function readJson<T>(file: string): T {
  return JSON.parse(readFileSync(`${ROOT}${file}`, "utf8"));
}
