import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { evaluate } from "../../lib/inference/evaluate.js";
import type { TrainingEvent } from "../../lib/loggers/events.js";
import { findWeights } from "../../lib/runs/folder.js";
import { readSafetensors } from "../../lib/tensorfiles/safetensors.js";
import { checkpointBytes, decidedLines, messagesOf, trainQuietly } from "../support/runs.js";
import { makeShapes, type ShapesData, shapesConfig } from "../support/shapes.js";

for (const task of ["segmentation", "detection", "classification"] as const) {
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

    it("layerDecay scales each layer's learning rate, and reports it before the first step", async () => {
      const descent = "training.optimizer={type: sgd, lr: 0.1, momentum: 0}";
      const start = await weightsAfter(descent, "training.optimizer.lr=1e-30");
      const whole = await weightsAfter(descent);
      const decayed = await weightsAfter(descent, "training.optimizer.layerDecay=0.5");
      const shareOf = (name: string) => {
        const stage = /^backbone\.network\.(\d)/.exec(name)?.[1];
        if (stage !== undefined) return 0.5 ** (4 - Math.ceil(Number(stage) / 2));
        if (name.startsWith("backbone.norm.")) return 0.5; // a classifier's
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
        "everything after the backbone all of it";
      expect(messagesOf(events).split("\n")).to.include(text);
      expect(messagesOf(whole.events)).to.not.contain("decay by layer");
    });

    it("adaptive clipping limits gradients, and does nothing if none is above its bound", async () => {
      const lines = async (...overrides: string[]) => {
        const run = newRun();
        await train(run, "training.steps=3", ...overrides);
        return decidedLines(run);
      };
      const plain = await lines();
      expect(await lines("training.adaptiveClipping.factor=1e9")).to.deep.equal(plain);
      expect(await lines("training.adaptiveClipping={}")).to.not.deep.equal(plain);
    });

    const fileOf = (run: string, step: number, name: string) =>
      join(run, "checkpoints", `step-${String(step).padStart(8, "0")}`, name);
    const tensorsOf = async (path: string) => (await readSafetensors(path)).tensors;

    it("ema keeps the average of all steps, without affecting training", async () => {
      const plain = newRun();
      const often = ["training.steps=5", "training.checkpoint={every: 1, keep: 9}"];
      await train(plain, ...often);
      const run = newRun();
      const { events } = await train(run, ...often, "training.ema.decay=0.4");
      expect(messagesOf(events)).to.contain(
        "the moving average of the weights (training.ema, decay 0.4) is used for validation and best.safetensors",
      );
      const stepsOf = (folder: string) => decidedLines(folder).filter((line) => "losses" in line);
      const figuresOf = (folder: string) => decidedLines(folder).filter((line) => "metrics" in line);
      expect(stepsOf(run)).to.deep.equal(stepsOf(plain));
      expect(figuresOf(run)).to.not.deep.equal(figuresOf(plain));
      expect(checkpointBytes(run, 5).slice(1)).to.deep.equal(checkpointBytes(plain, 5));

      const { tensors: start } = await weightsAfter("training.optimizer.lr=1e-30");
      const models = await Promise.all(
        [1, 2, 3, 4, 5].map((step) => tensorsOf(fileOf(run, step, "model.safetensors"))),
      );
      const average = await tensorsOf(fileOf(run, 5, "ema.safetensors"));
      expect([...average.keys()]).to.deep.equal([...models[0]!.keys()]);
      for (const [name, { data: found }] of average) {
        const initial = name.endsWith("running_mean") ? 0 : name.endsWith("running_var") ? 1 : undefined;
        const expected = Float64Array.from(start.get(name)!.data as Float32Array, (value) => initial ?? value);
        models.forEach((tensors, i) => {
          const decay = Math.min(0.4, (2 + i) / (11 + i));
          const now = tensors.get(name)!.data as Float32Array;
          for (const [j, value] of now.entries()) expected[j] = decay * expected[j]! + (1 - decay) * value;
        });
        const wrong = expected.findIndex(
          (value, j) => !(Math.abs(Number(found[j]) - value) <= 1e-6 * (1 + Math.abs(value))),
        );
        expect(wrong, name).to.equal(-1);
      }
      const best = await readSafetensors(join(run, "best.safetensors"));
      expect(best.metadata.ema).to.equal("0.4");
      const ofStep = await tensorsOf(fileOf(run, Number(best.metadata.step), "ema.safetensors"));
      expect(best.tensors).to.deep.equal(ofStep);
      expect(await findWeights(join(run, "checkpoints", "step-00000005"))).to.equal(fileOf(run, 5, "ema.safetensors"));
    });

    it("ema, if resumed, gives the average of an undisturbed run, bit for bit", async () => {
      const overrides = [
        "training.steps=6",
        "training.ema={decay: 0.9}",
        "training.accumulate=2",
        "training.evaluateEvery=3",
      ];
      const whole = newRun();
      await train(whole, ...overrides);
      const run = newRun();
      for (const stop of [2, 3]) {
        const controller = new AbortController();
        const onEvent = (event: TrainingEvent) => {
          // At step 3, in the middle of the validation that is due, while the average replaces the model's weights.
          if (stop === 2 ? event.type === "step" && event.step === 2 : event.type === "progress") controller.abort();
        };
        const options = { resume: true, signal: controller.signal, onEvent };
        const failure = await trainQuietly(shapesConfig(task, data, run), overrides, options).catch(
          (error: unknown) => error,
        );
        expect(failure).to.equal(controller.signal.reason);
      }
      await trainQuietly(shapesConfig(task, data, run), overrides, { resume: true });
      expect(decidedLines(run)).to.deep.equal(decidedLines(whole));
      const expected = checkpointBytes(whole, 6);
      expect(expected).to.have.length(3);
      expect(checkpointBytes(run, 6).map((bytes, i) => bytes.equals(expected[i]!))).to.deep.equal([true, true, true]);
      expect(
        readFileSync(join(run, "best.safetensors")).equals(readFileSync(join(whole, "best.safetensors"))),
      ).to.equal(true);
    });

    it("stops early, says why, and resuming does not change that", async () => {
      // No validation is better than the first, whatever its result.
      const stopping = [
        "training.earlyStopping={metric: loss, patience: 2, minDelta: 1e6}",
        "training.evaluateEvery=2",
      ];
      const overrides = ["training.steps=12", ...stopping];
      const whole = newRun();
      const { events, result } = await train(whole, ...overrides);
      expect(result).to.include({ steps: 6, ended: "earlyStopping" });
      const why = /^loss was not more than 1000000 below the [\d.]+ of step 2 in 2 validations since$/;
      const told = /^stopped early after step 6 of 12: (.*)$/m.exec(messagesOf(events))?.[1];
      expect(told).to.match(why);
      expect(events.at(-1), "the last event").to.deep.include({ type: "message" });

      const run = newRun();
      const resume = async (more: readonly string[], stopAt?: number) => {
        const controller = new AbortController();
        const onEvent = (event: TrainingEvent) => {
          if (event.type === "step" && event.step === stopAt) controller.abort();
        };
        const options = { resume: true, signal: controller.signal, onEvent };
        return trainQuietly(shapesConfig(task, data, run), [...overrides, ...more], options);
      };
      for (const stopAt of [3, 5])
        expect(await resume([], stopAt).catch((error: unknown) => error)).to.have.property("name", "AbortError");
      expect((await resume([])).result).to.include({ steps: 6, ended: "earlyStopping" });
      expect(decidedLines(run)).to.deep.equal(decidedLines(whole));
      const expected = checkpointBytes(whole, 6);
      expect(checkpointBytes(run, 6).map((bytes, i) => bytes.equals(expected[i]!))).to.deep.equal([true, true]);

      const again = await resume([]);
      expect(again.result).to.include({ steps: 6, ended: "earlyStopping" });
      expect(messagesOf(again.events)).to.contain(
        `training already stopped early: ${told}; raise training.earlyStopping.patience to continue`,
      );
      const patient = await resume(["training.earlyStopping.patience=4"]);
      expect(patient.result).to.include({ steps: 10, ended: "earlyStopping" });
      expect(messagesOf(patient.events)).to.contain("stopped early after step 10 of 12: ");
      const { result: last, events: toEnd } = await resume(["training.earlyStopping.patience=5"]);
      expect(last).to.include({ steps: 12, ended: "steps" });
      expect(messagesOf(toEnd), "its patience ends with the run").to.not.contain("stopped early after");
    });
  });
}

