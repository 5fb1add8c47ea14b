import { expect } from "chai";
import { efficientFormer } from "../../../lib/backbones/efficientformer.js";
import { EFFICIENTFORMER_SIZES } from "../../../lib/backbones/efficientformerSizes.js";
import { type FuseOptions, fuse } from "../../../lib/compilers/cpu/fusion/fuse.js";
import type { RowBlocksAttributes } from "../../../lib/compilers/cpu/fusion/rowBlocks.js";
import { onnxRuntimeEngine } from "../../../lib/engines/onnxruntime/engine.js";
import {
  add,
  batchNorm,
  constant,
  gelu,
  gradients,
  input,
  less,
  matMul,
  mean,
  mul,
  nodesInOrder,
  relu,
  reshape,
  restore,
  scalar,
  sizeOf,
  sub,
  sum,
  truncate,
  type Value,
  where,
} from "../../../lib/graph/index.js";
import { Context } from "../../../lib/nn/context.js";
import { ParameterList } from "../../../lib/nn/parameters.js";
import { Random } from "../../../lib/random.js";

const SMALL: FuseOptions = { blockElements: 40, leastElements: 1 };
const plain = onnxRuntimeEngine({ threads: 1, fuse: false });
const fused = onnxRuntimeEngine({ threads: 1, fuse: SMALL });

type Outputs = Readonly<Record<string, Value>>;

function programsOf(outputs: Outputs) {
  return nodesInOrder(Object.values(fuse(outputs, SMALL)))
    .filter(({ operator }) => operator.name === "rowBlocks")
    .map(({ attributes }) => attributes as RowBlocksAttributes);
}

/** Runs on numbers around 1, so that sums do not cancel, and compares every output. */
async function expectSame(outputs: Outputs, tolerance = 1e-5) {
  const results = [];
  for (const engine of [plain, fused]) {
    const program = await engine.compile(outputs);
    const inputs = Object.fromEntries(
      Object.entries(program.inputs).map(([name, { shape }]) => {
        const random = Random.of(name);
        return [name, Float32Array.from({ length: sizeOf(shape) }, () => random.uniform(-0.5, 1.5))];
      }),
    );
    results.push(await program.run(inputs));
    await program.dispose();
  }
  const [wanted, actual] = results;
  for (const name of Object.keys(outputs)) {
    const distance = norm(wanted![name]!.map((value: number, i: number) => value - actual![name]![i]!));
    expect(distance, name).to.be.at.most(tolerance * norm(wanted![name]!));
  }
}

function norm(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value * value;
  return Math.sqrt(total);
}

