import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import type { TrainingEvent } from "../../lib/loggers/events.js";
import { userMessage } from "../support/failure.js";
import { messagesOf, trainQuietly } from "../support/runs.js";
import { makeShapes, type ShapesData, shapesConfig } from "../support/shapes.js";

interface Json {
  annotations: { id: number; bbox?: number[]; segmentation?: unknown }[];
}

describe("training on objects with and without masks", function () {
  this.timeout(120_000);
  let data: ShapesData;
  let runs = 0;
  before(async () => {
    data = await makeShapes(3);
  });
  after(() => rmSync(data.folder, { recursive: true }));

  /** The annotation file with changed annotations. */
  const changed = (change: (annotation: Json["annotations"][number], i: number) => void): string => {
    const json: Json = JSON.parse(readFileSync(data.annotations, "utf8"));
    json.annotations.forEach(change);
    const path = join(data.folder, `changed-${runs++}.json`);
    writeFileSync(path, JSON.stringify(json));
    return path;
  };
  const train = ({ train = data.annotations, val = data.annotations }, ...overrides: string[]) =>
    trainQuietly(shapesConfig("detection", data, join(data.folder, `run-${runs++}`)), [
      "training.steps=2",
      `data.train.annotations=${train}`,
      `data.val.annotations=${val}`,
      ...overrides,
    ]);
  const stepsOf = (events: readonly TrainingEvent[]) => events.filter((event) => event.type === "step");
  const withoutSome = () =>
    changed((annotation, i) => {
      if (i % 3 === 0) annotation.segmentation = [];
    });

  it("trains the mask head on objects that have one, and reports how many have none", async () => {
    const file = withoutSome();
    const { events, result } = await train({ train: file });
    expect(messagesOf(events)).to.contain(
      `${file}: 2 of 6 objects have no mask; their boxes are trained, and the mask loss leaves them out`,
    );
    for (const { losses } of stepsOf(events)) expect(losses.mask).to.be.greaterThan(0);
    expect(result.metrics).to.include.keys("boxAP", "maskAP", "maskLoss");
    const told = events.findIndex((event) => event.type === "message" && event.text.includes("mask"));
    expect(told).to.be.lessThan(events.findIndex((event) => event.type === "step"));
    const { events: forced } = await train({ train: file }, "model.head.mask=true");
    expect(stepsOf(forced).map(({ losses }) => losses)).to.deep.equal(stepsOf(events).map(({ losses }) => losses));
  });

  it("evaluates boxes of all objects and masks of those that have one", async () => {
    const whole = await train({});
    const file = withoutSome();
    const { events, result } = await train({ val: file });
    expect(messagesOf(events)).to.contain(
      `${file}: 2 of 6 objects have no mask; their boxes are evaluated, and mask metrics ignore detections in them`,
    );
    expect(stepsOf(events).map(({ losses }) => losses)).to.deep.equal(
      stepsOf(whole.events).map(({ losses }) => losses),
    );
    expect(result.metrics.boxAP).to.equal(whole.result.metrics.boxAP);
    expect(result.metrics.boxLoss).to.equal(whole.result.metrics.boxLoss);
    expect(result.metrics.maskAP).to.be.within(0, 1);
    expect(result.metrics.maskLoss).to.be.greaterThan(0);
  });

  it("reports that masks are not trained or evaluated at all", async () => {
    const none = changed((annotation) => {
      delete annotation.segmentation;
    });
    const boxes = await train({ train: none });
    expect(messagesOf(boxes.events)).to.contain(`${none}: no object has a mask, so the model finds boxes only`);
    expect(stepsOf(boxes.events)[0]?.losses).to.not.have.property("mask");
    const judged = await train({ val: none });
    expect(messagesOf(judged.events)).to.contain(`${none}: none of 6 objects has a mask; only boxes are evaluated`);
    expect(judged.result.metrics).to.include.keys("boxAP").and.not.include.keys("maskAP");
    expect(await userMessage(() => train({ val: none }, "training.checkpoint.best=maskAP"))).to.equal(
      `${none}: no object has a mask, so there is no maskAP to choose the best weights by; ` +
        "set training.checkpoint.best to boxAP or loss",
    );
    const stopping = ["training.earlyStopping={metric: maskAP, patience: 1}", "training.evaluateEvery=1"];
    expect(await userMessage(() => train({ val: none }, ...stopping))).to.equal(
      `${none}: no object has a mask, so there is no maskAP to stop by; set training.earlyStopping.metric to boxAP or loss`,
    );
    expect(await userMessage(() => train({ train: none }, ...stopping))).to.equal(
      "training.earlyStopping.metric: the model has no masks, so there is no maskAP; use boxAP or loss",
    );
    expect(await userMessage(() => train({ train: none }, "model.head.mask=true"))).to.equal(
      `${none}: none of its 6 objects has a mask, so a mask head cannot be trained; set model.head.mask to false or auto`,
    );
  });

  it("reports that there are no objects at all", async () => {
    const empty = changed(() => undefined);
    writeFileSync(empty, JSON.stringify({ ...JSON.parse(readFileSync(empty, "utf8")), annotations: [] }));
    const { events, result } = await train({ train: empty });
    expect(messagesOf(events)).to.contain(`${empty}: no object is annotated; the model learns to find nothing`);
    expect(result.steps).to.equal(2);
  });

  it("takes missing boxes from the masks, for training and evaluation", async () => {
    const whole = await train({});
    const file = changed((annotation) => {
      const points = (annotation.segmentation as number[][])[0]!;
      const [xs, ys] = [0, 1].map((axis) => points.filter((_, i) => i % 2 === axis)) as [number[], number[]];
      const [x, y] = [Math.min(...xs), Math.min(...ys)];
      annotation.bbox = [x, y, Math.max(...xs) - x, Math.max(...ys) - y];
    });
    const boxless = changed((annotation) => {
      delete annotation.bbox;
    });
    const given = await train({ train: file, val: file });
    const taken = await train({ train: boxless, val: boxless });
    expect(stepsOf(taken.events).map(({ losses }) => losses)).to.deep.equal(
      stepsOf(given.events).map(({ losses }) => losses),
    );
    expect(taken.result.metrics).to.deep.equal(given.result.metrics);
    expect(Object.keys(taken.result.metrics)).to.deep.equal(Object.keys(whole.result.metrics));
  });
});
