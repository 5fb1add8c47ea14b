import { expect } from "chai";
import { adamW } from "../../lib/optimizers/adamw.js";
import { createOptimizer, OPTIMIZERS } from "../../lib/optimizers/index.js";
import type { Optimizer, Segment } from "../../lib/optimizers/optimizer.js";
import { sgd } from "../../lib/optimizers/sgd.js";
import { expectTableOf } from "../support/kinds.js";

const START = [0.5, -1.25, 2, 0];
const GRADIENTS = [
  [0.1, -0.2, 0.3, 1e-4],
  [-0.3, 0.5, 0.05, -2],
  [1, 0, -0.7, 3],
];
const WHOLE: readonly Segment[] = [{ offset: 0, length: 4, lrScale: 1, decay: true }];

/** The parameters after each of the three updates. */
function follow(optimizer: Optimizer, lr: number, segments = WHOLE, gradientScale = 1): Float32Array[] {
  const parameters = Float32Array.from(START);
  return GRADIENTS.map((gradient, i) => {
    const gradients = Float32Array.from(gradient, (g) => g / gradientScale);
    optimizer.update({ parameters, gradients, segments, lr, update: i + 1, gradientScale });
    return parameters.slice();
  });
}

function expectClose(actual: readonly ArrayLike<number>[], expected: readonly ArrayLike<number>[]): void {
  for (const [i, row] of expected.entries()) {
    for (let j = 0; j < row.length; j++) expect(actual[i]![j], `update ${i}, value ${j}`).to.be.closeTo(row[j]!, 4e-7);
  }
}

