import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { runFuzz } from "../../tools/fuzz/run.js";
import { userMessage } from "../support/failure.js";
import { readWeights } from "../support/hostileTargets.js";
import { HOSTILE_TENSORS } from "../support/hostileTensors.js";

const TABLE = new URL("../support/hostileTargets.js", import.meta.url).href;

describe("hostile weights files", () => {
  let saveTo: string;
  before(() => {
    saveTo = mkdtempSync(join(tmpdir(), "densekit-hostile-"));
  });
  after(() => rmSync(saveTo, { recursive: true, force: true }));

  for (const [name, { make, format, refusal }] of Object.entries(HOSTILE_TENSORS)) {
    it(`take little time and memory: ${name}`, async () => {
      const result = await runFuzz({ table: TABLE, name, seed: 1, count: 1, saveTo });
      expect(result.failures.map(({ message }) => message)).to.deep.equal([]);
      expect(result[refusal === undefined ? "accepted" : "refused"]).to.equal(1);
      const bytes = make();
      expect(bytes.length).to.be.lessThan(5e6);
      if (refusal !== undefined) expect(await userMessage(() => readWeights(bytes, format))).to.contain(refusal);
    });
  }
});
