import { rmSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { rleIou } from "../../lib/masks/overlap.js";
import type { FoundInstance } from "../../lib/tasks/detection/found.js";
import { loadModel, type Model } from "../../lib/use/loadModel.js";
import { trainQuietly } from "../support/runs.js";
import { makeShapes, type ShapesData, shapesConfig } from "../support/shapes.js";
import { holdWebGpu, releaseWebGpu, webGpuName } from "../support/webgpu.js";

const STEPS = 3;
const TOLERANCE = 1e-3;
const ON_WEBGPU = "engine.providers=[webgpu]";

/** Keeps the test on a software adapter short: one image per batch, and one validation program. */
const SMALL = ["data.batchSize=1", "data.testBatchSize=2"];

/** Every proposal is sampled: otherwise rounding may decide which of two is. */
const EVERYTHING_SAMPLED = [
  "model.head.rpn.trainPerLevel=50",
  "model.head.rpn.maxPerImage=60",
  "model.head.roi.samples=70",
  "model.head.roi.positiveFraction=1",
];

for (const task of ["detection", "segmentation"] as const) {
  describe(`WebGPU on ${webGpuName} (${task})`, function () {
    this.timeout(600_000);
    let data: ShapesData;
    let expected: Readonly<Record<string, number>>[];
    before(async function () {
      await holdWebGpu(this);
      data = await makeShapes(2);
      expected = await figuresOn("cpu");
    });
    after(async () => {
      await releaseWebGpu();
      if (data !== undefined) rmSync(data.folder, { recursive: true });
    });

    const configOf = (run: string) => shapesConfig(task, data, join(data.folder, run));
    const small = [...SMALL, ...(task === "detection" ? EVERYTHING_SAMPLED : [])];

    const figuresOn = async (run: string, ...engine: string[]): Promise<Readonly<Record<string, number>>[]> => {
      const overrides = [`training.steps=${STEPS}`, "training.optimizer={type: sgd, lr: 0.002}", ...small, ...engine];
      const { events } = await trainQuietly(configOf(run), overrides);
      return events.flatMap((event) =>
        event.type === "step" ? [event.losses] : event.type === "evaluation" ? [event.metrics] : [],
      );
    };

    it(`trains ${STEPS} steps and validates with the CPU's metrics`, async () => {
      const actual = await figuresOn("webgpu", ON_WEBGPU);
      expect(actual).to.have.length(STEPS + 1);
      for (const [i, figures] of expected.entries()) {
        expect(actual[i]).to.have.all.keys(...Object.keys(figures));
        for (const [name, figure] of Object.entries(figures)) {
          expect(actual[i]![name], `${name} of step ${i + 1}`).to.be.closeTo(figure, TOLERANCE);
        }
      }
    });

    it("predicts what the CPU predicts", async () => {
      const image = join(data.images, "0.png");
      const predictOn = async <Result>(read: (model: Model) => Promise<Result>, ...engine: string[]) => {
        const model = await loadModel(configOf("cpu"), {
          weights: join(data.folder, "cpu"),
          overrides: [...small, ...engine],
        });
        try {
          return await read(model);
        } finally {
          await model.dispose();
        }
      };
      if (task === "detection") {
        const find = async (model: Model) => (model.task === "detection" ? await model.predict(image) : []);
        const expected = await predictOn(find);
        const actual = await predictOn(find, ON_WEBGPU);
        expect(expected).to.have.length.above(10);
        expectSameInstances(actual, expected);
      } else {
        const label = async (model: Model) =>
          model.task === "segmentation" ? (await model.predict(image)).labelMap.data : [];
        const expected = await predictOn(label);
        const actual = await predictOn(label, ON_WEBGPU);
        expect(expected.length).to.equal(64 * 64);
        // Where two classes are equally likely, rounding decides.
        expect(expected.filter((label, i) => label !== actual[i]).length).to.be.below(expected.length / 1000);
      }
    });
  });
}

/** Compares objects; those with equal scores may be in another order. */
function expectSameInstances(actual: readonly FoundInstance[], expected: readonly FoundInstance[]): void {
  expect(actual.map(({ score }) => score)).to.have.length(expected.length);
  const left = new Set(actual);
  const distance = (a: FoundInstance, b: FoundInstance) =>
    a.classIndex === b.classIndex
      ? Math.max(...(["x1", "y1", "x2", "y2"] as const).map((side) => Math.abs(a.box[side] - b.box[side])))
      : Number.POSITIVE_INFINITY;
  for (const [i, wanted] of expected.entries()) {
    const nearest = [...left].reduce((best, other) =>
      distance(other, wanted) < distance(best, wanted) ? other : best,
    );
    left.delete(nearest);
    expect(distance(nearest, wanted), `box ${i}`).to.be.below(0.01);
    expect(nearest.score, `score ${i}`).to.be.closeTo(wanted.score, TOLERANCE);
    const bothEmpty = [nearest, wanted].every(({ mask }) => mask!.counts.length <= 1);
    if (!bothEmpty) expect(rleIou([nearest.mask!], [wanted.mask!], [0])[0], `mask ${i}`).to.be.above(0.99);
  }
}
