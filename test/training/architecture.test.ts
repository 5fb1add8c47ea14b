import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { resolveConfig } from "../../lib/config/load.js";
import type { ConfigInput } from "../../lib/config/schema.js";
import { architectureConfig } from "../../lib/config/training.js";
import type { Batch } from "../../lib/datasets/loader/batch.js";
import type { Loader } from "../../lib/datasets/loader/loader.js";

import type { ArchitectureEvent } from "../../lib/loggers/events.js";
import type { Trainer } from "../../lib/models/model.js";
import { type Parameter, ParameterValues } from "../../lib/nn/parameters.js";
import { readHistory } from "../../lib/runs/history.js";
import { readSafetensors } from "../../lib/tensorfiles/safetensors.js";
import { sharesOf, temperatureAt, trainArchitecture } from "../../lib/training/architecture.js";
import { backboneConfig } from "../support/backboneGoldens.js";
import { userMessage } from "../support/failure.js";
import { gridConfig, writeGridData } from "../support/grid.js";
import { checkpointBytes, decidedLines, messagesOf, trainQuietly } from "../support/runs.js";

const SIZE = { widths: [16, 16, 32, 32], depths: [1, 1, 2, 1], attentionBlocks: 2 } as const;
const PATHS = 5;

describe("the temperature of a supernet's choices", () => {
  const config = architectureConfig.parse({ warmup: 0.2, temperature: { from: 2, to: 0.125 } });

  it("stays until the warm-up ends, then falls by the same factor at each step", () => {
    const all = Array.from({ length: 10 }, (_, i) => temperatureAt(config, i + 1, 10));
    expect(all.slice(0, 3)).to.deep.equal([2, 2, 2]);
    expect(all.at(-1)).to.be.closeTo(0.125, 1e-12);
    for (let i = 3; i < 10; i++) expect(all[i]! / all[i - 1]!).to.be.closeTo((0.125 / 2) ** (1 / 7), 1e-12);
  });

  it("is the first in a run of one step", () => {
    expect(temperatureAt(config, 1, 1)).to.equal(2);
  });

  it("sharpens shares", () => {
    const shares = sharesOf(Float32Array.of(1, 2, 0), 0.5);
    const weights = [Math.exp(2), Math.exp(4), 1];
    const sum = weights.reduce((a, b) => a + b);
    for (const [i, weight] of weights.entries()) expect(shares[i]).to.be.closeTo(weight / sum, 1e-12);
    expect(sharesOf(Float32Array.of(0, 3), 1e-3)).to.deep.equal([0, 1]);
  });
});

/** Parameters like a model's, as far as they matter here: α among weights, and a running statistic. */
function someValues(): ParameterValues {
  const initialise: Parameter["initialise"] = (values) => values.fill(0);
  const alphas = [0, 2, 4, 4, 6].map((place, i): Parameter => {
    return { name: `backbone.alpha.${place}.${i === 3 ? 1 : 0}`, shape: [i < 3 ? 2 : 3], role: "alpha", initialise };
  });
  return new ParameterValues([
    { name: "before", shape: [3], role: "weight", initialise },
    ...alphas,
    { name: "backbone.temperature", shape: [1], role: "buffer", initialise },
    { name: "backbone.norm.running_mean", shape: [2], role: "buffer", initialise },
    { name: "after", shape: [2], role: "weight", initialise },
  ]);
}

