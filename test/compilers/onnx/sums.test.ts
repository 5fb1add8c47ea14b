import { expect } from "chai";
import { writeOnnx } from "../../../lib/compilers/onnx/write.js";
import { onnxRuntimeEngine } from "../../../lib/engines/onnxruntime/engine.js";
import { input, sum } from "../../../lib/graph/index.js";
import { Random } from "../../../lib/random.js";
import { evaluate } from "../../graph/check.js";

describe("sums over the first axis", () => {
  for (const shape of [
    [1, 2048],
    [3, 40, 50],
    [16, 4096],
    [17, 4096],
    [3, 5],
  ]) {
    it(`are right for [${shape}]`, async () => {
      const random = Random.of("sums");
      const columns = shape.slice(1).reduce((a, b) => a * b);
      const x = Float32Array.from({ length: shape[0]! * columns }, () => random.uniform(-1, 1));
      const y = sum(input("x", shape), { axes: [0] });
      const results = await evaluate(onnxRuntimeEngine({ threads: 1 }), { y }, { x });
      expect(y.shape).to.deep.equal(shape.slice(1));
      for (let column = 0; column < columns; column++) {
        let expected = 0;
        for (let row = 0; row < shape[0]!; row++) expected += x[row * columns + column]!;
        expect(results.y![column], `${column}`).closeTo(expected, 1e-5);
      }
    });
  }

  it("are products with ones only in onnxruntime's own dialect", () => {
    const text = (dialect: "onnxruntime" | "standard") =>
      Buffer.from(writeOnnx({ y: sum(input("x", [3, 2048]), { axes: [0] }) }, { dialect }).bytes).toString("latin1");
    expect(text("onnxruntime")).to.include("MatMul").and.not.include("ReduceSum");
    expect(text("standard")).to.include("ReduceSum").and.not.include("MatMul");
  });
});
