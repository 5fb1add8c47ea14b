import { rmSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { type JudgedObjects, type MetricKind, registerMetric } from "../../lib/metrics/registered.js";
import { userMessage } from "../support/failure.js";
import { readJson } from "../support/goldens.js";
import { trainQuietly } from "../support/runs.js";
import { makeShapes, type ShapesData, shapesConfig } from "../support/shapes.js";

describe("metrics from outside", function () {
  this.timeout(60_000);
  let data: ShapesData;
  const removals: (() => void)[] = [];
  before(async () => {
    data = await makeShapes(3);
  });
  afterEach(() => {
    for (const remove of removals.splice(0)) remove();
  });
  after(() => rmSync(data.folder, { recursive: true }));

  it("are computed in each validation, and may choose the best weights (segmentation)", async () => {
    const accuracy: MetricKind<"segmentation"> = {
      task: "segmentation",
      name: "mineAcc",
      start(classes) {
        expect(classes).to.deep.equal(["ground", "disc", "square"]);
        let [right, all] = [0, 0];
        return {
          add({ found, truth, file }) {
            expect(file).to.match(/^\d\.png$/);
            truth.data.forEach((label, i) => {
              right += Number(found.data[i] === label);
            });
            all += truth.data.length;
          },
          value: () => right / all,
        };
      },
    };
    removals.push(registerMetric(accuracy));
    expect(await userMessage(() => registerMetric(accuracy))).to.equal(
      'there is a metric of the name "mineAcc" already; choose another name',
    );
    const { result } = await trainQuietly(shapesConfig("segmentation", data, join(data.folder, "a")), [
      "training.steps=1",
      "training.checkpoint.best=mineAcc",
    ]);
    expect(result.metrics.mineAcc).to.be.closeTo(result.metrics.aAcc!, 1e-12);
    expect(result.best?.metric).to.equal("mineAcc");
  });

  it("get the annotated objects in pixels of the image, however it was resized (detection)", async () => {
    const seen: Record<string, JudgedObjects> = {};
    removals.push(
      registerMetric({
        task: "detection",
        name: "objects",
        start: () => ({
          add({ found, truth, file }) {
            expect(found.scores).to.have.length(found.labels.length);
            seen[file] = truth;
          },
          value: () => Object.keys(seen).length,
        }),
      }),
    );
    const { result } = await trainQuietly(shapesConfig("detection", data, join(data.folder, "b")), [
      "training.steps=1",
      "data.transforms.test=[{type: resize, scale: [96, 96]}]",
    ]);
    expect(result.metrics.objects).to.equal(3);
    const file = readJson<{
      annotations: { image_id: number; bbox: [number, number, number, number]; category_id: number }[];
    }>(data.annotations);
    for (const [name, { boxes, labels }] of Object.entries(seen)) {
      const own = file.annotations.filter(({ image_id }) => image_id === 10 + Number.parseInt(name, 10));
      expect([...labels]).to.deep.equal(own.map(({ category_id }) => category_id - 3));
      const expected = own.flatMap(({ bbox: [x, y, w, h] }) => [x, y, x + w, y + h]);
      for (const [i, value] of expected.entries()) expect(boxes[i]).to.be.closeTo(value, 1e-3);
    }
  });

  it("get the probabilities and the class (classification), and no name of the task's own", async () => {
    const count = (name: string) =>
      registerMetric({
        task: "classification",
        name,
        start: () => {
          let [right, all] = [0, 0];
          return {
            add({ found, truth }) {
              right += Number(found[truth]! > 0.5);
              all++;
            },
            value: () => right / all,
          };
        },
      });
    removals.push(count("half"));
    const train = (run: string) =>
      trainQuietly(shapesConfig("classification", data, join(data.folder, run)), ["training.steps=1"]);
    const { result } = await train("c");
    expect(result.metrics.half).to.be.closeTo(result.metrics.top1!, 1e-12); // of two classes
    removals.push(count("top1"));
    expect(await userMessage(() => train("d"))).to.equal(
      'the metric "top1" is one of the task itself; register yours by another name',
    );
  });
});
