import { expect } from "chai";
import fc from "fast-check";
import { onnxRuntimeEngine } from "../../../lib/engines/onnxruntime/engine.js";
import {
  add,
  apply,
  averagePool,
  broadcastTo,
  type ConstantAttributes,
  channelAffine,
  channelScale,
  constantData,
  conv2d,
  convTranspose2d,
  exp,
  gelu,
  input,
  layerNorm,
  matMul,
  mul,
  operators,
  relu,
  reshape,
  type Shape,
  scalar,
  softmax,
  split,
  sqrt,
  sub,
  transpose,
  type Value,
} from "../../../lib/graph/index.js";
import { blend } from "../../../lib/graph/passes/blend.js";
import { foldAffine } from "../../../lib/graph/passes/foldAffine.js";
import { foldBranches } from "../../../lib/graph/passes/foldBranches.js";
import { foldConstants } from "../../../lib/graph/passes/foldConstants.js";
import { foldLinear } from "../../../lib/graph/passes/foldLinear.js";
import { rearrange } from "../../../lib/graph/passes/optimise.js";
import { countOperators, evaluate } from "../check.js";
import { expectSameResults, randomConstant } from "./equal.js";

const engine = onnxRuntimeEngine({ threads: 1 });
const affine = (x: Value, key: string) => {
  const channels = [x.shape[1]!];
  return channelAffine(x, randomConstant(channels, `${key}.scale`), randomConstant(channels, `${key}.shift`));
};
const count = (outputs: Readonly<Record<string, Value>>) => countOperators(Object.values(outputs));
const nameOf = (value: Value) => (value.node.attributes as ConstantAttributes).name;

describe("folding constants", () => {
  it("computes large ones in several parts, in the right order", async () => {
    const side = 2 ** 11;
    const x = input("x", [side]);
    const scaled = [2, 3, 5, 7].map((factor, i) => mul(randomConstant([side, side], `large ${i}`), scalar(factor)));
    const outputs = Object.fromEntries(scaled.map((matrix, i) => [`y${i}`, matMul(matrix, reshape(x, [side, 1]))]));
    const parts: number[] = [];
    const folded = await foldConstants(outputs, (program) => {
      parts.push(Object.keys(program).length);
      return evaluate(engine, program);
    });
    expect(parts.length, "parts").to.be.at.least(2);
    expect(parts.reduce((sum, count) => sum + count)).to.equal(4);
    expect(count(folded)).to.not.have.property("mul");
    await expectSameResults(engine, outputs, folded);
  });
});

