import { rmSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { installedTensorFlow } from "../../../lib/engines/tfjs/installation.js";
import { claimProcess } from "../../../lib/process.js";
import { type StepEvent, trainQuietly } from "../../support/runs.js";
import { makeShapes, type ShapesData, shapesConfig } from "../../support/shapes.js";

/** All steps with DENSEKIT_SLOW=1: on WebAssembly they take a minute or two. */
const STEPS = process.env.DENSEKIT_SLOW === "1" ? 20 : 3;
const TOLERANCE = 1e-3;

/**
 * Every proposal is sampled. Otherwise rounding may decide which of two proposals is sampled: even onnxruntime with another
 * number of threads then differs by 1e-2 after a few steps.
 */
const EVERYTHING_SAMPLED = [
  "model.head.rpn.trainPerLevel=50",
  "model.head.rpn.maxPerImage=60",
  "model.head.roi.samples=70",
  "model.head.roi.positiveFraction=1",
];

const native = (await installedTensorFlow()) !== undefined;
if (native) claimProcess(); // Node 23 and later lack what tfjs-node calls
const backends = ["wasm", ...(native ? ["tensorflow"] : [])];

for (const task of ["detection", "segmentation", "classification"] as const) {
  describe(`training on TF.js (${task})`, function () {
    this.timeout(600_000);
    let data: ShapesData;
    before(async () => {
      data = await makeShapes(3);
    });
    after(() => rmSync(data.folder, { recursive: true }));

    const lossesOn = async (name: string, ...engine: string[]): Promise<readonly StepEvent["losses"][]> => {
      const overrides = [
        `training.steps=${STEPS}`,
        "training.optimizer={type: sgd, lr: 0.002}",
        ...(task === "detection" ? EVERYTHING_SAMPLED : []),
        ...engine,
      ];
      const { events } = await trainQuietly(shapesConfig(task, data, join(data.folder, name)), overrides);
      return events.flatMap((event) => (event.type === "step" ? [event.losses] : []));
    };

    it(`has the losses of onnxruntime for ${STEPS} steps, on ${backends.join(" and ")}`, async () => {
      const expected = await lossesOn("onnxruntime");
      expect(expected).to.have.length(STEPS);
      for (const backend of backends) {
        const actual = await lossesOn(backend, "engine.type=tfjs", `engine.backends=[${backend}]`);
        expect(actual).to.have.length(STEPS);
        for (const [i, losses] of expected.entries()) {
          expect(actual[i]).to.have.all.keys(...Object.keys(losses));
          for (const [name, loss] of Object.entries(losses)) {
            expect(actual[i]![name], `${name} of step ${i + 1} on ${backend}`).to.be.closeTo(loss, TOLERANCE);
          }
        }
      }
    });
  });
}
