import { expect } from "chai";
import { bandOf } from "../../../lib/compilers/onnx/band.js";
import { onnxRuntimeEngine } from "../../../lib/engines/onnxruntime/engine.js";
import { input, resizedCrossEntropy, resizedCrossEntropyOperator } from "../../../lib/graph/index.js";
import { bilinearMatrix } from "../../../lib/graph/operators/resizing.js";
import { Random } from "../../../lib/random.js";
import { evaluate } from "../../graph/check.js";

/** Sizes of logits and labels; those of 128 pixels and more are enlarged in runs. */
const SIZES = [
  { from: [64, 32], to: [256, 128] },
  { from: [8, 96], to: [32, 384] },
  { from: [70, 70], to: [140, 210] },
  { from: [67, 5], to: [267, 10] }, // 267 = 3 · 89
  { from: [5, 131], to: [5, 131] },
  { from: [9, 300], to: [9, 256] },
] as const;

describe("cross-entropy of enlarged logits", () => {
  for (const { from, to } of SIZES) {
    it(`from ${from.join(" × ")} to ${to.join(" × ")} equals its decomposition`, async () => {
      const [batch, classes] = [2, 5];
      const logits = input("logits", [batch, classes, ...from]);
      const labels = input("labels", [batch, ...to], "int32");
      const weights = input("weights", [batch, ...to]);
      const loss = resizedCrossEntropy(logits, labels, weights);
      const parts = resizedCrossEntropyOperator.decompose!(loss.node as never);
      const outputs = { loss, gradient: loss.node.outputs[1]!, plainLoss: parts[0]!, plainGradient: parts[1]! };
      const random = Random.of("cross-entropy");
      const pixels = batch * to[0] * to[1];
      const feeds = {
        logits: Float32Array.from({ length: batch * classes * from[0] * from[1] }, () => random.uniform(-5, 5)),
        labels: Int32Array.from({ length: pixels }, () => Math.floor(random.next() * (classes + 1))),
        weights: new Float32Array(pixels),
      };
      feeds.labels.forEach((label, i) => {
        feeds.weights[i] = label < classes ? random.uniform(0.5, 1.5) : 0;
      });
      const results = await evaluate(onnxRuntimeEngine({ threads: 1 }), outputs, feeds);
      expect(results.loss![0]! / results.plainLoss![0]!).closeTo(1, 1e-5);
      const scale = Math.max(...results.plainGradient!.map(Math.abs));
      for (const [i, expected] of results.plainGradient!.entries()) {
        expect(Math.abs(results.gradient![i]! - expected) / scale, `${i}`).below(1e-5);
      }
    });
  }

  it("cuts an interpolation into runs of rows that reach few columns", () => {
    const { runs, length, span, starts } = bandOf(bilinearMatrix(128, 512), 512, 128);
    expect({ runs, length, span, starts }).to.deep.equal({ runs: 4, length: 128, span: 34, starts: [0, 31, 63, 94] });
  });
});
