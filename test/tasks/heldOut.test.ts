import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { resolveConfig } from "../../lib/config/load.js";
import type { Config } from "../../lib/config/schema.js";
import type { Batch } from "../../lib/datasets/loader/batch.js";
import type { Loader } from "../../lib/datasets/loader/loader.js";
import { kindOf } from "../../lib/tasks/kinds.js";
import { backboneConfig } from "../support/backboneGoldens.js";
import { gridConfig, writeGridData } from "../support/grid.js";

describe("images held out from training", () => {
  let folder: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "held-out-"));
    await writeGridData(folder);
  });
  after(() => rmSync(folder, { recursive: true }));

  /** The file of each image index, from two epochs of batches. */
  async function imagesOf(loader: Loader<Batch>): Promise<Map<number, string>> {
    const found = new Map<number, string>();
    for await (const { indices, meta } of loader.batches({ stopAt: 2 * loader.batchesPerEpoch })) {
      for (const [i, index] of indices.entries()) found.set(index, meta[i]!.file);
    }
    return found;
  }

  const open = async (config: Config) => (await kindOf(config).open(config)).trainingData();

  for (const task of ["classification", "segmentation", "detection"] as const) {
    it(`${task}: are not those that weights are trained on, and keep the indices of the whole set`, async () => {
      const input = gridConfig(task, backboneConfig.parse({ type: "efficientformer", variant: "nano" }), folder);
      const heldOut = "training.architecture.heldOut=0.3";
      const { config } = resolveConfig(input, { overrides: [heldOut, "training.seed=1"] });
      const whole = await open(resolveConfig(input).config);
      expect(whole.heldOut).to.equal(undefined);
      const all = await imagesOf(whole.loader);
      const parts = await open(config);
      const [own, held] = [await imagesOf(parts.loader), await imagesOf(parts.heldOut!)];
      expect(held.size).to.equal(Math.round(0.3 * all.size));
      expect(own.size).to.equal(all.size - held.size);
      expect(new Map([...own, ...held].sort(([a], [b]) => a - b))).to.deep.equal(
        new Map([...all].sort(([a], [b]) => a - b)),
      );
      const again = await open(config);
      expect(await imagesOf(again.heldOut!)).to.deep.equal(held);
      const other = await open(resolveConfig(input, { overrides: [heldOut, "training.seed=2"] }).config);
      expect([...(await imagesOf(other.heldOut!)).keys()].sort()).not.to.deep.equal([...held.keys()].sort());
    });
  }
});
