import { expect } from "chai";
import { BACKBONES, makeClassifier } from "../../lib/backbones/index.js";
import { resolveConfig } from "../../lib/config/load.js";
import type { Batch } from "../../lib/datasets/loader/batch.js";
import { maskRcnn } from "../../lib/models/maskRcnn/model.js";
import type { Trainer } from "../../lib/models/model.js";
import { semanticFpn } from "../../lib/models/semanticFpn/model.js";
import { type Parameter, ParameterList, ParameterValues } from "../../lib/nn/parameters.js";
import { createOptimizer } from "../../lib/optimizers/index.js";
import { adaptiveClipping } from "../../lib/training/adaptiveClipping.js";
import { createSegments } from "../../lib/training/segments.js";
import { createStepper } from "../../lib/training/stepper.js";
import { backboneConfig } from "../support/backboneGoldens.js";
import { variantsOf } from "../support/grid.js";
import { readTimm } from "../support/timm.js";

const outputsOf = (parameters: readonly Parameter[]): string[] =>
  parameters.filter(({ isOutput }) => isOutput).map(({ name }) => name);

const both = (name: string): string[] => [`${name}.weight`, `${name}.bias`];

describe("adaptive gradient clipping", () => {
  for (const { factor, eps, parts } of readTimm().clipping) {
    it(`with a factor of ${factor} equals timm's adaptive_clip_grad`, () => {
      const [values, gradients] = [parts.flatMap((part) => part.values), parts.flatMap((part) => part.gradient)];
      const clipped = Float32Array.from(gradients);
      adaptiveClipping(parts, { factor, eps })(clipped, Float32Array.from(values));
      const expected = parts.flatMap((part) => part.clipped);
      expect(expected.filter((value, i) => value !== gradients[i]).length).to.be.within(20, gradients.length - 20);
      for (const [i, value] of expected.entries()) {
        expect(clipped[i], `value ${i}`).to.be.closeTo(value, 3e-7 * Math.abs(value));
      }
    });
  }

  it("leaves output layers alone, and no others", () => {
    const parts = [{ shape: [2, 2], isOutput: true }, { shape: [2], isOutput: true }, { shape: [2, 2] }];
    const gradients = Float32Array.of(1, 2, 3, 4, 5, 6, 3, 4, 0, 10);
    adaptiveClipping(parts, { factor: 0.5, eps: 1e-3 })(gradients, new Float32Array(10).fill(1));
    const most = Math.fround(Math.SQRT1_2);
    for (const [i, value] of [1, 2, 3, 4, 5, 6, most * 0.6, most * 0.8, 0, most].entries()) {
      expect(gradients[i], `value ${i}`).to.be.closeTo(value, 1e-6);
    }
  });

  it("knows each model's output layers", () => {
    const model = (task: "detection" | "segmentation") => ({
      backbone: backboneConfig.parse({ type: "efficientformer", variant: "nano" }),
      neck: { type: "fpn" },
      head: { type: task === "detection" ? "maskRcnn" : "semanticFpn" },
    });
    const split = { annotations: "a.json", images: "." };
    const maps = { images: ".", labelMaps: "." };
    const training = { steps: 1, optimizer: { type: "sgd", lr: 1 }, schedule: { type: "constant" } };
    const coco = { type: "coco", train: split, val: split };
    const labelled = { type: "labelMaps", train: maps, val: maps, classes: ["x"] };
    const detection = resolveConfig({ task: "detection", model: model("detection"), data: coco, training }).config;
    const semantic = resolveConfig({
      task: "segmentation",
      model: model("segmentation"),
      data: labelled,
      training,
    }).config;
    if (detection.task !== "detection" || semantic.task !== "segmentation") throw new Error("another task");
    expect(outputsOf(maskRcnn(detection.model, 3, true).parameters)).to.have.members(
      ["rpn_head.rpn_cls", "rpn_head.rpn_reg", "roi_head.bbox_head.fc_cls", "roi_head.bbox_head.fc_reg"]
        .concat("roi_head.mask_head.conv_logits")
        .flatMap(both),
    );
    expect(outputsOf(semanticFpn(semantic.model, 3).parameters)).to.have.members(both("decode_head.conv_seg"));
  });

  for (const kind of BACKBONES) {
    const type = kind.schema.shape.type.value;
    it(`knows those of ${type} as a classifier`, () => {
      const list = new ParameterList();
      makeClassifier(list.scope(), variantsOf(kind)[0]!, { imageSide: 224, classes: 7 });
      // Parameters with as many rows as there are classes.
      const expected = list.all.filter(({ shape }) => shape[0] === 7).map(({ name }) => name);
      expect(expected.length).to.be.within(2, 4);
      expect(outputsOf(list.all)).to.deep.equal(expected);
    });
  }

  it("uses the mean gradient of accumulated batches, and runs before clipping by the global norm", async () => {
    const initialise = (values: Float32Array) => values.set(values.map((_, i) => i + 1));
    const values = new ParameterValues([
      { name: "a.weight", shape: [2, 2], role: "weight", initialise },
      { name: "b.weight", shape: [1, 2], role: "weight", initialise, isOutput: true },
    ]);
    const split = { images: "a", labelMaps: "b" };
    const { config } = resolveConfig({
      task: "segmentation",
      model: {
        backbone: { type: "efficientformer", variant: "nano" },
        neck: { type: "fpn" },
        head: { type: "semanticFpn" },
      },
      data: { type: "labelMaps", train: split, val: split, classes: ["x"] },
      training: {
        steps: 1,
        accumulate: 2,
        optimizer: { type: "sgd", lr: 1, momentum: 0 },
        schedule: { type: "constant" },
        adaptiveClipping: { factor: 0.5 },
        clipNorm: 2,
      },
    });
    const made = [
      [0, 0, 10, 1, 6, 8],
      [6, 8, 0.2, -1, 6, 8],
    ];
    let batch = 0;
    const trainer: Trainer = {
      step: async (_, { gradients }) => {
        gradients.set(made[batch++]!);
        return { loss: 1 };
      },
      losses: async () => ({}),
      dispose: async () => undefined,
    };
    const { optimizer: rule } = config.training;
    const stepper = createStepper({
      config,
      trainer,
      values,
      optimizer: createOptimizer(rule, 6),
      segments: createSegments(values.trainable, { optimizer: rule }),
      signal: undefined,
    });
    async function* batches(): AsyncGenerator<Batch, void, undefined> {
      for (;;) yield {} as Batch;
    }
    values.flat.set([1, 2, 3, 4, 5, 6]);
    const { gradientNorm } = await stepper.backward(batches(), 1);
    const mean = made[0]!.map((value, i) => (value + made[1]![i]!) / 2);
    expect(gradientNorm, "before clipping").to.be.closeTo(Math.hypot(...mean), 1e-5);
    stepper.update(1, 1, gradientNorm);
    // The first row's norm is √5, its gradient's 5; the second row's 5, its gradient's 5.1; the third is an output layer's.
    const clipped = [
      ...[3, 4].map((g) => (g * Math.sqrt(5)) / 2 / 5),
      ...[5.1, 0].map((g) => (g * 2.5) / 5.1),
      ...[6, 8],
    ];
    const scale = 2 / (Math.hypot(...clipped) + 1e-6);
    for (const [i, value] of [1, 2, 3, 4, 5, 6].entries()) {
      expect(values.flat[i], `value ${i}`).to.be.closeTo(value - scale * clipped[i]!, 1e-5);
    }
  });
});
