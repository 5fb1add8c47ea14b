import { expect } from "chai";
import fc from "fast-check";
import { chooseTiling, SUM } from "../../../lib/compilers/cpu/winograd/tiling.js";
import { winograd } from "../../../lib/compilers/cpu/winograd/winograd.js";
import { onnxRuntimeEngine } from "../../../lib/engines/onnxruntime/engine.js";
import {
  add,
  type ConvolutionOptions,
  constant,
  conv2d,
  gradients,
  input,
  int32Indices,
  mul,
  nodesInOrder,
  relu,
  restore,
  type Shape,
  sizeOf,
  sum,
  truncate,
  type Value,
} from "../../../lib/graph/index.js";
import { Random } from "../../../lib/random.js";
import { evaluate } from "../../graph/check.js";

const plain = onnxRuntimeEngine({ threads: 1, winograd: false });
const filtering = onnxRuntimeEngine({ threads: 1, winograd: true });

type Outputs = Readonly<Record<string, Value>>;

function numbers(key: string, shape: Shape, spread = 1): Float32Array {
  const random = Random.of(key);
  return Float32Array.from({ length: sizeOf(shape) }, () => spread * random.normal());
}

const parameter = (key: string, shape: Shape, spread = 1) => constant(numbers(key, shape, spread), shape);
const kernelOf = (out: number, channels: number, key = "w", size = 3) =>
  parameter(key, [out, channels, size, size], Math.sqrt(2 / (channels * size * size)));

const countIn = (outputs: Outputs, name: string) =>
  nodesInOrder(Object.values(outputs)).filter(({ operator }) => operator.name === name).length;
const blocksIn = (outputs: Outputs) => countIn(winograd(outputs), "rowBlocks");

/** Runs with and without it, and compares relative to the largest output. */
async function expectSame(outputs: Outputs, shape: Shape, others: Readonly<Record<string, Float32Array>> = {}) {
  const feeds = { x: numbers("x", shape), ...others };
  const wanted = await evaluate(plain, outputs, feeds);
  const actual = await evaluate(filtering, outputs, feeds);
  for (const name of Object.keys(outputs)) {
    let [largest, distance] = [0, 0];
    for (const [i, value] of wanted[name]!.entries()) {
      largest = Math.max(largest, Math.abs(value));
      distance = Math.max(distance, Math.abs(value - actual[name]![i]!));
    }
    expect(distance / largest, name).to.be.below(2e-5);
  }
}

