import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import type { TrainingHooks } from "../../lib/training/hooks.js";
import { userMessage } from "../support/failure.js";
import { checkpointBytes, decidedLines, messagesOf, type StepEvent, trainQuietly } from "../support/runs.js";
import { makeShapes, type ShapesData, shapesConfig } from "../support/shapes.js";

describe("hooks of a training run", function () {
  this.timeout(120_000);
  let data: ShapesData;
  let runs = 0;
  before(async () => {
    data = await makeShapes(4);
  });
  after(() => rmSync(data.folder, { recursive: true }));
  const newRun = () => join(data.folder, `run-${runs++}`);
  const train = (run: string, overrides: string[], options: Parameters<typeof trainQuietly>[2] = {}) =>
    trainQuietly(shapesConfig("segmentation", data, run), overrides, options);
  const ratesOf = (events: Awaited<ReturnType<typeof train>>["events"]) =>
    events.filter((event): event is StepEvent => event.type === "step").map(({ lr }) => lr);

  it("see steps, validations and checkpoints, change the rate from the next step on, and add to the log", async () => {
    const run = newRun();
    const seen: string[] = [];
    const hooks: TrainingHooks = {
      async onStep({ step, loss }, control) {
        seen.push(`step ${step} of ${control.steps}`);
        control.log({ twice: 2 * loss });
        if (step === 2) control.lrFactor = 0.5;
      },
      onEvaluate: ({ step, metrics }) => void seen.push(`evaluation ${step} ${"mIoU" in metrics}`),
      onCheckpoint: ({ step, best }) => void seen.push(`${best ? "best" : "checkpoint"} ${step}`),
    };
    const { events, result } = await train(run, ["training.steps=3"], { hooks });
    expect(seen).to.deep.equal([
      ...["step 1 of 3", "checkpoint 1", "step 2 of 3", "step 3 of 3"],
      ...["checkpoint 3", "evaluation 3 true", "best 3"],
    ]);
    expect(ratesOf(events)).to.deep.equal([2e-3, 2e-3, 1e-3]);
    expect(result.ended).to.equal("steps");
    const lines = readFileSync(join(run, "log.jsonl"), "utf8").trimEnd().split("\n");
    const logged = lines.map((line) => JSON.parse(line)).filter(({ type }) => type === "metrics");
    expect(logged.map(({ step, hook, metrics }) => [step, hook, metrics.twice])).to.deep.equal(
      events.flatMap((event) => (event.type === "step" ? [[event.step, "onStep", 2 * event.loss]] : [])),
    );
  });

  it("stop training after a step, which ends like the last one: with a checkpoint, a validation and the best weights", async () => {
    for (const hooks of [
      { onStep: ({ step }, control) => step === 2 && control.stop("it is enough") },
      { onCheckpoint: ({ step }, control) => step === 2 && control.stop("it is enough") },
    ] as TrainingHooks[]) {
      const run = newRun();
      const { events, result } = await train(run, ["training.steps=6", "training.checkpoint.every=2"], { hooks });
      expect(result).to.include({ steps: 2, ended: "hook", weights: join(run, "best.safetensors") });
      expect(result.metrics).to.include.keys("mIoU", "loss");
      expect(messagesOf(events)).to.contain("stopped early after step 2 of 6: it is enough");
      const on = await train(run, ["training.steps=3"], { resume: true });
      expect(on.result).to.include({ steps: 3, ended: "steps" });
    }
  });

  it("leave a resumed run as one that was not stopped: the rate and what they remember are in the checkpoint", async () => {
    /** Halves the rate whenever the loss has not fallen. */
    const hooks: TrainingHooks = {
      onStep({ loss }, control) {
        const { before = Number.POSITIVE_INFINITY } = control.memory;
        if (loss > 0.8 * before) control.lrFactor *= 0.5;
        control.memory.before = loss;
      },
      onEvaluate(_, control) {
        control.lrFactor *= 0.9;
      },
    };
    const overrides = ["training.steps=8", "training.evaluateEvery=4"];
    const whole = newRun();
    const { events } = await train(whole, overrides, { hooks });
    expect(new Set(ratesOf(events)).size).to.be.above(2);
    const run = newRun();
    const controller = new AbortController();
    const stopped = train(run, overrides, {
      hooks,
      signal: controller.signal,
      onEvent: (event) => event.type === "step" && event.step === 5 && controller.abort(new Error("stop")),
    });
    expect(await stopped.catch((error: Error) => error.message)).to.equal("stop");
    const resumed = await train(run, overrides, { hooks, resume: true });
    expect(messagesOf(resumed.events)).to.match(/the learning rate is the schedule's times 0\.\d+, as hooks left it/);
    expect(decidedLines(run)).to.deep.equal(decidedLines(whole));
    const [own, other] = [run, whole].map((folder) => checkpointBytes(folder, 8));
    expect(own!.every((bytes, i) => bytes.equals(other![i]!))).to.equal(true);
  });

  it("that fail end training, which can be resumed; what they may not set is said", async () => {
    const run = newRun();
    const failing = train(run, ["training.steps=3"], {
      hooks: {
        onStep: ({ step }) => {
          if (step === 2) throw new Error("mine");
        },
      },
    });
    expect(await failing.catch((error: Error) => error.message)).to.equal("mine");
    expect(checkpointBytes(run, 2)).to.have.length(2);
    const told = (hooks: TrainingHooks) => userMessage(() => train(newRun(), ["training.steps=1"], { hooks }));
    expect(await told({ onStep: (_, control) => void (control.lrFactor = -1) })).to.equal(
      "hooks.onStep: lrFactor must be a number of at least 0, not -1",
    );
    const infinite = Number.POSITIVE_INFINITY;
    expect(await told({ onStep: (_, control) => void (control.memory.best = infinite) })).to.equal(
      "hooks.onStep: memory: best must be a number, not Infinity",
    );
    expect(
      await told({ onEvaluate: (_, control) => control.log({ best: "yes" } as unknown as { best: number }) }),
    ).to.equal('hooks.onEvaluate: log: best must be a number, not "yes"');
  });
});
