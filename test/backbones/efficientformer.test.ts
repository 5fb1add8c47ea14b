import { efficientFormer, efficientFormerClassifier } from "../../lib/backbones/efficientformer.js";
import { EFFICIENTFORMER_SIZES, type EfficientFormerVariant } from "../../lib/backbones/efficientformerSizes.js";
import { onnxRuntimeEngine } from "../../lib/engines/onnxruntime/engine.js";
import { requireGoldens } from "../support/goldens.js";
import { expectOfficialModel, type GoldenTask } from "../support/modelGoldens.js";

const BIAS_SIDES = { det: 25, seg: 16 };

describe("EfficientFormer", () => {
  const engine = onnxRuntimeEngine();

  for (const model of ["l1_cls", "l1_det", "l1_seg", "l3_cls", "l3_det", "l7_cls"] as const) {
    it(`${model} equals the official model, layer by layer`, async function () {
      const folder = requireGoldens(this, `models/${model}`);
      const [variant, task] = model.split("_") as [EfficientFormerVariant, GoldenTask];
      const size = EFFICIENTFORMER_SIZES[variant];
      await expectOfficialModel({
        folder,
        task,
        make: (scope) =>
          task === "cls"
            ? efficientFormerClassifier(scope, { size, classes: 1000 }).forward
            : efficientFormer(scope, { size, biasSide: BIAS_SIDES[task] }).forward,
        leastModules: size.depths.reduce((a, b) => a + b, 0) / 2,
        engine,
      });
    });
  }
});
