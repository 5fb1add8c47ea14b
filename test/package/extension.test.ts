import { rmSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import {
  type ConfigInput,
  exportModel,
  loadModel,
  resolveConfig,
  type TrainingEvent,
  train,
  verifyModel,
} from "densekit";
import { check, relu } from "densekit/graph";
import { convolution } from "densekit/nn";
import { backboneKind, backboneSchema, fourStages, registerBackbone } from "densekit/parts";
import { userMessage } from "../support/failure.js";
import { makeShapes, type ShapesData, shapesConfig } from "../support/shapes.js";

describe("parts from outside the package", function () {
  this.timeout(120_000);
  let data: ShapesData;
  let removeToys: () => void;
  before(async () => {
    data = await makeShapes(4);
    ({ removeToys } = await import("./toyParts.js"));
  });
  after(() => {
    rmSync(data.folder, { recursive: true });
    removeToys();
    expect(() => resolveConfig(toyConfig("segmentation", "gone"))).to.throw("model.backbone.type: must be one of");
  });

  /** A config with toy parts; TypeScript does not know that their types are registered. */
  const toyConfig = (task: "segmentation" | "classification", output: string, more: object = {}) => {
    const {
      model,
      data: sets,
      ...rest
    } = shapesConfig(task, data, join(data.folder, output)) as unknown as {
      model: { head: object };
      data: object;
    };
    const head = task === "segmentation" ? { type: "toyHead" } : model.head;
    const transforms = { train: [{ type: "negative", probability: 0.3 }, { type: "randomFlip" }] };
    const config = {
      ...rest,
      model: { ...model, backbone: { type: "toy" }, head },
      data: { ...sets, transforms, ...more },
    };
    return config as unknown as ConfigInput;
  };
  const overrides = ["training.steps=30", "training.optimizer.lr=0.005"];

  for (const task of ["segmentation", "classification"] as const) {
    it(`train, predict, are exported and verified (${task})`, async () => {
      const { config } = resolveConfig(toyConfig(task, task), { overrides });
      const events: TrainingEvent[] = [];
      const { weights } = await train({ config, onEvent: (event) => events.push(event) });
      const losses = events.flatMap((event) => (event.type === "step" ? [event.loss] : []));
      const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
      expect(mean(losses.slice(-5))).to.be.below(0.85 * mean(losses.slice(0, 5)));
      const model = await loadModel(toyConfig(task, task), { weights });
      const image =
        task === "segmentation"
          ? join(data.images, "0.png")
          : { width: 32, height: 64, data: new Uint8Array(3 * 32 * 64) };
      expect(await model.predict(image)).to.be.an(task === "segmentation" ? "object" : "array");
      await model.dispose();
      const out = join(data.folder, `${task}.onnx`);
      await exportModel({ config, weights, format: "onnx", out, size: "free", batch: "free" });
      const verified = await verifyModel({ model: out, config, weights, data: true });
      expect(verified.failures).to.deep.equal([]);
    });
  }

  it("transform images in the loader's threads as in the main thread", async () => {
    const losses = async (workers: number) => {
      const { config } = resolveConfig(toyConfig("segmentation", `workers-${workers}`, { workers }), {
        overrides: ["training.steps=4"],
      });
      const found: number[] = [];
      await train({ config, onEvent: (event) => event.type === "step" && found.push(event.loss) });
      return found;
    };
    expect(await losses(2)).to.deep.equal(await losses(0));
  });

  it("are checked like ours, and cannot take a name in use", async () => {
    const wrong = toyConfig("segmentation", "wrong");
    expect(await userMessage(() => resolveConfig(wrong, { overrides: ["model.backbone.widht=2"] }))).to.contain(
      'did you mean "width"?',
    );
    expect(await userMessage(() => resolveConfig(wrong, { overrides: ["model.backbone.type=toys"] }))).to.contain(
      '"toy"',
    );
    const again = { schema: { shape: { type: { value: "resnet" } } } } as unknown as Parameters<
      typeof registerBackbone
    >[0];
    expect(await userMessage(() => registerBackbone(again))).to.equal(
      'there is a backbone of the type "resnet" already; choose another name',
    );
  });

  it("say what their images' sides are multiples of, and training and export keep to it", async () => {
    const remove = registerBackbone(coarse);
    try {
      const config = (multipleOf: number) =>
        resolveConfig(toyConfig("segmentation", "coarse"), {
          overrides: ["model.backbone.type=coarse", "training.steps=1", `data.padding.multipleOf=${multipleOf}`],
        }).config;
      expect(await userMessage(() => train({ config: config(32) }))).to.equal(
        "model.backbone: both sides of images must be multiples of 64 for Coarse, but data.padding.multipleOf is 32; " +
          "set it to 64 or a multiple of that",
      );
      const { weights } = await train({ config: config(64) });
      const model64 = {
        config: config(64),
        weights,
        format: "onnx",
        batch: 1,
        out: join(data.folder, "64.onnx"),
      } as const;
      const small = { height: 96, width: 64 };
      expect(await userMessage(() => exportModel({ ...model64, size: small }))).to.equal(
        "size 96x64: both sides must be multiples of 64, as the backbone needs",
      );
      await exportModel({ ...model64, size: "free" });
      const { failures } = await verifyModel({ model: model64.out, config: model64.config, weights, data: true });
      expect(failures).to.deep.equal([]);
    } finally {
      remove();
    }
  });
});

/** Takes images in steps of 64 pixels alone. */
const coarse = backboneKind({
  schema: backboneSchema("coarse", {}),
  make(scope) {
    const channels = [8, 8, 8, 8] as const;
    const parts = channels.map((out, i) => {
      const conv = convolution(scope.child(`${i}`), { in: i === 0 ? 3 : out, out, kernel: 5, stride: i === 0 ? 4 : 2 });
      return (...given: Parameters<typeof conv>) => relu(conv(...given));
    });
    const backbone = fourStages({ channels, parts, stages: [[], ["0"], ["1"], ["2"], ["3"]] });
    return {
      ...backbone,
      multiple: 64,
      forward(x, context) {
        check(
          x.shape.slice(2).every((side) => side % 64 === 0),
          () => `a side of ${x.shape.join(" × ")}`,
        );
        return backbone.forward(x, context);
      },
    };
  },
  classifier: () => {
    throw new Error("not in this test");
  },
  title: () => "Coarse",
  namings: [],
  published: { name: "nobody's", mark: /^coarse\.no\.such\.name$/ },
});
