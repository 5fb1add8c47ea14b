import { expect } from "chai";
import { load } from "../../../lib/engines/tfjs/backends.js";
import { tfjsEngine } from "../../../lib/engines/tfjs/engine.js";
import { add, input, mul, scalar } from "../../../lib/graph/index.js";
import { userMessage } from "../../support/failure.js";

const x = input("x", [2, 3]);
const bytes = input("bytes", [2], "uint8");

describe("the TF.js engine", function () {
  this.timeout(60_000);
  for (const backend of ["wasm", "cpu"] as const) {
    describe(`on ${backend}`, () => {
      const engine = tfjsEngine({ backends: [backend] });

      it("writes outputs into the given arrays and leaves no tensor behind", async () => {
        const program = await engine.compile({ y: mul(x, scalar(2)), same: x, bytes });
        expect(program.inputs.bytes).to.deep.equal({ shape: [2], dtype: "uint8" });
        const y = new Float32Array(6);
        const given = { x: Float32Array.of(1, 2, 3, 4, 5, 6), bytes: Uint8Array.of(7, 255) };
        await program.run(given);
        const loaded = await load(backend);
        if (loaded.backend === "tensorflow") throw new Error("another backend was asked for");
        const before = loaded.core.memory().numTensors;
        const results = await program.run(given, { y });
        expect(results.y).to.equal(y);
        expect([...y]).to.deep.equal([2, 4, 6, 8, 10, 12]);
        expect(results.same).to.deep.equal(given.x);
        expect(results.same).not.to.equal(given.x);
        expect(results.bytes).to.deep.equal(given.bytes);
        expect(loaded.core.memory().numTensors).to.equal(before);
        await program.dispose();
      });

      it("refuses inputs of another type or length", async () => {
        const program = await engine.compile({ y: add(x, scalar(1)) });
        const refused = async (given: Float32Array | Uint8Array) => {
          const error: unknown = await program.run({ x: given }).catch((reason: unknown) => reason);
          return (error as Error).message;
        };
        expect(await refused(new Float32Array(5))).to.contain("x: a Float32Array of 5 was given");
        expect(await refused(new Uint8Array(6))).to.contain("not a Float32Array of 6 for float32[2,3]");
        await program.dispose();
      });
    });
  }

  it("uses the first available backend, and says why there is none", async () => {
    const program = await tfjsEngine({ backends: ["webgpu", "cpu"] }).compile({ y: x });
    await program.dispose();
    const message = await userMessage(() => tfjsEngine({ backends: ["webgpu"] }).compile({ y: x }));
    expect(message).to.equal(
      "engine.backends: none of webgpu can be used here: webgpu: this Node has no navigator.gpu",
    );
  });

  it("does not change the process's handling of errors", async () => {
    const count = process.listenerCount("uncaughtException") + process.listenerCount("unhandledRejection");
    await load("wasm");
    expect(process.listenerCount("uncaughtException") + process.listenerCount("unhandledRejection")).to.equal(count);
  });
});
