import { expect } from "chai";
import { backboneTitle, makeBackbone, makeClassifier } from "../../lib/backbones/index.js";
import { onnxRuntimeEngine } from "../../lib/engines/onnxruntime/engine.js";
import { input, type Value } from "../../lib/graph/index.js";
import { Context } from "../../lib/nn/context.js";
import { ParameterList, type ParameterScope, ParameterValues } from "../../lib/nn/parameters.js";
import { uniform } from "../../tools/prng.js";
import { backboneConfig } from "../support/backboneGoldens.js";
import { expectClose, fillFromPrng } from "../support/tensors.js";

const L1 = { widths: [48, 96, 224, 448], depths: [3, 2, 6, 4], attentionBlocks: 1 };
const SMALL = { widths: [32, 32, 48, 64], depths: [1, 1, 2, 2] };
const SHAPE: readonly number[] = [1, 3, 64, 96];

type Forward = (x: Value, context: Context) => readonly Value[];
type Make = (scope: ParameterScope, config: ReturnType<typeof backboneConfig.parse>) => Forward;

const dense: Make = (scope, config) => makeBackbone(scope, config, { imageSide: 512 }).forward;
const classifier: Make = (scope, config) => {
  const { forwardHeads } = makeClassifier(scope, config, { imageSide: 224, classes: 5 });
  return forwardHeads!;
};

/** Fills the parameters by name, except those that `change` overwrites. */
function made(make: Make, written: object, change: (name: string, view: Float32Array) => void = () => undefined) {
  const list = new ParameterList();
  const forward = make(list.scope(), backboneConfig.parse(written));
  const values = new ParameterValues(list.all);
  fillFromPrng(values, list.all, "size");
  for (const { name } of list.all) change(name, values.view(name));
  return { parameters: list.all.map(({ name, shape, role }) => ({ name, shape, role })), forward, values };
}

describe("EfficientFormer of a custom size", () => {
  const engine = onnxRuntimeEngine();
  const answers = async ({ forward, values }: ReturnType<typeof made>) => {
    const maps = forward(input("x", SHAPE), Context.inference(values));
    const program = await engine.compile(Object.fromEntries(maps.map((map, i) => [`${i}`, map])));
    const outputs = await program.run({
      x: uniform(
        "size:images",
        SHAPE.reduce((a, b) => a * b),
        -2,
        2,
      ),
    });
    await program.dispose();
    return maps.map(({ shape }, i) => ({ shape, data: outputs[`${i}`]! }));
  };

  for (const [what, make] of [
    ["dense", dense],
    ["classifier", classifier],
  ] as const) {
    it(`${what}: with L1's size it is L1`, async () => {
      const named = made(make, { type: "efficientformer", variant: "l1" });
      const sized = made(make, { type: "efficientformer", size: L1 });
      expect(sized.parameters).to.deep.equal(named.parameters);
      expect(await answers(sized)).to.deep.equal(await answers(named));
    });

    it(`${what}: attention may start in the third stage, where blocks with a zero scale change nothing`, async () => {
      const mute = (name: string, view: Float32Array) => {
        if (/network\.(4\.[123]|6\.\d)\.layer_scale/.test(name)) view.fill(0); // from 4.1 on: MB4D, or the attention in its place
      };
      const pooling = made(make, { type: "efficientformer", size: { ...SMALL, attentionBlocks: 0 } }, mute);
      const attending = made(make, { type: "efficientformer", size: { ...SMALL, attentionBlocks: 3 } }, mute);
      const mixers = attending.parameters.map(({ name }) => name).filter((name) => name.endsWith("qkv.weight"));
      expect(mixers).to.deep.equal(
        [4, 6, 6].map((place, i) => `network.${place}.${[2, 1, 2][i]}.token_mixer.qkv.weight`),
      );
      const [expected, found] = [await answers(pooling), await answers(attending)];
      expect(found.map(({ shape }) => shape)).to.deep.equal(expected.map(({ shape }) => shape));
      for (const [i, { data }] of found.entries()) expectClose(data, expected[i]!.data, 1e-6, `output ${i}`);
    });
  }

  it("has bias tables of the map's size in each attention block", () => {
    const size = { ...SMALL, attentionBlocks: 3 };
    const shapes = (make: Make) =>
      made(make, { type: "efficientformer", size })
        .parameters.filter(({ name }) => name.includes("attention_biases"))
        .map(({ shape }) => shape[1]);
    expect(shapes(classifier)).to.deep.equal([14 ** 2, 7 ** 2, 7 ** 2]);
    expect(shapes(dense)).to.deep.equal([32 ** 2, 16 ** 2, 16 ** 2]);
  });

  it("is named by its size", () => {
    const config = backboneConfig.parse({ type: "efficientformer", size: L1 });
    expect(backboneTitle(config)).to.equal("EfficientFormer 48-96-224-448, 3-2-6-4 blocks, 1 MB3D");
  });
});
