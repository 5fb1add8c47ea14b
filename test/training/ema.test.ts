import { expect } from "chai";
import { ParameterValues } from "../../lib/nn/parameters.js";
import { averageWeights, decayAt } from "../../lib/training/ema.js";
import { readTimm } from "../support/timm.js";

const initialise = () => undefined;
const model = () =>
  new ParameterValues([
    { name: "weight", shape: [5], role: "weight", initialise },
    { name: "running_mean", shape: [2], role: "buffer", initialise },
  ]);

describe("the moving average of weights", () => {
  for (const { decay, warmup, steps, averages } of readTimm().averages) {
    it(`equals timm's, including running statistics (decay ${decay}${warmup ? " with warm-up" : ""})`, () => {
      const values = model();
      const move = (step: number) => {
        for (const name of ["weight", "running_mean"] as const) values.view(name).set(steps[step]![name]);
      };
      const average = averageWeights(values, { decay, warmup });
      move(0);
      average.begin();
      for (const [i, expected] of averages.entries()) {
        move(i + 1);
        average.update(i + 1);
        for (const name of ["weight", "running_mean"] as const) {
          const found = average.values.view(name);
          for (const [j, value] of expected[name].entries()) {
            expect(found[j], `${name}[${j}] after step ${i + 1}`).to.be.closeTo(value, 2e-6);
          }
        }
      }
      expect(averages).to.have.length(6);
    });
  }

  it("forgets the beginning faster at first", () => {
    const config = { decay: 0.9999, warmup: true };
    expect([1, 90, 89_990, 1e6].map((step) => decayAt(config, step))).to.deep.equal([
      2 / 11,
      0.91,
      89_991 / 90_000,
      0.9999,
    ]);
    expect(decayAt({ ...config, warmup: false }, 1)).to.equal(0.9999);
  });

  it("replaces the model's weights during some work, and they are restored exactly, whatever happens", async () => {
    const length = 150_001; // several blocks and a remainder
    const values = new ParameterValues([
      { name: "w", shape: [length], role: "weight", initialise },
      { name: "b", shape: [3], role: "buffer", initialise },
    ]);
    const average = averageWeights(values, { decay: 0.5, warmup: false });
    const draw = (k: number) => Float32Array.from({ length }, (_, i) => Math.sin(k * i));
    values.flat.set(draw(1));
    values.flatBuffers.set([1, Number.NaN, 3]);
    average.values.flat.set(draw(2));
    average.values.flatBuffers.set([4, 5, 6]);
    const seen = await average.inPlace(async () => [values.flat.slice(), values.flatBuffers.slice()]);
    expect(seen[0]).to.deep.equal(draw(2));
    expect([...seen[1]!]).to.deep.equal([4, 5, 6]);
    const failure = await average
      .inPlace(async () => {
        throw new Error("validation failed");
      })
      .catch(String);
    expect(failure).to.equal("Error: validation failed");
    expect(values.flat).to.deep.equal(draw(1));
    expect([...values.flatBuffers]).to.deep.equal([1, Number.NaN, 3]);
    expect(average.values.flat).to.deep.equal(draw(2));
    expect([...average.values.flatBuffers]).to.deep.equal([4, 5, 6]);
  });
});