describe("training the choices of a supernet", () => {
  const configOf = (architecture: object) =>
    resolveConfig({
      task: "classification",
      model: { backbone: { type: "efficientformerSupernet", size: SIZE }, head: { type: "classifier" } },
      data: { type: "imageLabels", train: { images: "a" }, val: { images: "b" } },
      training: { steps: 10, optimizer: { type: "sgd", lr: 1 }, schedule: { type: "constant" }, architecture },
    } as unknown as ConfigInput).config;
  const sgd = { type: "sgd", lr: 0.5, momentum: 0 };
  const noTrainer = {} as Trainer<Batch>;
  const alphasOf = (values: ParameterValues) => [...values.flat.subarray(3, 3 + 12)];

  it("separates α's gradient from the others' and updates only α, after the warm-up", async () => {
    const values = someValues();
    const config = configOf({ optimizer: sgd, warmup: 0.2 });
    const training = trainArchitecture({
      config,
      values,
      trainer: noTrainer,
      heldOut: undefined,
      steps: 10,
      expectedLatency: undefined,
    })!;
    for (const step of [1, 2, 3]) {
      const gradients = Float32Array.from({ length: 17 }, (_, i) => i + 1);
      training.begin(step);
      const norm = await training.backward(gradients, 0.5, step);
      expect([...gradients]).to.deep.equal([1, 2, 3, ...new Array(12).fill(0), 16, 17]);
      const taken = Array.from({ length: 12 }, (_, i) => (i + 4) / 2);
      expect(norm).to.be.closeTo(Math.hypot(...taken), 1e-5);
      training.update(step);
      expect(alphasOf(values)).to.deep.equal(taken.map((g) => (step > 2 ? -g / 2 : 0)));
    }
    expect([...values.view("before"), ...values.view("after")]).to.deep.equal([0, 0, 0, 0, 0]);
  });

  it("computes α's gradient on held-out batches, one per step from the warm-up on, without changing running statistics", async () => {
    const values = someValues();
    values.view("backbone.norm.running_mean").fill(7);
    const asked: unknown[] = [];
    const heldOut = {
      async *batches(range: unknown) {
        asked.push(range);
        for (let i = 0; ; i++) yield { number: i } as unknown as Batch;
      },
    } as unknown as Loader<Batch>;
    const trainer = {
      async step(batch: { number: number }, { gradients }: { gradients: Float32Array }) {
        gradients.fill(batch.number + 1);
        values.flatBuffers.fill(99);
        return {};
      },
    } as unknown as Trainer<Batch>;
    const config = configOf({ optimizer: sgd, warmup: 0.2, heldOut: 0.5, temperature: { from: 3, to: 3 } });
    const training = trainArchitecture({ config, values, trainer, heldOut, steps: 10, expectedLatency: undefined })!;
    const expected = [0, 0, -0.5, -1.5];
    for (const [i, alpha] of expected.entries()) {
      const gradients = new Float32Array(17).fill(1000);
      training.begin(i + 1);
      await training.backward(gradients, 1, i + 1);
      expect([...gradients]).to.deep.equal([...new Array(3).fill(1000), ...new Array(12).fill(0), 1000, 1000]);
      training.update(i + 1);
      expect(alphasOf(values)).to.deep.equal(new Array(12).fill(alpha));
      expect([...values.flatBuffers]).to.deep.equal([3, 7, 7]);
    }
    expect(asked).to.deep.equal([{ startAt: 0, stopAt: 8 }]);
    await training.stop();
  });

  it("refuses to train choices if there are none", async () => {
    const { config } = resolveConfig({
      ...configOf({}),
      model: { backbone: { type: "efficientformer", variant: "nano" }, head: { type: "classifier" } },
    } as unknown as ConfigInput);
    const options = {
      config,
      values: someValues(),
      trainer: noTrainer,
      heldOut: undefined,
      steps: 10,
      expectedLatency: undefined,
    };
    expect(await userMessage(() => trainArchitecture(options))).to.equal(
      "training.architecture: a backbone of type efficientformer has nothing to choose; " +
        "take one of type efficientformerSupernet, or delete this key by setting it to null",
    );
  });
});

