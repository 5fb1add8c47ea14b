// Compiles the kernels whose .wasm is missing or older than their source: node tools/buildKernels.mjs

import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../kernels/", import.meta.url));
const compiler = fileURLToPath(new URL("../node_modules/assemblyscript/bin/asc.js", import.meta.url));
const changed = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

for (const name of readdirSync(folder).filter((file) => file.endsWith(".json") && file !== "tsconfig.json")) {
  const config = join(folder, name);
  const { entries, targets } = JSON.parse(readFileSync(config, "utf8"));
  const output = changed(join(folder, targets.release.outFile));
  const sources = [config, ...entries.map((entry) => join(dirname(config), entry))];
  if (sources.every((source) => changed(source) < output)) continue;
  const { status } = spawnSync(process.execPath, [compiler, "--config", config, "--target", "release"], {
    stdio: "inherit",
  });
  if (status !== 0) process.exit(status ?? 1);
}
