import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { TrainingEvent } from "../../lib/loggers/events.js";
import { loadCheckpoint } from "../../lib/runs/checkpoint.js";
import { readSafetensors, writeSafetensors } from "../../lib/tensorfiles/safetensors.js";
import type { Tensor } from "../../lib/tensors/tensor.js";
import { userMessage } from "../support/failure.js";
import { checkpointBytes, decidedLines, messagesOf, type StepEvent, trainQuietly } from "../support/runs.js";
import { makeShapes, type ShapesData, shapesConfig } from "../support/shapes.js";

/** The steps of a run's checkpoints. */
const savedSteps = (run: string): number[] =>
  readdirSync(join(run, "checkpoints"))
    .filter((name) => /^step-\d+$/.test(name))
    .map((name) => Number(name.slice(5)))
    .sort((a, b) => a - b);

const METRICS = {
  detection: ["boxAP", "maskAP50"],
  segmentation: ["mIoU", "aAcc"],
  classification: ["top1", "f1", "ece"],
} as const;

for (const task of ["segmentation", "detection", "classification"] as const) {
  describe(`training (${task})`, function () {
    this.timeout(180_000); // on a busy machine
    let data: ShapesData;
    let runs = 0;
    before(async () => {
      data = await makeShapes(4);
    });
    after(() => rmSync(data.folder, { recursive: true }));

    const newRun = () => join(data.folder, `run-${runs++}`);
    const train = (run: string, ...[overrides, options]: [string[]?, Parameters<typeof trainQuietly>[2]?]) =>
      trainQuietly(shapesConfig(task, data, run), overrides, options);

    it("learns: the loss falls, and validation reports losses and metrics", async () => {
      const run = newRun();
      const { events, result } = await train(run, ["training.steps=30", "training.evaluateEvery=15"]);
      const losses = events.filter((event): event is StepEvent => event.type === "step").map(({ loss }) => loss);
      const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
      expect(losses).to.have.length(30);
      expect(mean(losses.slice(-5))).to.be.below(0.7 * mean(losses.slice(0, 5)));
      const evaluations = events.filter(({ type }) => type === "evaluation");
      expect(evaluations.map((event) => "step" in event && event.step)).to.deep.equal([15, 30]);
      expect(result.metrics.loss).to.be.within(0, mean(losses.slice(0, 5)));
      expect(result.metrics).to.include.keys(...METRICS[task]);
      const { metadata } = await readSafetensors(result.weights);
      expect(metadata.metric).to.equal(METRICS[task][0]);
      expect(readdirSync(join(run, "tensorboard"))).to.have.length(1);
    });

    it("depends only on the config: equal losses whatever the number of workers, others for another seed", async () => {
      const runOf = async (...overrides: string[]) => {
        const run = newRun();
        await train(run, ["training.steps=5", ...overrides]);
        return { lines: decidedLines(run), bytes: checkpointBytes(run, 5) };
      };
      const first = await runOf();
      const second = await runOf("data.workers=2");
      expect(second.lines).to.deep.equal(first.lines);
      expect(second.bytes.every((bytes, i) => bytes.equals(first.bytes[i]!))).to.equal(true);
      expect((await runOf("training.seed=1")).lines).to.not.deep.equal(first.lines);
    });

    it("stops when asked, saves, and resumes as if it had not been stopped, also between accumulated batches", async () => {
      const overrides = ["training.steps=6", "training.accumulate=2", "training.evaluateEvery=3"];
      const whole = newRun();
      await train(whole, overrides);
      const run = newRun();
      for (const stop of [2, 3]) {
        const controller = new AbortController();
        let events: readonly TrainingEvent[] = [];
        const seen: TrainingEvent[] = [];
        const onEvent = (event: TrainingEvent) => {
          seen.push(event);
          // At step 3, in the middle of the validation that is due.
          if (stop === 2 ? event.type === "step" && event.step === 2 : event.type === "progress") controller.abort();
        };
        const failure = await train(run, overrides, { resume: true, signal: controller.signal, onEvent }).catch(
          (error: unknown) => error,
        );
        events = seen;
        expect(failure).to.equal(controller.signal.reason);
        expect(messagesOf(events)).to.contain(`stopped after step ${stop} of 6`).and.contain("--resume");
      }
      await train(run, overrides, { resume: true });
      expect(decidedLines(run)).to.deep.equal(decidedLines(whole));
      const expected = checkpointBytes(whole, 6);
      expect(checkpointBytes(run, 6).every((bytes, i) => bytes.equals(expected[i]!))).to.equal(true);
    });
  });
}

