// Runs the tests on other versions of Node, with the binaries from npm's `node` package: node tools/testOnNode.mjs 22 24 [-- specs]
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const given = process.argv.slice(2);
const split = given.indexOf("--");
const versions = split < 0 ? given : given.slice(0, split);
const specs = split < 0 ? [] : given.slice(split + 1);
if (versions.length === 0 || versions.some((version) => !/^\d+(\.\d+){0,2}$/.test(version))) {
  process.stderr.write("give versions of Node, such as: npm run test:node -- 22 24\n");
  process.exit(2);
}

/** @returns the path of the version's program, below the folder */
function fetchNode(version, folder) {
  const platform = process.platform === "win32" ? "win" : process.platform;
  const name = `node-${platform}-${process.arch}@${version}`;
  const packed = spawnSync("npm", ["pack", name, "--json", "--pack-destination", folder], { encoding: "utf8" });
  if (packed.status !== 0) throw new Error(`npm pack ${name}: ${packed.stderr.trim().split("\n").at(-1)}`);
  // A range matches several versions; npm lists them in order.
  const { filename } = JSON.parse(packed.stdout).at(-1);
  const unpacked = spawnSync("tar", ["-xzf", join(folder, filename), "-C", folder]);
  if (unpacked.status !== 0) throw new Error(`tar cannot unpack ${filename}`);
  return join(folder, "package", "bin", platform === "win" ? "node.exe" : "node");
}

let failed = false;
for (const version of versions) {
  const folder = mkdtempSync(join(tmpdir(), "densekit-node-"));
  try {
    const node = fetchNode(version, folder);
    const found = spawnSync(node, ["--version"], { encoding: "utf8" }).stdout.trim();
    process.stdout.write(`Node ${found}\n`);
    const mocha = join(ROOT, "node_modules", "mocha", "bin", "mocha.js");
    const path = `${join(node, "..")}:${process.env.PATH}`; // for tests that start commands by name
    // A config's spec would be added to the given ones.
    const own = ["--no-config", "--require", "dist/test/support/ownProcess.js", "--timeout", "60000"];
    const options = specs.length === 0 ? [] : [...own, ...specs];
    const { status } = spawnSync(node, [mocha, ...options], {
      cwd: ROOT,
      stdio: "inherit",
      env: { ...process.env, PATH: path },
    });
    failed ||= status !== 0;
  } catch (error) {
    process.stderr.write(`Node ${version}: ${error.message}\n`);
    failed = true;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
process.exitCode = failed ? 1 : 0;
