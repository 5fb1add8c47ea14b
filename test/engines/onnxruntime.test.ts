import { expect } from "chai";
import { type OnnxRuntimeOptions, onnxRuntimeEngine } from "../../lib/engines/onnxruntime/engine.js";
import { summed } from "../../lib/engines/onnxruntime/kernelTimes.js";
import { isWorthStopping } from "../../lib/engines/onnxruntime/uncopied.js";
import { add, constant, gather, input, matMul, mul, scalar, sizeOf } from "../../lib/graph/index.js";

describe("the onnxruntime engine", () => {
  it("writes outputs into the given arrays, and the others into new arrays", async () => {
    const x = input("x", [3]);
    const program = await onnxRuntimeEngine().compile({ twice: mul(x, scalar(2)), thrice: mul(x, scalar(3)) });
    for (const _ of [1, 2]) {
      const twice = new Float32Array(3);
      const outputs = await program.run({ x: Float32Array.of(1, 2, 3) }, { twice });
      expect(outputs.twice).to.equal(twice);
      expect(Object.keys(outputs)).to.deep.equal(["twice", "thrice"]);
      expect([...twice, ...outputs.thrice!]).to.deep.equal([2, 4, 6, 3, 6, 9]);
    }
    await program.dispose();
  });

  it("reports what fails inside a run", async () => {
    const picked = gather(input("x", [3]), input("rows", [1], "int32"), 0);
    const program = await onnxRuntimeEngine().compile({ picked });
    const run = program.run({ x: new Float32Array(3), rows: Int32Array.of(7) }, { picked: new Float32Array(1) });
    const message = await run.then(() => "nothing", String);
    expect(message).to.match(/indices element out of data bounds/);
    await program.dispose();
  });

  /** Bytes allocated besides the given arrays, in a run that writes 16 MB. */
  const copied = async (options: OnnxRuntimeOptions): Promise<number> => {
    const program = await onnxRuntimeEngine(options).compile({ out: mul(input("x", [1 << 22]), scalar(2)) });
    const given = { x: new Float32Array(1 << 22).fill(1) };
    const into = { out: new Float32Array(1 << 22) };
    const before = process.memoryUsage().arrayBuffers; // before any copy
    let most = 0;
    for (let i = 0; i < 4; i++) {
      into.out.fill(0);
      await program.run(given, into);
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
      expect(into.out[0]).to.equal(2);
    }
    await program.dispose();
    return most;
  };

  it("makes no copies of its outputs, unless asked to", async () => {
    expect(await copied({})).to.be.below(1 << 23);
    expect(await copied({ uncopied: false })).to.be.above(1 << 23);
  });

  it("copies a few small outputs, because that is faster than to avoid it", () => {
    const images = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`y${i}`, input(`x${i}`, [64, 64])]));
    expect([1, 3, 4].map((count) => isWorthStopping(images(count)))).to.deep.equal([false, false, true]);
  });

  it("adds the bias of a linear layer with constant parameters in the kernel of the product", async () => {
    const numbers = (...shape: number[]) =>
      constant(
        Float32Array.from({ length: sizeOf(shape) }, (_, i) => (i % 7) - 3),
        shape,
      );
    const product = matMul(input("x", [1, 5, 4]), numbers(6, 4), { transposeB: true });
    const engine = onnxRuntimeEngine({ threads: 1 });
    const given = { x: Float32Array.from({ length: 20 }, (_, i) => i % 3) };
    const kernels = await engine.kernelTimes!({ y: add(product, numbers(6)) }, given, 1);
    const names = kernels.map(({ name }) => name);
    expect(names).to.include("Gemm");
    expect(names).not.to.include("Add");
  });

  it("gives the time of its kernels, without the first run", () => {
    const node = (name: string, op: string, ts: number, dur: number) => ({
      cat: "Node",
      name: `${name}_kernel_time`,
      ts,
      dur,
      args: { op_name: op },
    });
    const run = (ts: number) => ({ cat: "Session", name: "model_run", ts, dur: 90 });
    const events = [
      { cat: "Session", name: "session_initialization", ts: 0, dur: 50 },
      ...[node("a", "Conv", 101, 5000), run(100)],
      ...[node("a", "Conv", 201, 30), node("b", "Conv", 240, 10), node("c", "Gelu", 255, 4), run(200)],
      ...[node("a", "Conv", 301, 50), node("b", "Conv", 360, 10), node("c", "Gelu", 375, 8), run(300)],
    ];
    expect(summed(events, 2)).to.deep.equal([
      { name: "Conv", count: 2, ms: 0.05 },
      { name: "Gelu", count: 1, ms: 0.006 },
    ]);
  });

  it("profiles a graph", async () => {
    const twice = mul(input("x", [3]), scalar(2));
    const kernels = await onnxRuntimeEngine().kernelTimes!({ twice }, { x: new Float32Array(3) }, 2);
    expect(kernels.find(({ name }) => name === "Mul")).to.include({ count: 1 });
  });
});