describe("optimisers", () => {
  it("are those of their folder's files", () => {
    expectTableOf("optimizers", OPTIMIZERS, ["optimizer.ts"]);
  });

  // The expected numbers are those of torch.optim in float64.
  it("AdamW equals PyTorch's, also with a large epsilon", () => {
    const optimizer = adamW.create({ weightDecay: 0.1, betas: [0.9, 0.99], eps: 1e-3 }, 4);
    expectClose(follow(optimizer, 0.01), [
      [0.4895990099, -1.2387997512, 1.9880332226, -0.0009090909],
      [0.4940204735, -1.2419643367, 1.9782315091, 0.006510849],
      [0.4886146107, -1.2441319162, 1.9796838172, 0.004385409],
    ]);
  });

  it("AdamW with the recipe's settings", () => {
    const optimizer = createOptimizer(
      {
        type: "adamw",
        lr: 2e-4,
        weightDecay: 1e-4,
        betas: [0.9, 0.999],
        eps: 1e-8,
        decayNormsAndBiases: false,
        multipliers: [],
      },
      4,
    );
    expectClose(follow(optimizer, 2e-4), [
      [0.49979999, -1.249799975, 1.99979996, -0.00019998],
      [0.499898818, -1.2498883931, 1.9996432545, -5.11593e-5],
      [0.4998000095, -1.2499567348, 1.9997121943, -9.36907e-5],
    ]);
  });

  it("AdamW updates every element in the same way, whatever their number", () => {
    const length = 40_003;
    const draw = (scale: number) => Float32Array.from({ length }, (_, i) => scale * Math.sin(i * 1.7));
    const optimizer = adamW.create({ weightDecay: 0.1, betas: [0.9, 0.99], eps: 1e-8 }, length + 2);
    const [parameters, gradients] = [new Float32Array(length + 2).fill(7), new Float32Array(length + 2).fill(1)];
    const [start, slopes] = [draw(2), draw(0.5)];
    parameters.set(start, 1);
    gradients.set(slopes, 1);
    const segments = [{ offset: 1, length, lrScale: 1, decay: true }];
    optimizer.update({ parameters, gradients, segments, lr: 0.01, update: 1 });
    expect([parameters[0], parameters[length + 1]], "outside the segment").to.deep.equal([7, 7]);
    for (const state of Object.values(optimizer.state)) expect([state[0], state[length + 1]]).to.deep.equal([0, 0]);
    let worst = 0;
    for (let i = 0; i < length; i++) {
      const g = slopes[i]!;
      const expected = start[i]! * (1 - 0.001) - (0.01 * g) / (Math.abs(g) + 1e-8);
      worst = Math.max(worst, Math.abs(parameters[i + 1]! - expected));
    }
    expect(worst).to.be.lessThan(1e-6);
  });

  it("SGD with momentum and weight decay equals PyTorch's", () => {
    expectClose(follow(sgd.create({ weightDecay: 0.01, momentum: 0.9, nesterov: false }, 4), 0.1), [
      [0.4895, -1.22875, 1.968, -1e-5],
      [0.5095605, -1.25839625, 1.932232, 0.19998101],
      [0.4271053895, -1.2838194788, 1.968108568, 0.079772938],
    ]);
  });

  it("SGD with Nesterov momentum equals PyTorch's", () => {
    expectClose(follow(sgd.create({ weightDecay: 0.01, momentum: 0.9, nesterov: true }, 4), 0.1), [
      [0.48005, -1.209625, 1.9392, -1.9e-5],
      [0.527632905, -1.2851142125, 1.90009552, 0.3799729361],
      [0.352887062, -1.3067014492, 2.0005365865, -0.0287562871],
    ]);
  });

  it("SGD without momentum keeps no state", () => {
    const optimizer = sgd.create({ weightDecay: 0.01, momentum: 0, nesterov: false }, 4);
    expect(optimizer.state).to.deep.equal({});
    expectClose(follow(optimizer, 0.1), [
      [0.4895, -1.22875, 1.968, -1e-5],
      [0.5190105, -1.27752125, 1.961032, 0.19999001],
      [0.4184914895, -1.2762437287, 2.029070968, -0.10020998],
    ]);
  });

  it("treats each segment by its own rate and decay", () => {
    const options = { weightDecay: 0.1, betas: [0.9, 0.99] satisfies [number, number], eps: 1e-3 };
    const segments: Segment[] = [
      { offset: 0, length: 1, lrScale: 1, decay: true },
      { offset: 1, length: 1, lrScale: 0.1, decay: true },
      { offset: 2, length: 1, lrScale: 1, decay: false },
      { offset: 3, length: 1, lrScale: 0, decay: true },
    ];
    const mixed = follow(adamW.create(options, 4), 0.01, segments);
    const usual = follow(adamW.create(options, 4), 0.01);
    const slow = follow(adamW.create(options, 4), 0.001);
    const undecayed = follow(adamW.create({ ...options, weightDecay: 0 }, 4), 0.01);
    const expected = usual.map((row, i) => [row[0]!, slow[i]![1]!, undecayed[i]![2]!, START[3]!]);
    expect(mixed.map((row) => [...row])).to.deep.equal(expected);
  });

  it("scales the gradients", () => {
    const options = { weightDecay: 0.1, betas: [0.9, 0.99] satisfies [number, number], eps: 1e-3 };
    expectClose(follow(adamW.create(options, 4), 0.01, WHOLE, 0.25), follow(adamW.create(options, 4), 0.01));
    const descent = { weightDecay: 0.01, momentum: 0.9, nesterov: true };
    expectClose(follow(sgd.create(descent, 4), 0.1, WHOLE, 8), follow(sgd.create(descent, 4), 0.1));
  });

  it("continues from a saved state", () => {
    const options = { weightDecay: 0.1, betas: [0.9, 0.99] satisfies [number, number], eps: 1e-3 };
    const step = (optimizer: Optimizer, parameters: Float32Array, update: number) =>
      optimizer.update({
        parameters,
        gradients: Float32Array.from(GRADIENTS[update - 1]!),
        segments: WHOLE,
        lr: 0.01,
        update,
      });
    const [first, second] = [adamW.create(options, 4), adamW.create(options, 4)];
    const [whole, resumed] = [Float32Array.from(START), Float32Array.from(START)];
    for (const update of [1, 2, 3]) step(first, whole, update);
    const interrupted = adamW.create(options, 4);
    for (const update of [1, 2]) step(interrupted, resumed, update);
    for (const [name, values] of Object.entries(interrupted.state)) second.state[name]!.set(values);
    step(second, resumed, 3);
    expect([...resumed]).to.deep.equal([...whole]);
  });
});
