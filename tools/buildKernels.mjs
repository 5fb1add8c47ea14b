// Compiles the kernels whose source has changed since lib/kernels/compiled.ts was written, and writes that file:
// node tools/buildKernels.mjs

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../kernels/", import.meta.url));
const compiled = fileURLToPath(new URL("../lib/kernels/compiled.ts", import.meta.url));
const assemblyscript = fileURLToPath(new URL("../node_modules/assemblyscript/", import.meta.url));
const { version } = JSON.parse(readFileSync(join(assemblyscript, "package.json"), "utf8"));

/** The modules in the existing compiled.ts: name → hash of the source, bytes in base64. */
function present() {
  const text = existsSync(compiled) ? readFileSync(compiled, "utf8") : "";
  const entries = text.matchAll(/^ {2}(\w+): \{\s+source: "(\w+)",\s+wasm:\s+"([^"]+)",/gm);
  return new Map([...entries].map(([, name, source, wasm]) => [name, { source, wasm }]));
}

function compile(config, outFile) {
  const args = [join(assemblyscript, "bin/asc.js"), "--config", config, "--target", "release"];
  const { status } = spawnSync(process.execPath, args, { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
  return readFileSync(join(folder, outFile)).toString("base64");
}

const known = present();
const modules = readdirSync(folder)
  .filter((file) => file.endsWith(".json") && file !== "tsconfig.json")
  .sort()
  .map((file) => {
    const config = readFileSync(join(folder, file), "utf8");
    const { entries, targets } = JSON.parse(config);
    const hash = createHash("sha256").update(version).update(config);
    for (const entry of entries) hash.update(readFileSync(join(folder, entry)));
    const name = file.replace(/\.json$/, "");
    const source = hash.digest("hex");
    const before = known.get(name);
    if (before?.source === source) return { name, ...before };
    return { name, source, wasm: compile(join(folder, file), targets.release.outFile) };
  });

const text = `// Made by "npm run kernels" of kernels/; not to be edited.

interface Compiled {
  /** SHA-256 of what it was compiled from. */
  readonly source: string;
  /** The module, in base64. */
  readonly wasm: string;
}

/** The modules of kernels/ as text, so that no file has to be read for them, in Node or in a browser. */
export const COMPILED: Readonly<Record<${modules.map(({ name }) => `"${name}"`).join(" | ")}, Compiled>> = {
${modules.map(({ name, source, wasm }) => `  ${name}: {\n    source: "${source}",\n    wasm: "${wasm}",\n  },\n`).join("")}};
`;
if (!existsSync(compiled) || readFileSync(compiled, "utf8") !== text) writeFileSync(compiled, text);
