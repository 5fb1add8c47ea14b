import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { cacheFolder } from "../../../lib/cacheFolder.js";
import { installTensorFlow } from "../../../lib/engines/tfjs/install.js";
import { damagedFiles, installationFolder, MANIFEST, sha256Of } from "../../../lib/engines/tfjs/installation.js";
import { command } from "../../support/commandLine.js";
import { userMessage } from "../../support/failure.js";

/** A folder of programs that only print their arguments and exit with a code. */
function fakeTools(folder: string, codes: Readonly<Record<string, number>>): NodeJS.ProcessEnv {
  const bin = join(folder, "bin");
  rmSync(bin, { recursive: true, force: true });
  mkdirSync(bin, { recursive: true });
  for (const [name, code] of Object.entries(codes)) {
    const path = join(bin, name);
    const answer = `case "$*" in *--version*) exit 0;; esac; echo "${name} was asked $1" >&2; exit ${code}`;
    writeFileSync(path, `#!/bin/sh\n${answer}\n`);
    chmodSync(path, 0o755);
  }
  return { PATH: bin };
}

describe("installing TensorFlow", function () {
  this.timeout(30_000);
  let folder: string;
  beforeEach(function () {
    if (process.platform !== "linux" || process.arch !== "x64") this.skip();
    folder = mkdtempSync(join(tmpdir(), "densekit-install-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const refusal = (codes: Readonly<Record<string, number>>) =>
    userMessage(() => installTensorFlow({ cache: folder, environment: fakeTools(folder, codes) }));

  it("names every tool that is missing, and how to get it", async () => {
    const all = await refusal({});
    expect(all).to.contain(
      "Python 3 with pip, which downloads TensorFlow (Debian: apt install python3-pip), and a C++ compiler",
    );
    expect(all).to.contain("(Debian: apt install g++), and npm, which downloads");
    expect(all).to.contain(join(folder, "bin"));
    expect(await refusal({ python3: 0, npm: 0 })).to.contain("needs a C++ compiler, which builds the binding");
    expect(await refusal({ "g++": 0, npm: 0 })).to.contain("needs Python 3 with pip");
  });

  it("reports the last output of a tool that fails, and leaves nothing half done", async () => {
    expect(await refusal({ python3: 0, "g++": 0, npm: 7 })).to.equal(
      "npm install --ignore-scripts --no-audit … failed:\nnpm was asked install",
    );
    expect(await refusal({ python3: 3, "g++": 0, npm: 0 })).to.match(
      /^python3 -m pip download … failed:\npython3 was asked -m/,
    );
    expect(readdirSync(folder)).to.deep.equal(["bin"]);
  });

  it("reports a cache folder that cannot be written", async () => {
    const file = join(folder, "file");
    writeFileSync(file, "");
    const message = await userMessage(() => installTensorFlow({ cache: join(file, "cache") }));
    expect(message).to.match(/^cannot write .*cache: a part of the path is not a folder/);
  });

  it("stops when aborted", async () => {
    const environment = fakeTools(folder, { python3: 0, "g++": 0, npm: 0 });
    const signal = AbortSignal.abort(new Error("enough"));
    let reason: unknown;
    await installTensorFlow({ cache: folder, environment, signal }).catch((error: unknown) => (reason = error));
    expect(reason).to.have.property("message", "enough");
  });

  it("tells a complete installation from a damaged one", async () => {
    const place = installationFolder(folder);
    const path = join("lib", "library.so");
    mkdirSync(dirname(join(place, path)), { recursive: true });
    writeFileSync(join(place, path), "abc");
    // SHA-256 of "abc", from FIPS 180-4
    const sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    expect(await sha256Of(join(place, path))).to.equal(sha256);
    const manifest = { tensorflow: "2.16.1", tfjsNode: "4.22.0", files: [{ path, bytes: 3, sha256 }] };
    writeFileSync(join(place, MANIFEST), JSON.stringify(manifest));
    expect(await installTensorFlow({ cache: folder })).to.deep.include({ folder: place, built: false, bytes: 3 });
    writeFileSync(join(place, path), "abd");
    expect(await damagedFiles(place, manifest)).to.deep.equal([path]);
    const said: string[] = [];
    const environment = fakeTools(folder, { python3: 0, "g++": 0, npm: 7 });
    await userMessage(() => installTensorFlow({ cache: folder, environment, onEvent: ({ text }) => said.push(text) }));
    expect(said[0]).to.equal(`${place}: ${path} changed since it was built; rebuilding`);
  });

  it("keeps its files in the user's cache folder, or in $DENSEKIT_CACHE", () => {
    expect(cacheFolder({ XDG_CACHE_HOME: "/c" })).to.equal(join("/c", "densekit"));
    expect(cacheFolder({ DENSEKIT_CACHE: "/d", XDG_CACHE_HOME: "/c" })).to.equal("/d");
  });

  it("has help", async () => {
    const { code, stdout } = await command("engine", "install", "tensorflow", "--help");
    expect(code).to.equal(0);
    expect(stdout).to.contain("$ densekit engine install tensorflow --force");
  });
});