describe("row-block fusion", () => {
  const shape = [2, 6, 4, 5] as const;
  const x = input("x", shape);
  const y = input("y", shape);
  const channels = input("channels", [1, 6, 1, 1]);
  const images = input("images", [2, 1, 1, 1]);
  const one = input("one", [1]);
  const pixels = constant(
    Float32Array.from({ length: 20 }, (_, i) => 1 + i / 20),
    [1, 1, 4, 5],
  );
  const weights = input("weights", [5, 5]);
  const mixed = (map: Value) => matMul(map, weights); // not elementwise
  const all = { axes: [0, 2, 3] };
  const rows = { axes: [2, 3], keepDims: true };

  const cases: Readonly<Record<string, Outputs>> = {
    "operands of every kind": { a: add(mul(mul(mul(x, channels), images), pixels), mul(y, one)) },
    "a value in between that is an output too": { a: mul(x, y), b: gelu(add(mul(x, y), channels)) },
    "sums over images and pixels": { a: sum(mul(x, y), all), b: sum(mul(x, y), { ...all, keepDims: true }) },
    "sums over channels too": { a: sum(mul(x, y), { axes: [1, 2, 3], keepDims: true }), b: mean(mul(x, y)) },
    "means over images and pixels": { a: mean(mul(x, y), all), b: mean(add(x, y), { axes: [1, 2, 3] }) },
    "reduced rows used at once": { a: mean(mul(sub(x, mean(x, rows)), sub(x, mean(x, rows))), rows) },
    "reduced rows without their axes": { a: add(sum(mul(x, x), { axes: [2, 3] }), scalar(1)), b: mul(x, y) },
    "a reduction the cluster itself needs": { a: mul(mul(x, y), sum(mul(x, y), { ...all, keepDims: true })) },
    "comparisons and choices": { a: where(less(mul(x, scalar(2)), y), relu(x), mul(y, channels)) },
    "factors out of sums": {
      a: sum(mul(mul(x, channels), y), all),
      b: sum(mul(mul(x, images), y), all),
      c: sum(mul(add(mul(x, channels), mul(channels, channels)), y), all),
      d: sum(mul(mul(x, scalar(3)), channels), { axes: [0, 2, 3], keepDims: true }),
    },
    "factors together": {
      a: mul(mul(mul(x, channels), scalar(3)), images),
      b: mul(add(mul(x, channels), images), scalar(0.5)),
      c: sub(x, mul(x, channels)),
    },
    // y's two readers must not be one cluster: the first is needed by the cluster of x, which the second needs.
    "clusters that would depend on each other": { a: add(y, mixed(relu(x))), b: add(relu(x), mixed(mul(y, y))) },
    "a tensor that is its own reshape": { a: reshape(mul(mul(x, y), y), [12, 20]), b: mul(mul(x, y), y) },
  };
  for (const [name, outputs] of Object.entries(cases)) {
    it(name, async () => {
      expect(programsOf(outputs).length).to.be.greaterThan(0);
      await expectSame(outputs);
    });
  }

  it("cuts rows into equal blocks", () => {
    const [program] = programsOf({ a: gelu(mul(x, y)) });
    expect(program!.rows).to.equal(2);
    expect(program!.blocks.map((part) => part.shape)).to.deep.equal([
      [2, 20],
      [2, 20],
    ]);
  });

  it("keeps no normalised map for the backward half", () => {
    const gamma = input("gamma", [6]);
    const beta = input("beta", [6]);
    const activation = gelu(batchNorm(x, gamma, beta).y);
    const [gx] = gradients([{ value: activation, gradient: y }], [x]);
    const programs = programsOf({ activation, gx: gx! });
    const full = programs.flatMap(({ results }) => results.filter((value) => value.shape[1] === 20));
    // The activation, the input's gradient, and the one tensor that is kept until the gradient's sums are known.
    expect(full.length).to.equal(3);
  });

  it("leaves small tensors alone", () => {
    const outputs = fuse({ a: gelu(mul(x, y)) }, { leastElements: 1000 });
    expect(nodesInOrder(Object.values(outputs)).map(({ operator }) => operator.name)).not.to.include("rowBlocks");
  });

  it("leaves operators after truncate alone, because they have fewer rows than their shapes say", async () => {
    const few = (z: Value) => truncate(z, constant(Int32Array.of(1), [1], "int32"));
    const outputs = { a: restore(gelu(mul(few(x), few(y)))), b: gelu(mul(x, y)) };
    expect(programsOf(outputs).length).to.equal(1);
    await expectSame(outputs);
  });

  it("gives a whole training step the same gradients and statistics", async function () {
    this.timeout(20000);
    const list = new ParameterList();
    const backbone = efficientFormer(list.scope(), { size: EFFICIENTFORMER_SIZES.nano, biasSide: 2, dropPath: 0.1 });
    const context = Context.training();
    const maps = backbone.forward(input("x", [2, 3, 64, 64]), context);
    const seeds = maps.map((value, i) => ({ value, gradient: input(`seed${i}`, value.shape) }));
    const parameters = list.all.filter(({ role }) => role !== "buffer");
    // Before a batch norm, a bias has no effect: its gradient is only rounding.
    const meaningful = parameters.filter(({ name }) => !/(fc\d|proj|patch_embed\.[03])\.bias$/.test(name));
    const found = gradients(
      seeds,
      meaningful.map((parameter) => context.value(parameter)),
    );
    await expectSame(
      {
        ...Object.fromEntries(meaningful.map(({ name }, i) => [`grad/${name}`, found[i]!])),
        ...Object.fromEntries(context.updates.map(({ buffer, value }) => [`new/${buffer.name}`, value])),
      },
      2e-3,
    );
  });
});
