import { rmSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { findWeights } from "../../lib/runs/folder.js";
import { readSafetensors } from "../../lib/tensorfiles/safetensors.js";
import { decidedLines, messagesOf, trainQuietly } from "../support/runs.js";
import { makeShapes, type ShapesData, shapesConfig } from "../support/shapes.js";

for (const task of ["segmentation", "detection"] as const) {
  describe(`pieces of a recipe (${task})`, function () {
    this.timeout(180_000); // on a busy machine
    let data: ShapesData;
    let runs = 0;
    before(async () => {
      data = await makeShapes(4);
    });
    after(() => rmSync(data.folder, { recursive: true }));

    const newRun = () => join(data.folder, `run-${runs++}`);
    const train = (run: string, ...overrides: string[]) => trainQuietly(shapesConfig(task, data, run), overrides);
    const weightsAfter = async (...overrides: string[]) => {
      const run = newRun();
      const { events } = await train(run, "training.steps=1", ...overrides);
      return { events, tensors: (await readSafetensors(await findWeights(run))).tensors };
    };

    it("layerDecay moves each layer by its share of the rate, and says so before the first step", async () => {
      const descent = "training.optimizer={type: sgd, lr: 0.1, momentum: 0}";
      const start = await weightsAfter(descent, "training.optimizer.lr=1e-30");
      const whole = await weightsAfter(descent);
      const decayed = await weightsAfter(descent, "training.optimizer.layerDecay=0.5");
      const shareOf = (name: string) => {
        const stage = /^backbone\.network\.(\d)/.exec(name)?.[1];
        if (stage !== undefined) return 0.5 ** (4 - Math.ceil(Number(stage) / 2));
        return name.startsWith("backbone.patch_embed.") ? 0.5 ** 5 : 1;
      };
      const moved = new Set<number>();
      for (const [name, { data: from }] of start.tensors) {
        if (name.includes("running_")) continue;
        const [far, near] = [whole, decayed].map(({ tensors }) => tensors.get(name)!.data as Float32Array);
        const share = shareOf(name);
        const wrong = (from as Float32Array).findIndex((value, i) => {
          const expected = value + share * (far![i]! - value);
          return !(Math.abs(near![i]! - expected) <= 3e-7 * (Math.abs(value) + Math.abs(far![i]!)) + 1e-12);
        });
        expect(wrong, name).to.equal(-1);
        if (far!.some((value, i) => value !== from[i])) moved.add(share);
      }
      expect([...moved].sort()).to.deep.equal([1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1].sort());
      const { events } = decayed;
      const text =
        "learning rates decay by layer (layerDecay 0.5): the stem has 0.0313 of the rate, the last of the backbone's 5 layers 0.5, " +
        "what stands behind the backbone all of it";
      expect(messagesOf(events).split("\n")).to.include(text);
      expect(messagesOf(whole.events)).to.not.contain("decay by layer");
    });

    it("adaptive clipping holds gradients down, and does nothing where none is above its bound", async () => {
      const lines = async (...overrides: string[]) => {
        const run = newRun();
        await train(run, "training.steps=3", ...overrides);
        return decidedLines(run);
      };
      const plain = await lines();
      expect(await lines("training.adaptiveClipping.factor=1e9")).to.deep.equal(plain);
      expect(await lines("training.adaptiveClipping={}")).to.not.deep.equal(plain);
    });
  });
}
