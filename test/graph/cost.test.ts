import { expect } from "chai";
import { efficientFormer, efficientFormerClassifier } from "../../lib/backbones/efficientformer.js";
import { EFFICIENTFORMER_SIZES, type EfficientFormerVariant } from "../../lib/backbones/efficientformerSizes.js";
import { mostLiveBytes, nodeCosts, totalCost } from "../../lib/graph/cost.js";
import {
  add,
  constant,
  conv2d,
  conv2dOperator,
  gradients,
  input,
  inScope,
  matMul,
  mul,
  reshape,
  sum,
  type Value,
} from "../../lib/graph/index.js";
import { Context } from "../../lib/nn/context.js";
import { ParameterList, ParameterValues } from "../../lib/nn/parameters.js";

type Size = readonly [height: number, width: number];

function model(variant: EfficientFormerVariant, dense: boolean, [height, width]: Size) {
  const list = new ParameterList();
  const size = EFFICIENTFORMER_SIZES[variant];
  const forward = dense
    ? efficientFormer(list.scope("backbone"), { size, biasSide: 16 }).forward
    : efficientFormerClassifier(list.scope("backbone"), { size, classes: 1000 }).forward;
  const result = forward(input("x", [1, 3, height, width]), Context.inference(new ParameterValues(list.all)));
  const maps = Array.isArray(result) ? result : [result];
  const outputs: Record<string, Value> = Object.fromEntries(maps.map((map, i) => [`y${i}`, map]));
  const isParameter = (name: string) => (list.get(name)?.role ?? "buffer") !== "buffer";
  return { outputs, options: { isParameter } };
}

describe("cost", () => {
  /** Measured on the official models: parameters in millions, multiply-adds in billions. */
  const published: readonly (readonly [EfficientFormerVariant, boolean, Size, params: number, gmacs: number])[] = [
    ["l1", false, [224, 224], 12.29, 1.291],
    ["l3", false, [224, 224], 31.41, 3.907],
    ["l7", false, [224, 224], 82.23, 10.119],
    ["l1", true, [512, 512], 11.39, 6.81],
    ["l3", true, [512, 512], 30.39, 20.68],
    ["l7", true, [512, 512], 80.71, 53.4],
    ["l1", true, [800, 1344], 11.39, 29.0],
    ["l3", true, [800, 1344], 30.39, 89.07],
    ["l7", true, [800, 1344], 80.71, 227.57],
  ];
  for (const [variant, dense, size, millions, billions] of published) {
    it(`${variant} ${dense ? "dense" : "classifier"} at ${size.join(" × ")}: ${billions} GMAC`, () => {
      const { outputs, options } = model(variant, dense, size);
      const cost = totalCost(outputs, options);
      expect(cost.macs / 1e9).to.be.closeTo(billions, dense ? 5e-3 : 5e-4);
      expect(cost.parameters / 1e6).to.be.closeTo(millions, 0.01);
    });
  }

  it("is known of each node, and with its scope of each block", () => {
    const { outputs, options } = model("l1", false, [224, 224]);
    const total = totalCost(outputs, options);
    const costs = nodeCosts(outputs, options);
    for (const figure of ["macs", "parameters", "bytesRead", "bytesWritten"] as const) {
      const added = costs.reduce((n, cost) => n + cost[figure], 0);
      expect(added, figure).to.equal(total[figure]);
    }
    // A block of the first stage: two 1 × 1 convolutions between 48 and 192 channels on 56 × 56.
    const block = costs.filter(({ node }) => `${node.scope}.`.startsWith("backbone.network.0.1."));
    const within = (figure: "macs" | "parameters") => block.reduce((n, cost) => n + cost[figure], 0);
    expect(within("macs")).to.equal(2 * 48 * 192 * 56 * 56);
    const convolutions = 2 * 48 * 192 + 192 + 48;
    expect(within("parameters")).to.equal(convolutions + 2 * (192 + 48) + 2 * 48);
  });

  it("counts bytes of operators that run on each call", () => {
    const x = input("x", [2, 3, 8, 8]);
    const w = constant(new Float32Array(5 * 3 * 9), [5, 3, 3, 3], "float32", "w");
    const y = conv2d(x, mul(w, w), undefined, { padding: 1 });
    const tall = reshape(y, [10, 64]);
    const costs = nodeCosts({ tall });
    const conv = costs.find(({ node }) => node.operator.name === conv2dOperator.name)!;
    expect(conv.macs).to.equal(2 * 5 * 64 * 27);
    expect(conv.bytesRead).to.equal(4 * (2 * 3 * 64 + 5 * 27));
    expect(conv.bytesWritten).to.equal(4 * 2 * 5 * 64);
    // The product of constants is computed once, the reshape moves nothing; w is counted as parameters.
    expect(totalCost({ tall })).to.deep.equal({
      macs: conv.macs,
      parameters: 5 * 27,
      bytesRead: conv.bytesRead,
      bytesWritten: conv.bytesWritten,
    });
  });

  it("counts the gradients of a matrix product as twice the product, under their own scope", () => {
    const [a, b] = [input("a", [4, 6]), input("b", [6, 5])];
    const y = inScope("layer.fc", () => matMul(a, b));
    const [ga, gb] = gradients(sum(add(y, y)), [a, b]);
    const ofGradients = nodeCosts({ ga: ga!, gb: gb! }).filter(({ node }) => node.scope === "grad(layer.fc)");
    expect(ofGradients.reduce((n, { macs }) => n + macs, 0)).to.equal(2 * 4 * 6 * 5);
    const byName = (name: string) => name === "b";
    expect(totalCost({ y }, { isParameter: byName }).parameters).to.equal(30);
    expect(totalCost({ y }).parameters).to.equal(0);
  });

  it("gives the peak of live memory", () => {
    const x = input("x", [100]); // 400 bytes
    const a = add(x, x);
    const tall = reshape(a, [10, 10]); // the same memory
    const b = mul(tall, tall);
    const c = sum(b, { axes: [1] }); // 40 bytes
    expect(mostLiveBytes({ c })).to.equal(800); // x and a, then a and b
    expect(mostLiveBytes({ a, c })).to.equal(840); // a is kept
    expect(mostLiveBytes({ y: add(constant(new Float32Array(9), [9]), input("z", [9])) })).to.equal(72);
  });
});
