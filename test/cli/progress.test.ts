import { Writable } from "node:stream";
import { expect } from "chai";
import type { ErrorStream } from "../../lib/cli/context.js";
import { createProgress } from "../../lib/cli/progress.js";
import { duration, metricsTable, table } from "../../lib/cli/table.js";
import type { TrainingEvent } from "../../lib/loggers/events.js";

const start: TrainingEvent = {
  type: "start",
  run: "runs/x",
  steps: 25,
  doneSteps: 0,
  stepsPerEpoch: 10,
  parameters: 1_234_567,
};
const step = (number: number): TrainingEvent => ({
  type: "step",
  step: number,
  epoch: 0,
  loss: 3,
  losses: { boxes: 1, classes: 2 },
  lr: 2e-4,
  stepSeconds: 2,
  dataSeconds: 0.25,
});

/** A stream that records what is written to it. */
function recorder(isTTY: boolean): { stream: ErrorStream; text: () => string } {
  let written = "";
  const stream = new Writable({
    write(chunk, _, done) {
      written += String(chunk);
      done();
    },
  });
  const terminal = { isTTY, columns: 200, cursorTo: () => true, clearLine: () => true, moveCursor: () => true };
  return { stream: Object.assign(stream, terminal), text: () => written };
}

describe("progress", () => {
  it("tells of less than one epoch", () => {
    const { stream, text } = recorder(false);
    createProgress({ stream, every: 10 }).show({ ...start, steps: 1, stepsPerEpoch: 64 });
    expect(text()).to.contain("for 1 step (0.02 epochs);");
  });

  it("is a line every few steps without a terminal", () => {
    const { stream, text } = recorder(false);
    const progress = createProgress({ stream, every: 10 });
    progress.show(start);
    for (let i = 1; i <= 25; i++) progress.show(step(i));
    progress.show({ type: "evaluation", step: 25, epoch: 2, metrics: { mIoU: 0.5 } });
    progress.show({ type: "checkpoint", step: 25, path: "runs/x/checkpoints/step-00000025", best: true });
    progress.stop();
    const line = "loss 3.0000 (boxes 1.0000, classes 2.0000)  lr 2.00e-4  2.00 s a step, 0.25 waiting for data";
    expect(text().trimEnd().split("\n")).to.deep.equal([
      "training 1.23 M parameters for 25 steps (2.5 epochs); run folder runs/x",
      `step 10/25  ${line}  30 s left`,
      `step 20/25  ${line}  10 s left`,
      `step 25/25  ${line}  0 s left`,
      "step 25  validation  mIoU 0.5000",
      "step 25  saved runs/x/checkpoints/step-00000025 (the best so far)",
    ]);
  });

  it("estimates the time left from the last twenty steps, without the first, which compiles", () => {
    const { stream, text } = recorder(false);
    const progress = createProgress({ stream, every: 1 });
    progress.show({ ...start, steps: 100 });
    progress.show({ ...step(1), stepSeconds: 60 } as TrainingEvent);
    for (let i = 2; i <= 21; i++) progress.show({ ...step(i), stepSeconds: 4 } as TrainingEvent);
    for (let i = 22; i <= 41; i++) progress.show({ ...step(i), stepSeconds: i < 32 ? 4 : 2 } as TrainingEvent);
    const lines = text().trimEnd().split("\n").slice(1);
    expect(lines[0]).to.match(/lr 2\.00e-4$/);
    expect(lines[1]).to.match(/4\.00 s a step, 0\.25 waiting for data {2}6 min 32 s left$/);
    expect(lines[20]).to.match(/4\.00 s a step.* 5 min 16 s left$/);
    expect(lines[40]).to.match(/3\.00 s a step.* 2 min 57 s left$/);
  });

  it("shows losses as means over the steps between lines", () => {
    const { stream, text } = recorder(false);
    const progress = createProgress({ stream, every: 4 });
    progress.show(start);
    for (let i = 1; i <= 8; i++) {
      progress.show({ ...step(i), loss: 10 * i, losses: { boxes: i, classes: 9 * i } } as TrainingEvent);
    }
    const losses = Array.from(text().matchAll(/loss .*?\)/g), ([found]) => found);
    expect(losses).to.deep.equal([
      "loss 25.0000 (boxes 2.5000, classes 22.5000)",
      "loss 65.0000 (boxes 6.5000, classes 58.5000)",
    ]);
  });

  it("uses the singular for one step and one epoch", () => {
    const { stream, text } = recorder(false);
    createProgress({ stream, every: 1 }).show({ ...start, steps: 1, stepsPerEpoch: 1 });
    expect(text()).to.contain("for 1 step (1 epoch);");
  });

  it("reports where a run resumes", () => {
    const { stream, text } = recorder(false);
    createProgress({ stream, every: 10 }).show({ ...start, doneSteps: 20 });
    expect(text()).to.contain("for 25 steps (2.5 epochs), from step 20;");
  });

  it("shows tenths of other work without a terminal", () => {
    const { stream, text } = recorder(false);
    const progress = createProgress({ stream, every: 10 });
    for (let done = 1; done <= 40; done++) progress.show({ type: "progress", what: "validation", done, total: 40 });
    const lines = text().trimEnd().split("\n");
    expect(lines).to.deep.equal([4, 8, 12, 16, 20, 24, 28, 32, 36, 40].map((done) => `validation ${done}/40`));
  });

  it("is a bar on a terminal, with messages above it", () => {
    const { stream, text } = recorder(true);
    const progress = createProgress({ stream, every: 10 });
    progress.show(start);
    progress.show(step(1));
    expect(text()).to.match(/█*░+ 1\/25 {2}loss 3\.0000 \(boxes 1\.0000, classes 2\.0000\) {2}lr 2\.00e-4/);
    progress.show({ type: "message", text: "a message" });
    progress.show(step(25));
    progress.stop();
    expect(text()).to.match(/a message\n/);
    expect(text()).to.match(/█{20} 25\/25/);
  });

  it("formats durations and tables", () => {
    expect([0.4, 4.2, 65, 3725, 90000].map(duration)).to.deep.equal([
      "0 s",
      "4 s",
      "1 min 05 s",
      "1 h 02 min",
      "25 h 00 min",
    ]);
    expect(metricsTable({ AP: 0.5, longer: Number.NaN, APs: -1 })).to.equal(
      "AP      0.5000\nlonger       –\nAPs          –",
    );
    expect(table([["a", "b", "c"]], { left: true })).to.equal("a  b  c");
    expect(
      table([
        ["aa", "b", "cc"],
        ["a", "bbb", "c"],
      ]),
    ).to.equal("aa    b  cc\na   bbb   c");
  });
});
