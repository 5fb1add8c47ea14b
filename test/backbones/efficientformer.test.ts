import { efficientFormer, efficientFormerClassifier } from "../../lib/backbones/efficientformer.js";
import { EFFICIENTFORMER_SIZES, type EfficientFormerVariant } from "../../lib/backbones/efficientformerSizes.js";
import { onnxRuntimeEngine } from "../../lib/engines/onnxruntime/engine.js";
import type { ParameterScope } from "../../lib/nn/parameters.js";
import { goldenFolder } from "../support/goldens.js";
import { expectOfficialModel, expectOfficialSamples, type GoldenTask } from "../support/modelGoldens.js";

const BIAS_SIDES = { det: 25, seg: 16 };

const MODELS = ["l1_cls", "l1_det", "l1_seg", "l3_cls", "l3_det", "l7_cls"] as const;

describe("EfficientFormer", () => {
  const engine = onnxRuntimeEngine();

  for (const model of MODELS) {
    const [variant, task] = model.split("_") as [EfficientFormerVariant, GoldenTask];
    const size = EFFICIENTFORMER_SIZES[variant];
    const make = (scope: ParameterScope) =>
      task === "cls"
        ? efficientFormerClassifier(scope, { size, classes: 1000 }).forward
        : efficientFormer(scope, { size, biasSide: BIAS_SIDES[task] }).forward;

    it(`${model} equals the official model, layer by layer; without the recordings, in samples of its outputs`, async () => {
      const folder = goldenFolder(`models/${model}`);
      if (folder === undefined) return expectOfficialSamples(model, { make, engine });
      const leastModules = size.depths.reduce((a, b) => a + b, 0) / 2;
      await expectOfficialModel({ folder, task, make, leastModules, engine });
      if (model === "l1_det") await expectOfficialSamples(model, { make, engine });
    });
  }
});
