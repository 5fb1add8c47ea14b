import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { loadConfig } from "../../lib/config/load.js";
import { killAndResume, readmeConfig } from "../../tools/killAndResume.js";
import { makeShapes, shapesConfig } from "../support/shapes.js";

describe("killing and resuming", function () {
  this.timeout(180_000);
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "densekit-kill-"));
  });
  after(() => rmSync(folder, { recursive: true }));

  it("uses README's own config, unchanged", () => {
    const { config } = loadConfig(readmeConfig(folder));
    expect(config.task).to.equal("detection");
    expect(config.training).to.include({ steps: 2000, evaluateEvery: 500 });
    expect(config.training.checkpoint).to.not.have.property("every");
  });

  it("ends as if it had not been killed, and reports the step of each kill", async () => {
    const data = await makeShapes(3);
    try {
      const { training, ...rest } = shapesConfig("segmentation", data, "unused");
      const config = join(folder, "shapes.yaml");
      writeFileSync(config, JSON.stringify({ ...rest, training: { ...training, steps: 10, evaluateEvery: 3 } }));
      const lines: string[] = [];
      const options = {
        config,
        seed: Date.now(),
        overrides: ["training.ema.decay=0.9"],
        folder,
        say: (line: string) => void lines.push(line),
      };
      const result = await killAndResume({ ...options, kills: 3 });
      expect(result.differences, lines.join("\n")).to.deep.equal([]);
      expect(result.kills).to.equal(3);
      expect(lines.filter((line) => /^kill \d: after [\d.]+ s, step \d+; checkpoints: /.test(line))).to.have.length(3);
      expect(lines.at(-1)).to.match(/^round \d+: equal bit for bit$/);
    } finally {
      rmSync(data.folder, { recursive: true });
    }
  });
});
