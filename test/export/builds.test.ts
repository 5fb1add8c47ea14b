import { expect } from "chai";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { onPatches } from "../../lib/backbones/mobilevit.js";
import { FreeSizes } from "../../lib/compilers/onnx/freeSizes.js";
import { writePortableOnnx } from "../../lib/compilers/onnx/portable.js";
import { runOnce } from "../../lib/engines/inference.js";
import { onnxRuntimeEngine } from "../../lib/engines/onnxruntime/engine.js";
import { UserError } from "../../lib/errors.js";
import { recordBuilds } from "../../lib/export/builds.js";
import { FORMATS } from "../../lib/export/formats/index.js";
import type { Network } from "../../lib/export/network.js";
import {
  abs,
  add,
  averagePool,
  broadcastTo,
  concat,
  constant,
  constantData,
  input,
  mean,
  neg,
  nodesInOrder,
  reshape,
  resizeBicubic,
  resizeBilinear,
  slice,
  sub,
  transpose,
  type Value,
} from "../../lib/graph/index.js";
import type { Outputs } from "../../lib/graph/passes/rewrite.js";
import { Context } from "../../lib/nn/context.js";
import { normal } from "../../lib/nn/initialisers.js";
import { batchNorm, convolution, transposedConvolution } from "../../lib/nn/layers.js";
import { ParameterList, ParameterValues } from "../../lib/nn/parameters.js";
import { Random } from "../../lib/random.js";
import { uniform } from "../../tools/prng.js";
import { FREE, NORMALISATION } from "../support/freeSizes.js";
import { expectClose } from "../support/tensors.js";

/** Convolutions with batch norms, with so many channels that their kernels are folded in several parts. */
function wideNetwork(): Network {
  const list = new ParameterList();
  const scope = list.scope("backbone");
  const widths = [3, 1024, 1024, 1024, 8];
  const layers = widths.slice(1).map((out, i) => {
    const conv = convolution(scope.child(`${i}.conv`), { in: widths[i]!, out, kernel: i === 3 ? 1 : 3 });
    const norm = batchNorm(scope.child(`${i}.norm`), out);
    return { conv, norm };
  });
  const values = new ParameterValues(list.all);
  values.initialise((name) => Random.of("wide", name));
  return {
    description: { task: "segmentation", classes: ["a"] },
    values,
    graphs: {
      backbone: (images, context) => ({
        y: layers.reduce((x, { conv, norm }) => norm(conv(x, context), context), images),
      }),
      model: () => ({}),
      postprocess: () => ({}),
    },
  };
}

const constantsOf = (outputs: Outputs): ArrayLike<number>[] =>
  nodesInOrder(Object.values(outputs)).flatMap((node) => constantData(node.outputs[0]!) ?? []);

