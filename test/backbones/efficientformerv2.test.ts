import { expect } from "chai";
import { makeBackbone, makeClassifier } from "../../lib/backbones/index.js";
import { onnxRuntimeEngine } from "../../lib/engines/onnxruntime/engine.js";
import { input } from "../../lib/graph/index.js";
import { Context } from "../../lib/nn/context.js";
import { ParameterList, type ParameterScope } from "../../lib/nn/parameters.js";
import { backboneConfig } from "../support/backboneGoldens.js";
import { goldenFolder } from "../support/goldens.js";
import { expectOfficialModel, expectOfficialSamples, type GoldenTask } from "../support/modelGoldens.js";

const IMAGE_SIDES = { cls: 224, det: 800, seg: 512 };
const BLOCKS = { s0: 14, s1: 21, s2: 28, l: 35 };

describe("EfficientFormerV2", () => {
  const engine = onnxRuntimeEngine();

  for (const model of ["v2_s0_cls", "v2_s0_det", "v2_s0_seg", "v2_s1_cls", "v2_s2_cls", "v2_l_cls"] as const) {
    it(`${model} equals the official model, layer by layer; without the recordings, in samples of its outputs`, async () => {
      const [, variant, task] = model.split("_") as ["v2", keyof typeof BLOCKS, GoldenTask];
      const config = backboneConfig.parse({ type: "efficientformerv2", variant });
      const options = { imageSide: IMAGE_SIDES[task], classes: 1000 };
      const make = (scope: ParameterScope) =>
        task === "cls" ? makeClassifier(scope, config, options).forward : makeBackbone(scope, config, options).forward;
      const folder = goldenFolder(`models/${model}`);
      if (folder === undefined) return expectOfficialSamples(model, { make, engine });
      await expectOfficialModel({ folder, task, make, leastModules: BLOCKS[variant], engine });
      if (model === "v2_s0_det") await expectOfficialSamples(model, { make, engine });
    });
  }

  it("reports sizes it cannot take", () => {
    const config = backboneConfig.parse({ type: "efficientformerv2", variant: "s0" });
    expect(() => makeClassifier(new ParameterList().scope(), config, { imageSide: 200, classes: 10 })).to.throw(
      "images of 200 × 200; sides must be multiples of 32",
    );
    const dense = makeBackbone(new ParameterList().scope(), config, { imageSide: 512 });
    expect(() => dense.forward(input("x", [1, 3, 100, 64]), Context.evaluation())).to.throw(
      "images of 100 × 64; sides must be multiples of 32",
    );
  });
});
