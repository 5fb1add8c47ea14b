import { rmSync } from "node:fs";
import { expect } from "chai";
import { resolveConfig } from "../../lib/config/load.js";
import type { ClassificationBatch } from "../../lib/datasets/loader/batch.js";
import { onnxRuntimeEngine } from "../../lib/engines/onnxruntime/engine.js";
import { ParameterValues } from "../../lib/nn/parameters.js";
import { Random } from "../../lib/random.js";
import { classificationKind } from "../../lib/tasks/classification/kind.js";
import type { ModelDescription } from "../../lib/tasks/description.js";
import type { Split } from "../../lib/tasks/sources.js";
import { openSplits } from "../../lib/tasks/splits.js";
import { makeShapes, type ShapesData, shapesConfig } from "../support/shapes.js";

describe("the data sets of a task", () => {
  const described: ModelDescription = { task: "classification", classes: ["a", "b"] };
  const opened = async (given: ModelDescription | undefined, teller: Split) => {
    const read: string[] = [];
    const splits = await openSplits({
      given,
      teller,
      open: async (split, known) => {
        read.push(known === undefined ? `${split} untold` : split);
        return { split };
      },
      describe: () => described,
    });
    const found = [await splits.of("train"), await splits.of("val")].map(({ split }) => split);
    return { read, found, trained: splits.trained?.split };
  };

  it("are read once each, the one that describes the model first", async () => {
    const found = ["train", "val"];
    const train = { read: ["train untold", "val"], found, trained: "train" };
    expect(await opened(undefined, "train")).to.deep.equal(train);
    expect(await opened(undefined, "val")).to.deep.equal({ read: ["val untold", "train"], found, trained: undefined });
    expect(await opened(described, "train")).to.deep.equal({ read: ["train", "val"], found, trained: undefined });
  });
});

describe("a classifier's trainer for an existing model", function () {
  this.timeout(60_000);
  const classes = ["disc", "square"];
  let data: ShapesData;
  before(async () => {
    data = await makeShapes(2);
  });
  after(() => rmSync(data.folder, { recursive: true }));

  type Described = readonly [given: ModelDescription | undefined, teller?: Split];
  const GIVEN: Described = [{ task: "classification", classes }];
  const VALIDATED: Described = [undefined, "val"];
  const trainerOf = async (overrides: readonly string[], described = GIVEN) => {
    const { config } = resolveConfig(shapesConfig("classification", data, `${data.folder}/run`), { overrides });
    if (config.task !== "classification") throw new Error("wrong task");
    const task = await classificationKind.open(config, ...described);
    const values = new ParameterValues(task.parameters);
    values.initialise((name) => Random.of(name));
    const trainer = task.trainer({
      engine: onnxRuntimeEngine({ threads: 1 }),
      values,
      normMode: () => "running",
      frozen: () => false,
    });
    return { trainer, gradients: new Float32Array(values.flat.length) };
  };

  const lossOf = async (...overrides: string[]) => {
    const { trainer, gradients } = await trainerOf(overrides);
    const image = Random.of("image");
    const [height, width] = [64, 32];
    const batch: ClassificationBatch = {
      kind: "classification",
      images: Float32Array.from({ length: 2 * 3 * height * width }, () => image.uniform(-1, 1)),
      height,
      width,
      indices: Int32Array.of(0, 1),
      meta: [],
      labels: Int32Array.of(0, 1),
    };
    const losses = await trainer.step(batch, { random: Random.of("step"), gradients });
    await trainer.dispose();
    return losses.class!;
  };

  it("weights the classes as listed in the config", async () => {
    const [both, first, second] = [
      await lossOf(),
      await lossOf("model.head.classWeights=[3, 1]"),
      await lossOf("model.head.classWeights=[1, 3]"),
    ] as const;
    expect(first).to.not.be.closeTo(second, 1e-4);
    expect((first + second) / 2).to.be.closeTo(both, 1e-5);
  });

  const failure = (overrides: readonly string[], described?: Described) =>
    trainerOf(overrides, described).then(
      () => "none",
      ({ name, message }: Error) => `${name}: ${message}`,
    );

  it("reports what it cannot know without a training set", async () => {
    for (const described of [GIVEN, VALIDATED]) {
      expect(await failure(["model.head.classWeights=balanced"], described)).to.equal(
        "RangeError: balanced class weights need each class counted, and no training set was opened",
      );
    }
    expect(await failure(["model.head.classWeights=[1, 2, 3]"])).to.equal(
      "UserError: model.head.classWeights: 3 weights for the 2 classes of the model",
    );
  });

  it("refuses a teacher that was not opened, without reading its file", async () => {
    const distillation = "model.head.distillation={teacher: {type: onnx, file: absent.onnx}}";
    for (const described of [GIVEN, VALIDATED]) {
      expect(await failure([distillation], described)).to.equal(
        "RangeError: model.head.distillation: a teacher is opened together with the training set, and none was opened",
      );
    }
  });
});
