import { expect } from "chai";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { backboneTitle, makeBackbone } from "../../lib/backbones/index.js";
import { writePortableOnnx } from "../../lib/compilers/onnx/portable.js";
import { runOnce } from "../../lib/engines/inference.js";
import { onnxRuntimeEngine } from "../../lib/engines/onnxruntime/engine.js";
import { recordBuilds } from "../../lib/export/builds.js";
import { input, sizeOf } from "../../lib/graph/index.js";
import { Context } from "../../lib/nn/context.js";
import { ParameterList, ParameterValues } from "../../lib/nn/parameters.js";
import { uniform } from "../../tools/prng.js";
import { backboneConfig } from "../support/backboneGoldens.js";
import { FREE, NORMALISATION } from "../support/freeSizes.js";
import { expectClose, fillFromPrng } from "../support/tensors.js";

// Those whose parts depend on the image size: tables of attention biases, patches.
const DEPENDENT = [
  { type: "efficientformer", size: { widths: [16, 16, 32, 48], depths: [1, 1, 2, 1], attentionBlocks: 2 } },
  { type: "efficientformerv2", variant: "s0" },
  { type: "mobilevit", variant: "xs" },
];

describe("an exported backbone of free sizes", function () {
  this.timeout(120_000);
  const engine = onnxRuntimeEngine();

  for (const written of DEPENDENT) {
    const config = backboneConfig.parse(written);
    it(`${backboneTitle(config)} equals graphs built for each size`, async () => {
      const list = new ParameterList();
      const { forward } = makeBackbone(list.scope(), config, { imageSide: 512 });
      const values = new ParameterValues(list.all);
      fillFromPrng(values, list.all, "free");
      const graphs = {
        backbone: (images: Parameters<typeof forward>[0], context: Context) =>
          Object.fromEntries(forward(images, context).map((map, i) => [`c${i + 2}`, map])),
        model: () => ({}),
        postprocess: () => ({}),
      };
      const network = { description: { task: "segmentation", classes: ["a"] }, values, graphs } as const;
      const builds = await recordBuilds(network, FREE, NORMALISATION, (constants) => runOnce(engine, constants));
      const file = writePortableOnnx({ builds, half: false, metadata: {}, version: "1.2.3" });
      const session = await InferenceSession.create(file);
      for (const shape of [
        [2, 3, 96, 160],
        [1, 3, 128, 64],
      ] as const) {
        const images = uniform("images", sizeOf(shape), -2, 2);
        const found = await session.run({ images: new Tensor("float32", images, shape) });
        const program = await engine.compile(graphs.backbone(input("images", shape), Context.inference(values)));
        const expected = await program.run({ images });
        await program.dispose();
        expect(Object.keys(found)).to.have.members(Object.keys(expected));
        for (const [name, map] of Object.entries(expected)) {
          expectClose(found[name]!.data as Float32Array, map, 2e-5, `${name} of ${shape.join(" × ")}`);
        }
      }
      await session.release();
    });
  }
});
