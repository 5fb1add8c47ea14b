import { expect } from "chai";
import fc from "fast-check";
import { resolveConfig } from "../../lib/config/load.js";
import type { TrainingConfig } from "../../lib/config/schema.js";
import { isDue, runLength } from "../../lib/training/length.js";

function trainingOf(length: { epochs?: number; steps?: number; accumulate?: number }): TrainingConfig {
  const split = { images: "a", labelMaps: "b" };
  return resolveConfig({
    task: "segmentation",
    model: {
      backbone: { type: "efficientformer", variant: "nano" },
      neck: { type: "fpn" },
      head: { type: "semanticFpn" },
    },
    data: { type: "labelMaps", train: split, val: split, classes: ["x"] },
    training: { optimizer: { type: "adamw", lr: 1e-3 }, schedule: { type: "constant" }, ...length },
  }).config.training;
}

const dueSteps = (every: number | undefined, length: ReturnType<typeof runLength>): number[] =>
  Array.from({ length: length.steps }, (_, i) => i + 1).filter((step) => isDue(step, every, length));

describe("length of a run", () => {
  it("counts epochs in optimiser steps, and events every few epochs fall on their last steps", () => {
    const length = runLength(trainingOf({ epochs: 3, accumulate: 4 }), 10);
    expect(length).to.deep.equal({ steps: 8, stepsPerEpoch: 2.5, stepsPerUnit: 2.5 });
    expect(dueSteps(1, length)).to.deep.equal([3, 5, 8]);
    expect(dueSteps(2, length)).to.deep.equal([5, 8]);
  });

  it("takes intervals in steps if the length is in steps, and always ends with the last step", () => {
    const length = runLength(trainingOf({ steps: 25 }), 10);
    expect(length).to.deep.equal({ steps: 25, stepsPerEpoch: 10, stepsPerUnit: 1 });
    expect(dueSteps(10, length)).to.deep.equal([10, 20, 25]);
    expect(dueSteps(undefined, length)).to.deep.equal([25]);
  });

  it("is due once per epoch, however many batches make a step", () => {
    const batches = fc.integer({ min: 1, max: 40 });
    fc.assert(
      fc.property(batches, fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 6 }), (n, accumulate, epochs) => {
        fc.pre(n >= accumulate);
        const length = runLength(trainingOf({ epochs, accumulate }), n);
        const expected = Array.from({ length: epochs }, (_, i) => Math.round(((i + 1) * n) / accumulate));
        expect(dueSteps(1, length)).to.deep.equal(expected);
      }),
    );
  });
});
