import { makeBackbone, makeClassifier } from "../../lib/backbones/index.js";
import { onnxRuntimeEngine } from "../../lib/engines/onnxruntime/engine.js";
import { backboneConfig } from "../support/backboneGoldens.js";
import { requireGoldens } from "../support/goldens.js";
import { expectOfficialModel, type GoldenTask } from "../support/modelGoldens.js";

const PICTURE_SIDES = { cls: 224, det: 800, seg: 512 };
const BLOCKS = { s0: 14, s1: 21, s2: 28, l: 35 };

describe("EfficientFormerV2", () => {
  const engine = onnxRuntimeEngine();

  for (const model of ["v2_s0_cls", "v2_s0_det", "v2_s0_seg", "v2_s1_cls", "v2_s2_cls", "v2_l_cls"] as const) {
    it(`${model} equals the official model, layer by layer`, async function () {
      const folder = requireGoldens(this, `models/${model}`);
      const [, variant, task] = model.split("_") as ["v2", keyof typeof BLOCKS, GoldenTask];
      const config = backboneConfig.parse({ type: "efficientformerv2", variant });
      const options = { pictureSide: PICTURE_SIDES[task], classes: 1000 };
      await expectOfficialModel({
        folder,
        task,
        make: (scope) =>
          task === "cls"
            ? makeClassifier(scope, config, options).forward
            : makeBackbone(scope, config, options).forward,
        leastModules: BLOCKS[variant],
        engine,
      });
    });
  }
});
