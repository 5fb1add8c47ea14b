import { expect } from "chai";
import { openEngine } from "../../../lib/engines/index.js";
import { compileForInference } from "../../../lib/engines/inference.js";
import { sizeOf } from "../../../lib/graph/index.js";
import type { ParameterValues } from "../../../lib/nn/parameters.js";
import { findModel } from "../../../lib/profile/model.js";
import { noise } from "../../../lib/profile/network.js";
import { dimension } from "../../../lib/profile/observations/dimension.js";
import type { Experiment } from "../../../lib/profile/observations/experiment.js";
import { OBSERVATIONS } from "../../../lib/profile/observations/index.js";
import { norm } from "../../../lib/profile/observations/norm.js";
import { patchEmbedding } from "../../../lib/profile/observations/patchEmbedding.js";
import { prepareTrial, record } from "../../../lib/profile/observations/trial.js";
import type { Work } from "../../../lib/profile/types.js";
import { Random } from "../../../lib/random.js";

const experimentsOf = (title: RegExp, from: readonly Experiment[]): readonly Experiment[] => {
  const found = from.filter((experiment) => title.test(experiment.title));
  expect(found, String(title)).to.not.have.length(0);
  return found;
};

/** Fills in numbers by each parameter's name; drawing them from initialisers takes longer than running the programs. */
function fill(all: ParameterValues): void {
  for (const { name } of all.trainable) {
    const random = Random.of("observations", name);
    const period = Float32Array.from({ length: 1009 }, () => random.uniform(-0.1, 0.2));
    const values = all.view(name);
    for (let i = 0; i < values.length; i++) values[i] = period[i % period.length]!;
  }
}

/** The outputs of each variant for the same input; parameters of the same name are equal. */
async function outputsOf({ variants, shape }: Experiment): Promise<Float32Array[]> {
  const engine = await openEngine(findModel("efficientformer-l1", ["engine.threads=1"]).config.engine);
  const found: Float32Array[] = [];
  for (const variant of variants) {
    const { outputs, values } = record(variant, shape);
    fill(values);
    const program = await compileForInference(engine, outputs);
    found.push((await program.run({ x: noise(sizeOf(shape)) })).y as Float32Array);
    await program.dispose();
  }
  return found;
}

function relativeDifference(a: Float32Array, b: Float32Array): number {
  let [apart, size] = [0, 0];
  for (const [i, x] of a.entries()) {
    apart += (x - b[i]!) ** 2;
    size += x ** 2;
  }
  return Math.sqrt(apart / size);
}

describe("profile/observations' experiments", () => {
  it("are the paper's four, in its order", () => {
    expect(OBSERVATIONS.map(({ name }) => name)).to.deep.equal(["patch-embedding", "dimension", "norm", "activation"]);
  });

  it("have the same numbers of inputs and outputs in every variant", () => {
    for (const { title, shape, variants } of OBSERVATIONS.flatMap(({ experiments }) => experiments)) {
      const sizes = variants.map((variant) => {
        const own = variant.shape ?? shape;
        return [sizeOf(own), sizeOf(record(variant, own).outputs.y.shape)];
      });
      for (const size of sizes) expect(size, title).to.deep.equal(sizes[0]);
    }
  });

  it("embed patches to equal shapes", () => {
    const shapes = patchEmbedding.experiments.map(({ shape, variants }) =>
      variants.map((variant) => record(variant, shape).outputs.y.shape),
    );
    expect(shapes).to.deep.equal([Array(2).fill([1, 384, 14, 14]), Array(3).fill([1, 48, 56, 56])]);
  });

  it("compute the same with and without reshapes, and wherever the layer norm is", async () => {
    for (const experiment of experimentsOf(/^(Reshapes|Layer norm)/, dimension.experiments)) {
      const [first, second] = await outputsOf(experiment);
      expect(relativeDifference(first!, second!), experiment.title).to.be.below(1e-5);
      expect(relativeDifference(first!, noise(first!.length)), experiment.title).to.be.above(0.01); // they are not the identity
    }
  });

  it("have the same multiply-adds; batch norms are folded away, so that they move no bytes", async () => {
    const engine = await openEngine(findModel("efficientformer-l1", ["engine.threads=1"]).config.engine);
    const worksOf = async (experiment: Experiment): Promise<Work[]> => {
      const works: Work[] = [];
      for (const variant of experiment.variants) {
        const { work, program } = await prepareTrial(variant, experiment, { engine, clock: "wall" });
        works.push(work);
        await program.dispose();
      }
      return works;
    };
    for (const experiment of norm.experiments) {
      const [folded, groupNorm, layerNorm, none] = (await worksOf(experiment)) as [Work, Work, Work, Work];
      expect([groupNorm.macs, layerNorm.macs, none.macs]).to.deep.equal(Array(3).fill(folded.macs));
      expect(folded.movedBytes).to.equal(none.movedBytes);
      expect(folded.activationBytes).to.be.at.most(none.activationBytes);
      expect(layerNorm.activationBytes).to.be.above(none.activationBytes); // its factors are folded, the rest is not
    }
    for (const experiment of experimentsOf(/^(Reshapes|Layer norm)/, dimension.experiments)) {
      const [first, second] = (await worksOf(experiment)) as [Work, Work];
      expect(second.macs).to.equal(first.macs);
      expect(second.parameters).to.equal(first.parameters);
    }
  });
});
