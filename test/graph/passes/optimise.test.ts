import { expect } from "chai";
import { efficientFormer, efficientFormerClassifier } from "../../../lib/backbones/efficientformer.js";
import { EFFICIENTFORMER_SIZES, type EfficientFormerVariant } from "../../../lib/backbones/efficientformerSizes.js";
import { compileForInference, runOnce } from "../../../lib/engines/inference.js";
import { onnxRuntimeEngine } from "../../../lib/engines/onnxruntime/engine.js";
import { input, type Value } from "../../../lib/graph/index.js";
import { optimiseForInference } from "../../../lib/graph/passes/optimise.js";
import { Context } from "../../../lib/nn/context.js";
import { ParameterList, ParameterValues } from "../../../lib/nn/parameters.js";
import { expectClose, fillFromPrng, prngInput } from "../../support/tensors.js";
import { countOperators, evaluate } from "../check.js";
import { expectSameResults } from "./equal.js";

const engine = onnxRuntimeEngine();

function model(variant: EfficientFormerVariant, dense: boolean, [height, width]: readonly [number, number]) {
  const list = new ParameterList();
  const size = EFFICIENTFORMER_SIZES[variant];
  const forward = dense
    ? efficientFormer(list.scope(), { size, biasSide: 16 }).forward
    : efficientFormerClassifier(list.scope(), { size, classes: 1000 }).forward;
  const values = new ParameterValues(list.all);
  fillFromPrng(values, list.all, "optimise");
  const result = forward(input("x", [1, 3, height, width]), Context.inference(values));
  const maps = Array.isArray(result) ? result : [result];
  const outputs: Record<string, Value> = Object.fromEntries(maps.map((map, i) => [`y${i}`, map]));
  const { depths, attentionBlocks } = size;
  const blocks = depths.reduce((a, b) => a + b, 0);
  return { outputs, mb4d: blocks - attentionBlocks };
}

describe("optimiseForInference", () => {
  const cases: readonly (readonly [EfficientFormerVariant, boolean, readonly [number, number]])[] = [
    ["nano", false, [224, 224]],
    ["l1", false, [224, 224]],
    ["l3", false, [224, 224]],
    ["l7", false, [224, 224]],
    ["l1", true, [192, 256]],
  ];
  for (const [variant, dense, size] of cases) {
    it(`${variant} ${dense ? "dense" : "classifier"}: no norms and scales are left, and the outputs are the same`, async () => {
      const { outputs, mb4d } = model(variant, dense, size);
      const after = await optimiseForInference(outputs, (constants) => runOnce(engine, constants));
      const counts = countOperators(Object.values(after));
      // The stem, three embeddings and two in every convolutional block.
      expect(counts.conv2d).to.equal(2 + 3 + 2 * mb4d);
      // Two in each block, for its pooling; the dense model's group norms have one each.
      expect(counts.channelAffine).to.equal(2 * mb4d + (dense ? 4 : 0));
      // Linear layers have taken over the layer norms', but not that of the classifier's last norm; its other one is the mean of two heads.
      expect(counts.mul ?? 0).to.equal(dense ? 0 : 2);
      for (const gone of ["sub", "div", "sqrt", "slice", "gather"]) expect(counts).not.to.have.property(gone);
      await expectSameResults(engine, outputs, after);
    });
  }

  it("does not change the results of a training graph", async () => {
    const list = new ParameterList();
    const size = { widths: [16, 16, 16, 16], depths: [1, 1, 1, 2], attentionBlocks: 1 } as const;
    const { forward } = efficientFormer(list.scope(), { size, biasSide: 2 });
    const context = Context.evaluation();
    const maps = forward(input("x", [1, 3, 64, 64]), context);
    const outputs = Object.fromEntries(maps.map((map, i) => [`y${i}`, map]));
    const after = await optimiseForInference(outputs, (constants) => runOnce(engine, constants));
    const values = new ParameterValues(list.all);
    fillFromPrng(values, list.all, "optimise");
    const feeds: Record<string, Float32Array> = Object.fromEntries(
      list.all.map(({ name }) => [name, values.view(name)]),
    );
    feeds.x = prngInput({ key: "x", shape: [1, 3, 64, 64], lo: -2, hi: 2 });
    const [expected, actual] = [await evaluate(engine, outputs, feeds), await evaluate(engine, after, feeds)];
    for (const name of Object.keys(outputs)) expectClose(actual[name]!, expected[name]!, 1e-5, name);
  });
});

describe("compileForInference", () => {
  it("gives a program with the same inputs and outputs", async () => {
    const { outputs } = model("nano", true, [64, 96]);
    const x = prngInput({ key: "x", shape: [1, 3, 64, 96], lo: -2, hi: 2 });
    const program = await compileForInference(engine, outputs);
    expect(program.inputs).to.deep.equal({ x: { shape: [1, 3, 64, 96], dtype: "float32" } });
    expect(Object.keys(program.outputs)).to.deep.equal(Object.keys(outputs));
    const results = await program.run({ x });
    await program.dispose();
    const expected = await evaluate(engine, outputs, { x });
    for (const name of Object.keys(outputs)) expectClose(results[name]!, expected[name]!, 1e-5, name);
  });
});
