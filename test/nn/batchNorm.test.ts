import { expect } from "chai";
import { onnxRuntimeEngine } from "../../lib/engines/onnxruntime/engine.js";
import { batchNorm, conv2d, gradients, input, mul, nodesInOrder, sum, type Value } from "../../lib/graph/index.js";
import { Context, type NormMode } from "../../lib/nn/context.js";
import * as layers from "../../lib/nn/layers.js";
import { ParameterList } from "../../lib/nn/parameters.js";
import { Random } from "../../lib/random.js";

const engine = onnxRuntimeEngine({ threads: 1 });
const BATCH = 3;
const SIDE = 17;

/** A convolution and batch norm in training, with the loss Σ y · weight, and the same in plain operators. */
function normalised(
  { channels, out, kernel = 1 }: { channels: number; out: number; kernel?: number },
  mode: NormMode = "batch",
) {
  const list = new ParameterList();
  const scope = list.scope();
  const options = { in: channels, out, kernel };
  const layer = layers.sequential(
    layers.convolution(scope.child("conv"), options),
    layers.batchNorm(scope.child("norm"), out),
  );
  const context = Context.training(() => mode);
  const x = input("x", [BATCH, channels, SIDE, SIDE]);
  const y = layer(x, context);
  const value = (name: string) => context.value(list.all.find((parameter) => parameter.name === name)!);
  const wrt = [x, ...["conv.weight", "norm.weight", "norm.bias"].map(value)] as [Value, Value, Value, Value];
  const [, w, gamma, beta] = wrt;
  const plain = batchNorm(conv2d(x, w, value("conv.bias"), { padding: Math.floor(kernel / 2) }), gamma, beta);
  const gradientsOf = (result: Value) => gradients(sum(mul(result, input("weight", result.shape))), wrt) as Value[];
  const [mean, variance] = context.updates.map((update) => update.value) as [Value, Value];
  return { y, mean, variance, plain, gradients: gradientsOf(y), plainGradients: gradientsOf(plain.y) };
}

const operatorsOf = (value: Value) => nodesInOrder([value]).map(({ operator }) => operator.name);

const distance = (a: Float32Array, b: Float32Array) =>
  Math.sqrt(a.reduce((total, v, i) => total + (v - b[i]!) ** 2, 0) / a.reduce((total, v) => total + v * v, 0));

describe("batch norm after a convolution", () => {
  it("is fused into a widening 1 × 1 convolution, with the same result, gradients and statistics", async () => {
    const { y, mean, variance, plain, gradients, plainGradients } = normalised({ channels: 12, out: 48 });
    expect(operatorsOf(y)).to.include("pointwiseBatchNorm").and.not.include("conv2d");
    const named = (prefix: string, values: readonly Value[]) =>
      Object.fromEntries(values.map((value, i) => [`${prefix}${i}`, value]));
    const program = await engine.compile({
      ...named("norm", [y, ...gradients]),
      ...named("plain", [plain.y, ...plainGradients]),
      mean,
      variance,
      plainMean: plain.mean,
      plainVariance: plain.variance,
    });
    const random = Random.of("batch norm");
    const results = await program.run(
      Object.fromEntries(
        Object.entries(program.inputs).map(([name, { shape }]) => {
          // A mean ten times the spread, as in residual streams.
          const [low, high] = name === "x" ? [9, 11] : name.startsWith("norm.running") ? [0, 0] : [-1, 1];
          const count = shape.reduce((a, b) => a * b, 1);
          return [name, Float32Array.from({ length: count }, () => random.uniform(low!, high!))];
        }),
      ),
    );
    await program.dispose();
    for (let i = 0; i <= gradients.length; i++) {
      expect(distance(results[`plain${i}`] as Float32Array, results[`norm${i}`] as Float32Array), `${i}`).below(1e-4);
    }
    const pixels = BATCH * SIDE * SIDE;
    for (const [i, average] of results.plainMean!.entries()) {
      expect(results.mean![i]).closeTo(0.1 * average, 1e-4);
      expect(results.variance![i]).closeTo((0.1 * results.plainVariance![i]! * pixels) / (pixels - 1), 1e-5);
    }
  });

  it("is separate if asked to be", () => {
    const wide = { channels: 12, out: 48 };
    expect(operatorsOf(normalised(wide).y)).to.include("pointwiseBatchNorm");
    expect(operatorsOf(normalised(wide, "batchAlone").y))
      .to.include("batchNorm")
      .and.not.include("pointwiseBatchNorm");
    expect(normalised(wide, "batchAlone").mean, "updates of the running statistics").to.be.an("object");
  });

  it("is separate if that is cheaper", () => {
    for (const options of [
      { channels: 48, out: 12 },
      { channels: 12, out: 48, kernel: 3 },
      { channels: 512, out: 1024 },
    ]) {
      expect(operatorsOf(normalised(options).y), JSON.stringify(options)).to.not.include("pointwiseBatchNorm");
    }
  });
});

describe("calibrating a batch norm", () => {
  it("gives the batch's mean and unbiased variance, with nothing of the running ones", async () => {
    const list = new ParameterList();
    const layer = layers.batchNorm(list.scope(), 2);
    const context = Context.calibration(() => "batch");
    const y = layer(input("x", [2, 2, 1, 2]), context);
    const [mean, variance] = context.updates.map((update) => update.value) as [Value, Value];
    const program = await engine.compile({ y, mean, variance });
    // Channel 0: 1, 2, 3, 6; channel 1: 0, 0, 0, 4.
    const x = new Float32Array([1, 2, 0, 0, 3, 6, 0, 4]);
    const found = await program.run({ x, weight: new Float32Array([1, 1]), bias: new Float32Array([0, 5]) });
    expect([...found.mean!]).to.deep.equal([3, 1]);
    expect(found.variance![0]).to.be.closeTo(14 / 3, 1e-6);
    expect(found.variance![1]).to.be.closeTo(4, 1e-6);
    expect(found.y![0]).to.be.closeTo(-2 / Math.sqrt(14 / 4), 1e-5);
    expect(found.y![7]).to.be.closeTo(5 + 3 / Math.sqrt(3), 1e-5);
    await program.dispose();
  });
});
