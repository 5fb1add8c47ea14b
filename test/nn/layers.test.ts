import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { add, gradients, input, mul, scalar, sum } from "../../lib/graph/index.js";
import { Context } from "../../lib/nn/context.js";
import * as layers from "../../lib/nn/layers.js";
import { ParameterList, type ParameterScope } from "../../lib/nn/parameters.js";
import { integers, parameterValue, uniform } from "../../tools/prng.js";
import { onEveryEngine } from "../graph/engines.js";
import { readJson } from "../support/goldens.js";
import { expectClose } from "../support/tensors.js";

/** What bench/peers/layers.py writes. */
interface Golden {
  readonly shape: readonly number[];
  readonly cases: Readonly<
    Record<
      string,
      readonly {
        readonly name: string;
        readonly shape: readonly number[];
        readonly norm: number;
        readonly values: readonly number[];
      }[]
    >
  >;
}

const PREFIX = "layers"; // as in the script
const GOLDEN = fileURLToPath(new URL("../../../test/nn/layers.json", import.meta.url)); // from dist/test/nn
const CHANNELS = 12;
const TOLERANCE = 2e-5; // of the largest value

const hardSigmoid: layers.Layer = (x, context) => mul(layers.relu6(add(x, scalar(3)), context), scalar(1 / 6));

const MADE: Readonly<Record<string, (scope: ParameterScope) => layers.Layer>> = {
  groupNorm: (scope) => layers.groupNorm(scope, CHANNELS, { groups: 4 }),
  mapLayerNorm: (scope) => layers.mapLayerNorm(scope, CHANNELS, { epsilon: 1e-6 }),
  squeezeExcitation: (scope) => layers.squeezeExcitation(scope, { channels: CHANNELS, hidden: 5 }),
  squeezeExcitationHardSwish: (scope) =>
    layers.squeezeExcitation(scope, { channels: CHANNELS, hidden: 5, activation: layers.silu, gate: hardSigmoid }),
  dilated: (scope) => layers.convolution(scope, { in: CHANNELS, out: 6, kernel: 3, dilation: 2 }),
  dilatedGroups: (scope) => layers.convolution(scope, { in: CHANNELS, out: 6, kernel: 3, dilation: 3, groups: 3 }),
  dilatedDepthwise: (scope) =>
    layers.convolution(scope, { in: CHANNELS, out: CHANNELS, kernel: 5, dilation: 2, groups: CHANNELS }),
  transposed: (scope) => layers.transposedConvolution(scope, { in: CHANNELS, out: 5, factor: 2 }),
};

const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

onEveryEngine(
  (name) => `layers and their gradients equal PyTorch's on ${name}`,
  (engine) => {
    const { shape, cases } = readJson<Golden>(GOLDEN);
    for (const [name, expected] of Object.entries(cases)) {
      it(name, async function () {
        this.timeout(60_000);
        const list = new ParameterList();
        const layer = MADE[name]!(list.scope());
        const context = Context.training();
        const x = input("x", shape);
        const y = layer(x, context);
        const wanted = [x, ...list.all.map((parameter) => context.value(parameter))];
        const found = gradients(sum(mul(y, input("g", y.shape))), wanted);
        const named = ["x", ...list.all.map((parameter) => parameter.name)];
        const outputs = Object.fromEntries(named.map((own, i) => [`gradient ${own}`, found[i]!]));
        const program = await engine().compile({ ...outputs, "gradient y": y });
        const results = await program.run({
          ...Object.fromEntries(list.all.map((own) => [own.name, parameterValue(PREFIX, own.name, own.shape)!])),
          x: uniform(`${PREFIX}:x`, sizeOf(shape), -2, 2),
          g: uniform(`${PREFIX}:g`, sizeOf(y.shape), -1, 1),
        });
        await program.dispose();
        expect(expected.map((each) => each.name)).to.have.members(["y", ...named]);
        for (const { name: own, shape: size, norm, values } of expected) {
          const actual = results[`gradient ${own}`] as Float32Array;
          expect(actual.length, own).to.equal(sizeOf(size));
          const picked = Array.from(integers(`golden:${own}`, values.length, actual.length), (i) => actual[i]!);
          expectClose(picked, values, TOLERANCE, own);
          expect(Math.hypot(...actual), `norm of ${own}`).to.be.closeTo(norm, TOLERANCE * norm);
        }
      });
    }
  },
);

describe("layers", () => {
  it("with groups report what does not divide", () => {
    const scope = new ParameterList().scope("a");
    expect(() => layers.groupNorm(scope, 10, { groups: 4 })).to.throw("a: 10 channels in 4 groups");
  });
});