// Tests that do not depend on the kind of model.
describe("training", () => {
  let data: ShapesData;
  let runs = 0;
  before(async () => {
    data = await makeShapes(4);
  });
  after(() => rmSync(data.folder, { recursive: true }));

  const newRun = () => join(data.folder, `run-${runs++}`);
  const train = (run: string, ...[overrides, options]: [string[]?, Parameters<typeof trainQuietly>[2]?]) =>
    trainQuietly(shapesConfig("segmentation", data, run), overrides, options);

  it("stops when the loss is no longer finite, naming the step, and keeps the checkpoint before", async () => {
    const run = newRun();
    const overrides = ["training.steps=9", "training.optimizer.lr=1e30", "training.checkpoint.every=1"];
    const message = await userMessage(() => train(run, overrides));
    expect(message).to.match(/^step [2-9]: .*is no longer finite.*the checkpoint of step [1-8] is kept/);
    const step = Number(/checkpoint of step (\d)/.exec(message)![1]);
    expect(readdirSync(join(run, "checkpoints"))).to.include(`step-0000000${step}`);
    expect(decidedLines(run)).to.have.length(step);
  });

  it("keeps the configured number of checkpoints", async () => {
    const run = newRun();
    const overrides = ["training.steps=5", "training.checkpoint.every=1", "training.checkpoint.keep=3"];
    await train(run, overrides);
    expect(readdirSync(join(run, "checkpoints")).sort()).to.deep.equal([3, 4, 5].map((n) => `step-0000000${n}`));
  });

  it("saves after the first step and at every validation by default, before validating", async () => {
    const run = newRun();
    const { events } = await train(run, ["training.steps=5", "training.evaluateEvery=2"]);
    const order = events.flatMap((event) => {
      if (event.type === "checkpoint") return [`${event.best ? "best" : "saved"} ${event.step}`];
      return event.type === "evaluation" ? [`evaluated ${event.step}`] : [];
    });
    expect(order.filter((name) => !name.startsWith("best"))).to.deep.equal([
      "saved 1",
      "saved 2",
      "evaluated 2",
      "saved 4",
      "evaluated 4",
      "saved 5",
      "evaluated 5",
    ]);
    const { state } = await loadCheckpoint(join(run, "checkpoints", "step-00000004"));
    expect(state.evaluatedStep, "the metrics are added").to.equal(4);
    expect(state.metrics.mIoU).to.be.a("number");
  });

  it("saves after the configured minutes, and when asked, without changing results", async () => {
    const whole = newRun();
    await train(whole, ["training.steps=4"]);
    const often = newRun();
    const overrides = ["training.steps=4", "training.checkpoint.minutes=1e-9", "training.checkpoint.keep=9"];
    await train(often, overrides);
    expect(savedSteps(often)).to.deep.equal([1, 2, 3, 4]);
    const asked = newRun();
    let steps = 0;
    const saveWanted = () => ++steps === 3;
    await train(asked, ["training.steps=4", "training.checkpoint.keep=9"], { saveWanted });
    expect(savedSteps(asked)).to.deep.equal([1, 3, 4]);
    for (const run of [often, asked]) {
      expect(decidedLines(run)).to.deep.equal(decidedLines(whole));
      expect(checkpointBytes(run, 4).every((bytes, i) => bytes.equals(checkpointBytes(whole, 4)[i]!))).to.equal(true);
    }
  });

  it("saves its state when it fails, and resumes as if it had not", async () => {
    const whole = newRun();
    await train(whole, ["training.steps=6"]);
    const run = newRun();
    const image = join(data.images, "0.png");
    const bytes = readFileSync(image);
    const onEvent = (event: TrainingEvent) => {
      if (event.type === "step" && event.step === 2) writeFileSync(image, "no image");
    };
    try {
      const message = await userMessage(() => train(run, ["training.steps=6"], { onEvent }));
      expect(message).to.match(/0\.png: /);
    } finally {
      writeFileSync(image, bytes);
    }
    const last = Math.max(...savedSteps(run));
    expect(last).to.be.within(2, 5);
    expect(decidedLines(run)).to.have.length(last);
    await train(run, ["training.steps=6"], { resume: true });
    expect(decidedLines(run)).to.deep.equal(decidedLines(whole));
    expect(checkpointBytes(run, 6).every((b, i) => b.equals(checkpointBytes(whole, 6)[i]!))).to.equal(true);
  });

  it("keeps the checkpoint from before the loss grew besides later ones, and the last before it was NaN", async () => {
    const run = newRun();
    const begun = ["training.steps=22", "training.checkpoint.keep=1", "training.logEvery=10"];
    await train(run, begun);
    expect(savedSteps(run)).to.deep.equal([22]);
    const growing = ["training.steps=28", "training.optimizer.lr=1", "training.checkpoint.keep=1"];
    const { events } = await train(run, [...growing, "training.checkpoint.every=1"], { resume: true });
    const text =
      /step (\d+): the loss grows: its running mean is [\d.]+ and was [\d.]+; the checkpoint of step (\d+) is kept/;
    const [, , kept] = (text.exec(messagesOf(events)) ?? []).map(Number);
    expect(kept).to.be.within(22, 24);
    expect(savedSteps(run), "the newest and the last one from before").to.deep.equal([kept, 28]);
    const wild = ["training.steps=60", "training.optimizer.lr=1e30", "training.checkpoint.every=1"];
    const message = await userMessage(() => train(run, wild, { resume: true }));
    expect(message).to.match(
      new RegExp(
        `training stopped, the checkpoint of step ${kept} is kept in .* \\(set aside as \\*\\.diverged: step-00000028`,
      ),
    );
    expect(savedSteps(run)).to.deep.equal([kept]);
    expect(readdirSync(join(run, "checkpoints"))).to.include("step-00000028.diverged");
    const { result } = await train(run, [`training.steps=${kept! + 1}`], { resume: true });
    expect(result.steps).to.equal(kept! + 1);
  });

  it("resumes from the checkpoint before a damaged one, and loses neither", async () => {
    const whole = newRun();
    const overrides = ["training.steps=6", "training.checkpoint.every=1", "training.checkpoint.keep=1"];
    await train(whole, overrides);
    const run = newRun();
    await train(run, ["training.steps=4", "training.checkpoint.every=1", "training.checkpoint.keep=3"]);
    for (const step of [3, 4]) truncateSync(join(run, "checkpoints", `step-0000000${step}`, "model.safetensors"), 99);
    const seen: number[][] = [];
    const onEvent = (event: TrainingEvent) => {
      if (event.type === "step") seen.push(savedSteps(run));
    };
    const two = [...overrides, "training.checkpoint.keep=2"];
    const { events } = await train(run, two, { resume: true, onEvent });
    expect(messagesOf(events)).to.match(/truncated.*skipping the checkpoint step-00000004 and trying the one before/);
    expect(seen[0], "nothing is removed before there is a good one").to.deep.equal([2, 3, 4]);
    expect(seen[2], "those that replace damaged ones count like others").to.deep.equal([3, 4]);
    expect(savedSteps(run)).to.deep.equal([5, 6]);
    expect(checkpointBytes(run, 6).every((b, i) => b.equals(checkpointBytes(whole, 6)[i]!))).to.equal(true);
  });

  it("starts a run when resuming in an empty folder, and refuses to lose a run without checkpoints", async () => {
    const run = newRun();
    await train(run, ["training.steps=3"], { resume: true });
    rmSync(join(run, "checkpoints"), { recursive: true });
    const before = readFileSync(join(run, "log.jsonl"), "utf8");
    for (const how of [{ resume: true }, {}]) {
      expect(await userMessage(() => train(run, ["training.steps=3"], how))).to.equal(
        `${run}: this folder holds a run of 3 steps, but no checkpoint to resume from; ` +
          "delete it and start over (--restart), or choose another folder (--set output=...)",
      );
    }
    expect(readFileSync(join(run, "log.jsonl"), "utf8")).to.equal(before);
    await train(run, ["training.steps=2"], { restart: true });
    expect(savedSteps(run)).to.deep.equal([1, 2]);
    expect(decidedLines(run)).to.have.length(3);
    await train(run, ["training.steps=1"], { restart: true });
    expect(savedSteps(run), "the previous run is gone").to.deep.equal([1]);
  });

  it("starts over if a run was killed in its first step and left nothing", async () => {
    const run = newRun();
    await train(run, ["training.steps=1"]);
    rmSync(join(run, "checkpoints"), { recursive: true });
    rmSync(join(run, "best.safetensors"));
    await train(run, ["training.steps=2"], { resume: true });
    expect(decidedLines(run).map((line) => "step" in line && line.step)).to.deep.equal([1, 2, 2]);
  });

  it("reports that nothing is left to do, and refuses fewer steps than are done", async () => {
    const run = newRun();
    await train(run, ["training.steps=3"]);
    const { events, result } = await train(run, ["training.steps=3"], { resume: true });
    expect(messagesOf(events)).to.contain("all steps are already done (3); ask for more to continue");
    expect(result.steps).to.equal(3);
    const log = readFileSync(join(run, "log.jsonl"), "utf8");
    expect(await userMessage(() => train(run, ["training.steps=2"], { resume: true }))).to.equal(
      `${run}: 3 steps are done, more than training.steps=2 asks for; ask for more, or start over with --restart`,
    );
    const epochs = ["training.steps=null", "training.epochs=1"];
    expect(await userMessage(() => train(run, epochs, { resume: true }))).to.contain("training.epochs=1 (2 steps)");
    expect(readFileSync(join(run, "log.jsonl"), "utf8")).to.equal(log);
  });

  it("does not train in a folder where another run is training", async () => {
    const run = newRun();
    let second: Promise<string> | undefined;
    const onEvent = (event: TrainingEvent) => {
      if (event.type === "step") second ??= userMessage(() => train(run, [], { resume: true }));
    };
    await train(run, ["training.steps=2"], { onEvent });
    expect(await second)
      .to.contain(`process ${process.pid} on`)
      .and.contain("trains in this folder");
    expect(decidedLines(run)).to.have.length(3);
    expect(existsSync(join(run, "run.lock"))).to.equal(false);
  });

  it("does not overwrite another run", async () => {
    const run = newRun();
    await train(run, ["training.steps=1"]);
    expect(await userMessage(() => train(run, ["training.steps=1"]))).to.contain("--resume");
    expect(decidedLines(run)).to.not.be.empty;
  });

  it("does not start among files that are not a run's", async () => {
    const own = "a run needs a folder of its own: choose another (--set output=...)";
    for (const how of [{}, { resume: true }, { restart: true }]) {
      expect(await userMessage(() => train("/", ["training.steps=1"], how))).to.equal(
        `/: this is the root of a file system; ${own}`,
      );
      expect(await userMessage(() => train(homedir(), ["training.steps=1"], how))).to.equal(
        `${homedir()}: this is your home folder; ${own}`,
      );
      expect(await userMessage(() => train(data.images, ["training.steps=1"], how))).to.match(
        /images: this folder holds other files \(0\.png, 1\.png, 2\.png, …\) and no run; a run needs a folder of its own/,
      );
    }
    expect(existsSync(join(data.images, "run.lock"))).to.equal(false);
    const run = newRun();
    mkdirSync(run);
    writeFileSync(join(run, ".keep"), "");
    await train(run, ["training.steps=1"]);
    writeFileSync(join(run, "notes.txt"), "mine");
    await train(run, ["training.steps=2"], { resume: true });
  });

  it("names a folder it cannot write", async () => {
    const file = join(data.images, "0.png");
    const message = await userMessage(() => train(join(file, "run")));
    expect(message).to.contain(`cannot write ${join(file, "run")}`);
  });

  it("reports that a resumed run has another config, and refuses another model", async () => {
    const run = newRun();
    await train(run, ["training.steps=1"]);
    const { events } = await train(run, ["training.steps=2", "training.seed=3"], { resume: true });
    expect(messagesOf(events)).to.contain("training.steps, training.seed");
    const other = ["training.steps=2", "model.neck.channels=16"];
    expect(await userMessage(() => train(run, other, { resume: true }))).to.contain("weights of another model");
  });

  it("starts from backbone weights under their official names, and reports what fits", async () => {
    const donor = newRun();
    await train(donor, ["training.steps=1"]);
    const { tensors } = await readSafetensors(join(donor, "best.safetensors"));
    const official = [...tensors]
      .filter(([name]) => name.startsWith("backbone.") && !name.startsWith("backbone.norm"))
      .map(([name, tensor]): [string, Tensor] => [name.slice("backbone.".length), tensor]);
    const head: [string, Tensor] = ["head.weight", { dtype: "F32", shape: [1], data: Float32Array.of(1) }];
    const weights = join(data.folder, "official.safetensors");
    await writeSafetensors(weights, [...official, head]);
    const run = newRun();
    const frozen = ["model.backbone.frozenStages=4", "model.backbone.batchNorm=evaluation"];
    const { events } = await train(run, ["training.steps=1", `model.backbone.weights=${weights}`, ...frozen]);
    expect(messagesOf(events)).to.match(/loaded \d+ of \d+ tensors.*; 1 not used \(backbone.head.weight\)/);
    const trained = (await readSafetensors(join(run, "best.safetensors"))).tensors;
    for (const [name, { data: expected }] of official) {
      expect(trained.get(`backbone.${name}`)!.data, name).to.deep.equal(expected);
    }
    await writeSafetensors(weights, [head]);
    const nothing = () => train(newRun(), [`model.backbone.weights=${weights}`]);
    expect(await userMessage(nothing))
      .to.contain("none of its 1 tensors fits")
      .and.contain("head.weight");
  });

  it("trains on some of the images", async () => {
    const run = newRun();
    const limits = ["training.steps=1", "data.train.limit=2", "data.val.limit=1", "training.evaluateEvery=1"];
    const { events } = await train(run, limits);
    const start = events.find((event) => event.type === "start");
    expect(start?.type === "start" && start.stepsPerEpoch).to.equal(1);
    const progress = events.filter((event) => event.type === "progress");
    expect(progress.map((event) => event.type === "progress" && event.total)).to.deep.equal([1]);
    expect(existsSync(join(run, "config.yaml"))).to.equal(true);
    expect(readFileSync(join(run, "config.yaml"), "utf8")).to.contain("limit: 2");
  });
});