describe("a supernet trained", function () {
  this.timeout(300_000);
  let folder: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "supernet-"));
    await writeGridData(folder);
  });
  after(() => rmSync(folder, { recursive: true }));

  const STEPS = 10;
  const inputOf = (
    task: "classification" | "segmentation" | "detection",
    name: string,
    architecture: object = {},
  ): ConfigInput => {
    const grid = gridConfig(task, backboneConfig.parse({ type: "efficientformerSupernet", size: SIZE }), folder);
    return {
      ...grid,
      training: {
        ...grid.training,
        steps: STEPS,
        logEvery: 2,
        architecture: { warmup: 0.4, optimizer: { type: "adamw", lr: 0.05 }, ...architecture },
      },
      output: join(folder, "runs", name),
    } as ConfigInput;
  };

  for (const task of ["classification", "segmentation", "detection"] as const) {
    it(`${task}: α stay constant, then change, and are logged`, async () => {
      const { result } = await trainQuietly(inputOf(task, task));
      const { architectures, steps } = await readHistory(join(result.run, "log.jsonl"));
      expect(steps).to.have.length(STEPS);
      expect(architectures.map(({ step }) => step)).to.deep.equal([1, 2, 4, 6, 8, 10]);
      for (const { step, paths, temperature } of architectures) {
        expect(paths.map(({ stage, block }) => [stage, block])).to.deep.equal([
          [1, 1],
          [2, 1],
          [3, 1],
          [3, 2],
          [4, 1],
        ]);
        expect(paths.map(({ alpha }) => Object.keys(alpha))).to.deep.equal(
          paths.map(({ stage, block }) => {
            const attends = stage === 4 || (stage === 3 && block === 2);
            return attends ? ["MB4D", "MB3D", "identity"] : ["MB4D", "identity"];
          }),
        );
        const moved = paths.filter(({ alpha }) => Object.values(alpha).some((value) => value !== 0));
        expect(moved, `step ${step}`).to.have.length(step <= 4 ? 0 : PATHS);
        if (step <= 5) expect(temperature).to.equal(1);
        for (const { alpha, share } of paths) {
          const expected = sharesOf(Float32Array.from(Object.values(alpha)), temperature);
          for (const [i, value] of Object.values(share).entries()) expect(value).to.be.closeTo(expected[i]!, 1e-6);
        }
      }
      expect(architectures.at(-1)!.temperature).to.be.closeTo(0.1, 1e-6);
      const { tensors } = await readSafetensors(join(result.run, "checkpoints", "step-00000010", "model.safetensors"));
      const last = architectures.at(-1)!.paths[4]!.alpha;
      expect([...(tensors.get("backbone.alpha.6.0")!.data as Float32Array)]).to.deep.equal(Object.values(last));
      expect(result.metrics).to.include.keys("loss");
    });
  }

  it("is the same run if stopped and resumed, also with held-out images", async () => {
    const architecture = { heldOut: 0.3 };
    const whole = await trainQuietly(inputOf("classification", "whole", architecture));
    const stop = new AbortController();
    const onEvent = (event: { type: string; step?: number }) => {
      if (event.type === "architecture" && event.step === 6) stop.abort(new Error("stopped"));
    };
    const input = inputOf("classification", "stopped", architecture);
    const stopped = await trainQuietly(input, [], { signal: stop.signal, onEvent }).catch(
      (error: Error) => error.message,
    );
    expect(stopped).to.equal("stopped");
    const { result, events } = await trainQuietly(input, [], { resume: true });
    expect(messagesOf(events)).not.to.contain("from the beginning");
    expect(checkpointBytes(result.run, STEPS)).to.deep.equal(checkpointBytes(whole.result.run, STEPS));
    expect(decidedLines(result.run)).to.deep.equal(decidedLines(whole.result.run));
    const told = decidedLines(result.run).filter((line): line is ArchitectureEvent => "paths" in line);
    expect(told.length).to.equal(6);
    expect(readFileSync(join(result.run, "log.jsonl"), "utf8")).to.contain('"alpha":{"MB4D":');
  });

  it("learns other weights and other α if images are held out", async () => {
    const alphas = async (name: string) => {
      const { tensors } = await readSafetensors(
        join(folder, "runs", name, "checkpoints", "step-00000010", "model.safetensors"),
      );
      return [...(tensors.get("backbone.alpha.0.0")!.data as Float32Array)];
    };
    expect(await alphas("whole")).not.to.deep.equal(await alphas("classification"));
  });

  it("refuses shares that leave no images", async () => {
    const refused = (heldOut: number) =>
      userMessage(() => trainQuietly(inputOf("classification", "refused", { heldOut })));
    const advice = "both α and the weights need some. Set another share, or 0 to train both on the same images";
    const images = readdirSync(join(folder, "crops", "train"), { recursive: true }).filter((name) =>
      /jpg$/.test(`${name}`),
    );
    expect(images.length).to.be.within(20, 400);
    const of = `of the ${images.length} training images is`;
    expect(await refused(0.001)).to.equal(`training.architecture.heldOut: 0.001 ${of} none; ${advice}`);
    expect(await refused(0.999)).to.equal(`training.architecture.heldOut: 0.999 ${of} all; ${advice}`);
  });
});
