import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { copyFileAtomic, writeFileAtomic } from "../lib/files.js";

describe("files with the longest names that the system allows", () => {
  it("are written and copied: the temporary name is not longer", async () => {
    const folder = await mkdtemp(join(tmpdir(), "densekit-names-"));
    try {
      for (const name of [`${"a".repeat(251)}.jpg`, `${"ü".repeat(125)}.jpg`]) {
        await writeFile(join(folder, name), "x"); // the system allows it
        await writeFileAtomic(join(folder, name), "y");
        await copyFileAtomic(join(folder, name), join(folder, `b${name.slice(2)}`));
        expect(await readFile(join(folder, `b${name.slice(2)}`), "utf8")).to.equal("y");
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
