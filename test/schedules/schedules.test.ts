import { expect } from "chai";
import { learningRateAt, SCHEDULES, type ScheduleConfig } from "../../lib/schedules/index.js";
import { expectTableOf } from "../support/kinds.js";
import { readTimm } from "../support/timm.js";

describe("learning rate schedules", () => {
  const rates = (schedule: ScheduleConfig, steps: number, at: readonly number[], stepsPerUnit = 1) =>
    at.map((step) => learningRateAt(schedule, { lr: 0.1, steps, stepsPerUnit, stepsPerEpoch: stepsPerUnit }, step));

  function expectClose(actual: readonly number[], expected: readonly number[]): void {
    expect(actual.length).to.equal(expected.length);
    for (const [i, value] of actual.entries()) expect(value).to.be.closeTo(expected[i]!, 1e-12, `value ${i}`);
  }

  it("are those of their folder's files", () => {
    expectTableOf("schedules", SCHEDULES, ["schedule.ts"]);
  });

  it("constant", () => {
    expectClose(rates({ type: "constant" }, 10, [0, 5, 10]), [0.1, 0.1, 0.1]);
  });

  it("step falls at the milestones, counted in epochs", () => {
    const schedule: ScheduleConfig = { type: "step", milestones: [8, 11], gamma: 0.1, minLr: 0 };
    const perEpoch = 7;
    expectClose(rates(schedule, 84, [0, 55, 56, 76, 77, 83], perEpoch), [0.1, 0.1, 0.01, 0.01, 0.001, 0.001]);
    expectClose(rates({ ...schedule, minLr: 0.005 }, 84, [83], perEpoch), [0.005]);
  });

  it("poly goes to minLr as a power of the remaining share", () => {
    const schedule: ScheduleConfig = { type: "poly", power: 2, minLr: 0.02 };
    expectClose(rates(schedule, 10, [0, 5, 9, 10, 12]), [0.1, 0.02 + 0.08 / 4, 0.02 + 0.08 * 0.01, 0.02, 0.02]);
    expectClose(rates({ type: "poly", power: 0.9, minLr: 0 }, 40000, [30000]), [0.1 * 0.25 ** 0.9]);
  });

  it("cosine goes to minLr along half a wave", () => {
    const schedule: ScheduleConfig = { type: "cosine", minLr: 0.02 };
    expectClose(rates(schedule, 12, [0, 6, 8, 12]), [0.1, 0.06, 0.02 + 0.08 * 0.25, 0.02]);
  });

  it("warm-up rises linearly from the ratio to the regular rate", () => {
    const warmup = { steps: 4, ratio: 0.2 };
    expectClose(rates({ type: "constant", warmup }, 10, [0, 1, 2, 3, 4]), [0.02, 0.04, 0.06, 0.08, 0.1]);
  });

  it("warm-up scales the rate that the schedule has at that step", () => {
    const warmup = { steps: 500, ratio: 1e-6 };
    const schedule: ScheduleConfig = { type: "poly", power: 0.9, minLr: 0, warmup };
    const regular = 0.1 * (1 - 250 / 1000) ** 0.9;
    expectClose(rates(schedule, 1000, [0, 250, 500]), [1e-7, regular * (1 - 0.5 * (1 - 1e-6)), 0.1 * 0.5 ** 0.9]);
  });

  it("a warm-up may be given in epochs, even with fractional steps per epoch", () => {
    const inSteps = (steps: number) =>
      rates({ type: "constant", warmup: { steps, ratio: 0.2 } }, 10, [0, 1, 2, 3, 4, 5]);
    const inEpochs = (epochs: number, stepsPerEpoch: number) => {
      const options = { lr: 0.1, steps: 10, stepsPerUnit: 1, stepsPerEpoch }; // the run's length is in steps
      return [0, 1, 2, 3, 4, 5].map((step) =>
        learningRateAt({ type: "constant", warmup: { epochs, ratio: 0.2 } }, options, step),
      );
    };
    expect(inEpochs(2, 2)).to.deep.equal(inSteps(4));
    expect(inEpochs(2, 2.25)).to.deep.equal(inSteps(5));
    expect(inEpochs(0.5, 8)).to.deep.equal(inSteps(4));
    expect(inEpochs(0.1, 2), "rounded to none").to.deep.equal([0.1, 0.1, 0.1, 0.1, 0.1, 0.1]);
  });

  it("cosine after a warm-up in epochs equals timm's; during it timm's is not scaled by the cosine", () => {
    const { cosine } = readTimm();
    const { lr, epochs, updates, warmupEpochs, warmupLr, minLr } = cosine;
    const options = { lr, steps: epochs * updates, stepsPerUnit: updates, stepsPerEpoch: updates };
    const schedule: ScheduleConfig = { type: "cosine", minLr };
    const warmup = { epochs: warmupEpochs, ratio: warmupLr / lr };
    for (const [step, expected] of cosine.rates.entries()) {
      const rate = learningRateAt({ ...schedule, warmup }, options, step);
      const scale = step < warmupEpochs * updates ? learningRateAt(schedule, options, step) / lr : 1;
      expect(rate / scale, `step ${step}`).to.be.closeTo(expected, 1e-12);
    }
  });

  it("a warm-up past a milestone keeps the milestone", () => {
    const warmup = { steps: 10, ratio: 0 };
    const schedule: ScheduleConfig = { type: "step", milestones: [5], gamma: 0.1, minLr: 0, warmup };
    expectClose(rates(schedule, 20, [4, 5]), [0.04, 0.005]);
  });
});