describe("a moving average of the weights", function () {
  this.timeout(180_000);
  let data: ShapesData;
  before(async () => {
    data = await makeShapes(4);
  });
  after(() => rmSync(data.folder, { recursive: true }));

  it("is validated: evaluate gives its metrics, and others for the weights themselves", async () => {
    const run = join(data.folder, "validated");
    const overrides = ["training.steps=40", "training.ema={}"];
    const { config, result } = await trainQuietly(shapesConfig("segmentation", data, run), overrides);
    const folder = join(run, "checkpoints", "step-00000040");
    const figures = async (weights: string) =>
      (await evaluate({ config, weights, output: join(data.folder, "figures") })).metrics;
    expect((await figures(folder)).mIoU).to.equal(result.metrics.mIoU);
    expect((await figures(run)).mIoU).to.equal(result.metrics.mIoU);
    expect((await figures(join(folder, "model.safetensors"))).mIoU).to.not.equal(result.metrics.mIoU);
  });

  it("may start and end when a run is resumed, which is reported", async () => {
    const run = join(data.folder, "changed");
    const go = async (...overrides: string[]) =>
      messagesOf((await trainQuietly(shapesConfig("segmentation", data, run), overrides, { resume: true })).events);
    await go("training.steps=1");
    expect(await go("training.steps=2", "training.ema.decay=0.5")).to.contain(
      "the average of the weights starts from those of step 1: training.ema was not set before",
    );
    const stepFile = (step: number, name: string) => join(run, "checkpoints", `step-0000000${step}`, name);
    const tensorsOf = async (path: string) => (await readSafetensors(path)).tensors;
    const [before, now] = [
      await tensorsOf(stepFile(1, "model.safetensors")),
      await tensorsOf(stepFile(2, "model.safetensors")),
    ];
    const decay = 3 / 12;
    for (const [name, { data: found }] of await tensorsOf(stepFile(2, "ema.safetensors"))) {
      const [from, to] = [before, now].map((tensors) => tensors.get(name)!.data as Float32Array);
      const wrong = (found as Float32Array).findIndex(
        (value, i) => !(Math.abs(value - (decay * from![i]! + (1 - decay) * to![i]!)) <= 1e-6 * (1 + Math.abs(value))),
      );
      expect(wrong, name).to.equal(-1);
    }
    expect(await go("training.steps=3")).to.contain(
      "the average of the weights ends here: training.ema is no longer set",
    );
    expect(existsSync(stepFile(3, "ema.safetensors"))).to.equal(false);
    expect(existsSync(stepFile(3, "model.safetensors"))).to.equal(true);
  });
});