describe("minimal filtering of convolutions", () => {
  it("leaves convolutions of truncated maps alone", async () => {
    const x = input("x", [100, 256, 14, 14]);
    const whole = { y: conv2d(x, kernelOf(256, 256), undefined, { padding: 1 }) };
    expect(blocksIn(whole)).to.equal(1);
    const some = conv2d(truncate(x, int32Indices([22])), kernelOf(256, 256), undefined, { padding: 1 });
    const outputs = { y: restore(some) };
    expect(blocksIn(outputs)).to.equal(0);
    await expectSame(outputs, x.shape);
  });

  it("equals convolutions, whatever the size of the maps", async () => {
    const maps = fc.record({
      batch: fc.integer({ min: 1, max: 3 }),
      height: fc.integer({ min: 14, max: 45 }),
      width: fc.integer({ min: 14, max: 45 }),
      channels: fc.constantFrom(240, 256),
      out: fc.constantFrom(256, 272),
      biased: fc.boolean(),
    });
    let replaced = 0;
    await fc.assert(
      fc.asyncProperty(maps, async ({ batch, height, width, channels, out, biased }) => {
        const shape = [batch, channels, height, width];
        const bias = biased ? parameter("b", [out], 0.3) : undefined;
        const y = conv2d(input("x", shape), kernelOf(out, channels), bias, { padding: 1 });
        replaced += blocksIn({ y });
        await expectSame({ y }, shape);
      }),
      { seed: 3, numRuns: 12 },
    );
    expect(replaced).to.be.above(6);
  });

  it("handles chains, sums and kernels used twice", async () => {
    const shape = [3, 256, 20, 24];
    const x = input("x", shape);
    const w = kernelOf(256, 256);
    const first = relu(conv2d(x, w, parameter("b", [256], 0.3), { padding: 1 }));
    const second = conv2d(first, w, undefined, { padding: 1 });
    const outputs = { sum: add(second, x), first };
    expect(blocksIn(outputs)).to.equal(2);
    const kernels = nodesInOrder(Object.values(winograd(outputs))).filter(
      ({ outputs: [value] }) => value!.shape.join() === "36,256,256",
    );
    expect(kernels).to.have.length(1);
    await expectSame(outputs, shape);
  });

  it("leaves other convolutions alone", () => {
    const blocks = (channels: number, out: number, options: ConvolutionOptions, size = 3, height = 32) => {
      const w = kernelOf(out, channels / (options.groups ?? 1), "w", size);
      return blocksIn({ y: conv2d(input("x", [1, channels, height, 32]), w, undefined, options) });
    };
    expect(blocks(256, 256, { padding: 1 }), "one that fits").to.equal(1);
    expect(blocks(256, 256, { padding: 1, stride: 2 }), "stride").to.equal(0);
    expect(blocks(256, 256, { padding: 0 }), "padding").to.equal(0);
    expect(blocks(512, 512, { padding: 1, groups: 2 }), "groups").to.equal(0);
    expect(blocks(256, 256, {}, 1), "1 × 1").to.equal(0);
    expect(blocks(64, 64, { padding: 1 }), "few channels").to.equal(0);
    expect(blocks(264, 256, { padding: 1 }), "channels that are not multiples of sixteen").to.equal(0);
    expect(blocks(256, 256, { padding: 1 }, 3, 2), "a small map").to.equal(0);
  });

  it("handles kernels that are inputs, and the gradients of the maps", async () => {
    const shape = [2, 256, 24, 20];
    const [x, w] = [input("x", shape), input("w", [272, 256, 3, 3])];
    const y = conv2d(x, w, undefined, { padding: 1 });
    const [gx, gw] = gradients(sum(mul(y, y)), [x, w]) as [Value, Value];
    expect(blocksIn({ y, gx, gw })).to.equal(2);
    await expectSame({ y, gx, gw }, shape, { w: numbers("w", [272, 256, 3, 3], 0.03) });
  });

  it("gives the right gradients of kernels, whatever the size of the maps", async () => {
    const maps = fc.record({
      batch: fc.integer({ min: 1, max: 3 }),
      height: fc.integer({ min: 22, max: 45 }),
      width: fc.integer({ min: 22, max: 45 }),
      channels: fc.constantFrom(192, 256),
      out: fc.constantFrom(208, 256),
    });
    let replaced = 0;
    await fc.assert(
      fc.asyncProperty(maps, async ({ batch, height, width, channels, out }) => {
        const shape = [batch, channels, height, width];
        const [x, w] = [input("x", shape), kernelOf(out, channels)];
        const y = conv2d(x, w, undefined, { padding: 1 });
        const weights = parameter("g", [batch, out, height, width]);
        const [gw] = gradients(sum(mul(y, weights)), [w]) as [Value];
        replaced += countIn({ gw }, "conv2dWeightGradient") - countIn(winograd({ gw }), "conv2dWeightGradient");
        await expectSame({ gw }, shape);
      }),
      { seed: 4, numRuns: 12 },
    );
    expect(replaced).to.be.above(3);
  });

  it("cuts the sum for a large map's kernel into blocks", async () => {
    const shape = [2, 256, 128, 132];
    const [x, w] = [input("x", shape), kernelOf(256, 256)];
    const y = conv2d(x, w, undefined, { padding: 1 });
    const [gw] = gradients(sum(mul(y, parameter("g", y.shape))), [w]) as [Value];
    expect(chooseTiling({ batch: 2, height: 128, width: 132 }, 512, SUM).blocks).to.be.above(1);
    await expectSame({ gw }, shape);
  });

  it("cuts maps into equal blocks without much waste", () => {
    const maps = fc.record({
      batch: fc.integer({ min: 1, max: 200 }),
      height: fc.integer({ min: 1, max: 400 }),
      width: fc.integer({ min: 1, max: 400 }),
    });
    fc.assert(
      fc.property(maps, (map) => {
        const { rows, strip, blocks, tiles, cost } = chooseTiling(map, 256);
        expect(rows * blocks).to.equal(map.batch * map.height);
        expect(map.height % strip).to.equal(0);
        expect(rows % strip).to.equal(0);
        expect(tiles * 16).to.be.at.least(rows * map.width);
        expect(cost).to.be.above(1);
      }),
    );
    expect(chooseTiling({ batch: 1, height: 200, width: 272 }, 256)).to.include({ rows: 20, blocks: 10, tiles: 340 });
    expect(chooseTiling({ batch: 100, height: 14, width: 14 }, 256)).to.include({ strip: 14, tiles: 400 });
  });
});
