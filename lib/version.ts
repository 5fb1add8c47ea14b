import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** densekit's own version, from its package.json. */
export function ownVersion(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, "package.json"))) folder = dirname(folder);
  const manifest: { readonly version?: string } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return manifest.version ?? "0.0.0";
}
