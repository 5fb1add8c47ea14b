import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { runFuzz } from "../../tools/fuzz/run.js";
import { userMessage } from "../support/failure.js";
import { HOSTILE_CONFIGS, load } from "../support/hostileConfigs.js";

const TABLE = new URL("../support/hostileConfigs.js", import.meta.url).href;

describe("hostile configs", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "densekit-hostile-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  for (const [name, { files, refusal }] of Object.entries(HOSTILE_CONFIGS)) {
    it(`take little time and memory: ${name}`, async () => {
      const result = await runFuzz({ table: TABLE, name, seed: 1, count: 1, saveTo: folder });
      expect(result.failures.map(({ message }) => message)).to.deep.equal([]);
      expect(result[refusal === undefined ? "accepted" : "refused"]).to.equal(1);
      if (refusal === undefined) expect(load(folder, files()).config.training.seed).to.equal(7);
      else expect(await userMessage(() => load(folder, files()))).to.match(refusal);
    });
  }
});