describe("foldAffine", () => {
  const map = input("x", [2, 6, 7, 9]);

  it("folds affines into the preceding convolution, whatever its shape", async () => {
    const geometry = fc.record({
      groups: fc.constantFrom(1, 2, 3, 6),
      outputs: fc.constantFrom(6, 12),
      kernel: fc.constantFrom(1, 3),
      stride: fc.constantFrom(1, 2),
      padding: fc.constantFrom(0, 1),
      bias: fc.boolean(),
      affines: fc.integer({ min: 1, max: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(geometry, async ({ groups, outputs: out, kernel, bias, affines, ...options }) => {
        const w = randomConstant([out, 6 / groups, kernel, kernel], "w");
        let y = conv2d(map, w, bias ? randomConstant([out], "b") : undefined, { ...options, groups });
        for (let i = 0; i < affines; i++) y = affine(y, `${i}`);
        const after = foldAffine({ y });
        expect(count(after)).to.include({ conv2d: 1 }).and.not.to.have.property("channelAffine");
        await expectSameResults(engine, { y }, after);
      }),
      { seed: 1, numRuns: 12 },
    );
  });

  it("folds an affine into the preceding transposed convolution, with groups", async () => {
    for (const groups of [1, 2]) {
      const w = randomConstant([6, 4, 2, 2]);
      const attributes = { stride: [2, 2], padding: [0, 0], groups, outputSize: [14, 18] } as const;
      const deconv = groups === 1 ? convTranspose2d(map, w, { stride: 2 }) : undefined;
      const y = affine(deconv ?? apply(operators.convTranspose2d, [map, w], attributes), "a");
      const after = foldAffine({ y });
      expect(count(after)).not.to.have.property("channelAffine");
      await expectSameResults(engine, { y }, after);
    }
  });

  it("folds an affine into the following convolution if that has no padding", async () => {
    const behind = (kernel: number, padding: number, stride: number) =>
      conv2d(affine(relu(map), "a"), randomConstant([5, 6, kernel, kernel]), randomConstant([5]), { padding, stride });
    for (const y of [behind(1, 0, 1), behind(3, 0, 2)]) {
      const after = foldAffine({ y });
      expect(count(after)).not.to.have.property("channelAffine");
      await expectSameResults(engine, { y }, after);
    }
    const padded = { y: behind(3, 1, 1) };
    expect(foldAffine(padded).y).to.equal(padded.y);
  });

  it("merges affines in a row", async () => {
    const y = affine(affine(affine(relu(map), "a"), "b"), "c");
    const after = foldAffine({ y });
    expect(count(after).channelAffine).to.equal(1);
    await expectSameResults(engine, { y }, after);
  });

  it("leaves values with other consumers, and those that are not constant", () => {
    const conv = conv2d(map, randomConstant([6, 6, 1, 1]), undefined);
    const shared = { y: affine(conv, "a"), conv };
    expect(foldAffine(shared)).to.deep.equal(shared);
    const twice = { y: affine(conv, "a"), z: relu(conv) };
    expect(foldAffine(twice)).to.deep.equal(twice);
    const trained = { y: channelScale(conv, input("s", [6])) };
    expect(foldAffine(trained)).to.deep.equal(trained);
  });
});

describe("blend", () => {
  it("turns x + s · (p − x) + t into one affine each of x and p", async () => {
    const x = input("x", [2, 6, 7, 9]);
    const pooled = averagePool(x, { kernel: 3, padding: 1 });
    for (const y of [add(x, affine(sub(pooled, x), "a")), add(affine(sub(pooled, x), "a"), x)]) {
      const after = blend({ y });
      expect(count(after).channelAffine).to.equal(2);
      expect(after.y!.node.inputs.map(({ node }) => node.operator.name)).to.deep.equal([
        "channelAffine",
        "channelAffine",
      ]);
      await expectSameResults(engine, { y }, after);
    }
  });

  it("leaves a difference from something other than x", () => {
    const [x, z] = [input("x", [2, 6, 7, 9]), input("z", [2, 6, 7, 9])];
    const outputs = { y: add(x, affine(sub(relu(x), z), "a")) };
    expect(blend(outputs)).to.deep.equal(outputs);
  });
});

/** x · wᵀ + b over all rows, as the layer does it. */
function linear(x: Value, out: number, key: string): Value {
  const width = x.shape.at(-1)!;
  const rows = reshape(x, [x.shape.slice(0, -1).reduce((a, b) => a * b, 1), width]);
  const w = randomConstant([out, width], `${key}.weight`);
  const y = add(matMul(rows, w, { transposeB: true }), randomConstant([out], `${key}.bias`));
  return reshape(y, [...x.shape.slice(0, -1), out]);
}

describe("foldLinear", () => {
  const tokens = input("x", [2, 5, 8]);
  /** Counts multiplications that run on each call, after constants are folded. */
  const products = async (outputs: Readonly<Record<string, Value>>) => {
    const folded = await foldConstants(foldLinear(outputs), (constants) => evaluate(engine, constants));
    return { folded, products: count(folded).mul ?? 0 };
  };

  it("folds a factor per channel or a scalar into weight and bias", async () => {
    for (const factor of [randomConstant([6], "s"), randomConstant([1, 1, 6], "t"), scalar(0.3)]) {
      for (const y of [mul(linear(tokens, 6, "l"), factor), mul(factor, linear(tokens, 6, "l"))]) {
        const after = await products({ y });
        expect(after.products).to.equal(0);
        await expectSameResults(engine, { y }, after.folded);
      }
    }
  });

  it("folds it into a weight that is not transposed", async () => {
    const y = mul(matMul(tokens, randomConstant([8, 6])), randomConstant([6], "s"));
    const after = await products({ y });
    expect(after.products).to.equal(0);
    await expectSameResults(engine, { y }, after.folded);
  });

  it("folds the affine of a layer norm into the linear layers after it, with one bias", async () => {
    const norm = layerNorm(tokens, randomConstant([8], "gamma"), randomConstant([8], "beta"));
    const outputs = { y: linear(norm, 6, "l"), z: matMul(norm, randomConstant([8, 3], "w")) };
    const folded = await foldConstants(rearrange(outputs), (constants) => evaluate(engine, constants));
    expect(count(folded)).to.include({ matMul: 2, add: 2 }).and.not.to.have.property("mul");
    await expectSameResults(engine, outputs, folded);
  });

  it("leaves the affine where something else needs its result", async () => {
    const norm = layerNorm(tokens, randomConstant([8], "gamma"), randomConstant([8], "beta"));
    for (const outputs of [
      { y: linear(norm, 6, "l"), z: exp(norm) },
      { y: linear(norm, 6, "l"), norm },
    ]) {
      expect((await products(outputs)).products).to.equal(1);
    }
  });

  it("leaves factors per token, and linear layers with other consumers", async () => {
    const y = linear(tokens, 6, "l");
    expect((await products({ y: mul(y, randomConstant([5, 1])) })).products).to.equal(1);
    expect((await products({ y: mul(y, scalar(2)), z: exp(y) })).products).to.equal(1);
    expect((await products({ y: mul(y, input("s", [6])) })).products).to.equal(1);
  });

  const heads = (x: Value, out: number) => transpose(reshape(linear(x, 2 * out, "qkv"), [2, 5, 2, out]), [0, 2, 1, 3]); // [B, heads, T, out]

  it("splits queries, keys and values into layers and folds the logits' scale into one", async () => {
    const [q, k, v] = split(heads(tokens, 10), 3, [3, 3, 4]) as [Value, Value, Value];
    const logits = mul(matMul(q, k, { transposeB: true }), scalar(3 ** -0.5));
    const y = matMul(softmax(logits, -1), v);
    const once = foldLinear({ y });
    const after = await products(once);
    expect(after.products).to.equal(0);
    expect(count(after.folded)).not.to.have.property("slice");
    await expectSameResults(engine, { y }, after.folded);
  });

  it("splits a weight that is not transposed along its other axis", async () => {
    const [a, b] = split(matMul(tokens, randomConstant([8, 6])), 2, [2, 4]) as [Value, Value];
    const outputs = { a: relu(a), b: relu(b) };
    const after = await products(outputs);
    expect(count(after.folded)).to.include({ matMul: 2 }).and.not.to.have.property("slice");
    await expectSameResults(engine, outputs, after.folded);
  });

  it("keeps one layer if something uses all of it", () => {
    const all = heads(tokens, 10);
    const [q, k] = split(all, 3, [3, 7]) as [Value, Value];
    const outputs = { q: gelu(q), k, all: exp(all) };
    expect(foldLinear(outputs)).to.deep.equal(outputs);
  });
});

describe("foldConstants", () => {
  const fold = (outputs: Readonly<Record<string, Value>>) =>
    foldConstants(outputs, (constants) => evaluate(engine, constants));
  const x = input("x", [2, 3]);

  it("computes the largest parts without inputs, in one program", async () => {
    const a = randomConstant([3], "a");
    const shared = exp(a);
    const outputs = { y: add(x, sqrt(add(shared, scalar(2)))), z: mul(x, shared), c: mul(a, scalar(2)) };
    let programs = 0;
    const after = await foldConstants(outputs, (constants) => {
      programs++;
      expect(Object.keys(constants)).to.have.length(3);
      return evaluate(engine, constants);
    });
    expect(programs).to.equal(1);
    expect(count(after)).to.deep.equal({ input: 1, constant: 3, add: 1, mul: 1 });
    expect(constantData(after.c!)).not.to.equal(undefined);
    await expectSameResults(engine, outputs, after);
  });

  it("runs nothing if there is nothing to fold", async () => {
    const outputs = { y: add(x, scalar(1)) };
    const after = await foldConstants(outputs, () => expect.fail("nothing is to be computed"));
    expect(after).to.equal(outputs);
  });

  it("does not store tensors that only broadcast a small one", async () => {
    const shape: Shape = [1000, 3];
    const y = broadcastTo(mul(randomConstant([3]), scalar(2)), shape);
    const after = await fold({ y });
    expect(count(after)).to.deep.equal({ constant: 1, broadcastTo: 1 });
    expect(constantData(after.y!.node.inputs[0]!)).to.have.length(3);
    // Results computed from it are stored.
    expect(count(await fold({ y: exp(y) }))).to.deep.equal({ constant: 1 });
  });

  it("keeps the name of the parameter that a constant comes from", async () => {
    const w = randomConstant([4, 3], "layer.weight");
    const gamma = randomConstant([4], "norm.weight");
    const bias = randomConstant([4], "layer.bias");
    const after = await fold({
      kernel: mul(transpose(w, [1, 0]), gamma),
      bias: add(mul(bias, gamma), scalar(1)),
      both: matMul(w, w, { transposeB: true }),
    });
    expect(nameOf(after.kernel!)).to.equal("layer.weight");
    expect(nameOf(after.bias!)).to.equal("layer.bias");
    expect(nameOf(after.both!)).to.equal(undefined);
  });

  it("keeps dtypes", async () => {
    const { y } = await fold({ y: reshape(mul(scalar(3, "int32"), scalar(4, "int32")), [1]) });
    expect(y!.dtype).to.equal("int32");
    expect(constantData(y!)).to.deep.equal(Int32Array.of(12));
  });
});

describe("folding branches", () => {
  const kernel = (shape: Shape, key: string) => randomConstant(shape, `branch ${key}`);
  const bias = (channels: number, key: string) => randomConstant([channels], `branch bias ${key}`);

  for (const groups of [1, 2, 8]) {
    it(`makes one convolution of a 3×3, a 1×1 and the map itself, in ${groups} groups`, async () => {
      const x = input("x", [2, 8, 5, 6]);
      const wide = conv2d(x, kernel([8, 8 / groups, 3, 3], "wide"), bias(8, "wide"), { padding: 1, groups });
      const point = conv2d(x, kernel([8, 8 / groups, 1, 1], "point"), bias(8, "point"), { groups });
      const outputs = { y: affine(add(add(wide, point), x), "branches") };
      const folded = rearrange(outputs);
      const counts = count(folded);
      expect(counts.conv2d).to.equal(1);
      expect(counts).to.not.have.property("channelAffine");
      await expectSameResults(engine, outputs, folded);
    });
  }

  it("leaves strided ones, other maps and values with other consumers", async () => {
    const x = input("x", [1, 4, 6, 6]);
    const z = input("z", [1, 4, 6, 6]);
    const wide = conv2d(x, kernel([4, 4, 3, 3], "wide"), undefined, { padding: 1 });
    const other = conv2d(z, kernel([4, 4, 1, 1], "other"), undefined);
    const strided = (key: string) => conv2d(x, kernel([4, 4, 1, 1], key), undefined, { stride: 2 });
    const outputs = {
      apart: add(wide, other),
      needed: wide,
      strided: add(strided("a"), strided("b")),
      beside: add(conv2d(x, kernel([4, 4, 1, 1], "beside"), undefined), z),
    };
    const folded = foldBranches(outputs);
    expect(count(folded)).to.deep.equal(count(outputs));
  });
});