describe("builds at several sizes", () => {
  it("share folded constants, which are computed once, in any number of parts", async function () {
    this.timeout(60_000);
    const engine = onnxRuntimeEngine();
    let parts = 0;
    const builds = await recordBuilds(wideNetwork(), FREE, NORMALISATION, (constants) => {
      parts++;
      return runOnce(engine, constants);
    });
    expect(parts).to.be.greaterThan(1);
    expect(builds.length).to.equal(5);
    const [first, ...others] = builds.map(({ outputs }) => constantsOf(outputs));
    expect(first!.length).to.equal(8);
    for (const other of others) {
      expect(other.length).to.equal(first!.length);
      for (const [i, data] of other.entries()) expect(data).to.equal(first![i]);
    }
    expect(new Set(first).size).to.equal(8); // no part in the place of another
  });

  it("resize a table to the map's size, with a row for every image, and enlarge the map", async () => {
    const list = new ParameterList();
    const scope = list.scope("backbone");
    const [grid, channels] = [4, 3];
    const table = scope.parameter("table", [1, grid * grid, channels], "embedding", normal(1));
    const token = scope.parameter("token", [1, 1, channels], "embedding", normal(1));
    const up = transposedConvolution(scope.child("up"), { in: channels, out: 2, factor: 2 });
    const values = new ParameterValues(list.all);
    values.initialise((name) => Random.of("table", name));
    const network: Network = {
      description: { task: "segmentation", classes: ["a"] },
      values,
      graphs: {
        backbone: (images, context) => {
          const map = averagePool(images, { kernel: 16, stride: 16 });
          const [b, c, h, w] = map.shape as [number, number, number, number];
          const square = transpose(reshape(context.value(table), [1, grid, grid, channels]), [0, 3, 1, 2]);
          const sized = transpose(
            reshape(resizeBicubic(square, [h, w], { antialias: true }), [1, c, h * w]),
            [0, 2, 1],
          );
          const tokens = add(transpose(reshape(map, [b, c, h * w]), [0, 2, 1]), sized);
          const all = concat([broadcastTo(context.value(token), [b, 1, c]), tokens], 1);
          return { tokens: all, first: slice(all, { axis: 1, start: 0, end: 1 }), map: up(map, context) };
        },
        model: () => ({}),
        postprocess: () => ({}),
      },
    };
    const engine = onnxRuntimeEngine();
    const builds = await recordBuilds(network, FREE, NORMALISATION, (constants) => runOnce(engine, constants));
    const file = writePortableOnnx({ builds, half: false, metadata: {}, version: "1.2.3" });
    const session = await InferenceSession.create(file);
    for (const [batch, height, width] of [
      [1, 32, 64], // smaller than the table
      [2, 96, 160], // larger
      [1, 32, 224], // one larger, one smaller side
    ] as const) {
      const images = uniform("images", batch * 3 * height * width, -1, 1);
      const feeds = { images: new Tensor("float32", images, [batch, 3, height, width]) };
      const found = await session.run(feeds);
      const context = Context.inference(values);
      const graph = network.graphs.backbone!(input("images", [batch, 3, height, width]), context);
      const program = await engine.compile(graph);
      const expected = await program.run({ images });
      await program.dispose();
      for (const name of ["tokens", "first", "map"]) {
        expectClose(found[name]!.data as Float32Array, expected[name]!, 2e-6, `${name} of ${height} × ${width}`);
      }
    }
    await session.release();
  });

  it("that are not alike are refused", () => {
    const x = (n: number) => input("x", [n, 3]);
    expect(() => new FreeSizes([{ y: neg(x(2)) }, { y: abs(x(3)) }])).to.throw(
      "at another size there is abs in the place of neg in the graph; its sizes cannot be left free",
    );
    expect(() => new FreeSizes([{ y: neg(x(2)) }, { y: neg(neg(x(3))) }])).to.throw("its sizes cannot be left free");
    const table = (n: number) => constant(new Float32Array(3 * n), [n, 3]);
    expect(() => new FreeSizes([{ y: add(x(2), table(2)) }, { y: add(x(3), table(3)) }])).to.throw(
      "at another size there is constant in the place of constant",
    );
  });

  it("that are not alike name the size to give", async () => {
    const build = (n: number, depth: number) => ({
      outputs: { y: Array.from({ length: depth }).reduce<Value>((x) => neg(x), input("x", [n, 3])) },
      sizes: { height: n },
    });
    const write = FORMATS.onnx.write({ builds: [build(2, 1), build(3, 2)], half: false, metadata: {} }, {});
    const error = await write.catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(UserError);
    expect((error as UserError).message).to.match(
      /^this model cannot be exported with free sizes \(at another size there is .*\); give --size HxW instead of --dynamic$/,
    );
  });

  it("fold a map into patches of 2 × 2, which are not always a whole number, and back", async () => {
    const network: Network = {
      description: { task: "segmentation", classes: ["a"] },
      values: new ParameterValues([]),
      graphs: {
        backbone: (images) => {
          const map = averagePool(images, { kernel: 32, stride: 32 });
          const [height, width] = map.shape.slice(2) as [number, number];
          const whole = [height, width].map((side) => 2 * Math.ceil(side / 2)) as [number, number];
          const rows = onPatches(resizeBilinear(map, whole), (tokens) =>
            sub(tokens, mean(tokens, { axes: [1], keepDims: true })),
          );
          return { map: resizeBilinear(rows, [height, width]) };
        },
        model: () => ({}),
        postprocess: () => ({}),
      },
    };
    const engine = onnxRuntimeEngine();
    const builds = await recordBuilds(network, FREE, NORMALISATION, (constants) => runOnce(engine, constants));
    const session = await InferenceSession.create(
      writePortableOnnx({ builds, half: false, metadata: {}, version: "1.2.3" }),
    );
    for (const [batch, height, width] of [
      [1, 96, 160],
      [2, 128, 96],
      [1, 128, 192], // a whole number of patches
    ] as const) {
      const images = uniform("images", batch * 3 * height * width, -1, 1);
      const { map } = await session.run({ images: new Tensor("float32", images, [batch, 3, height, width]) });
      const graph = network.graphs.backbone!(input("images", [batch, 3, height, width]), Context.evaluation());
      const program = await engine.compile(graph);
      const expected = await program.run({ images });
      await program.dispose();
      expectClose(map!.data as Float32Array, expected.map!, 2e-6, `${height} × ${width}`);
    }
    await session.release();
  });

  it("a number that is not a size, a product of sizes or half of one is refused", () => {
    const build = (rows: number, columns: number, more: number) => {
      const long = reshape(input("x", [rows, columns]), [rows * columns]);
      return {
        outputs: { y: broadcastTo(reshape(long, [1, rows * columns]), [rows + more, rows * columns]) },
        sizes: { rows, columns },
      };
    };
    const write = (more: number) =>
      writePortableOnnx({
        builds: [build(3, 5, more), build(8, 11, more)],
        half: false,
        metadata: {},
        version: "1.2.3",
      });
    expect(write(0).byteLength).to.be.greaterThan(0);
    expect(() => write(1)).to.throw(
      "no size the graph has, no product of two and no half of one is 4, 9 at the sizes tried",
    );
  });
});
