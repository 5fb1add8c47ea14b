import { expect } from "chai";
import { evaluateCoco } from "../../../lib/metrics/coco/evaluate.js";
import { precisionCurve } from "../../../lib/metrics/coco/summary.js";
import { randomScene } from "./scenes.js";

const mean = (values: Float64Array) => values.reduce((a, b) => a + b, 0) / values.length;

describe("precision curves", () => {
  it("have the average precision as their mean, overall and per class", () => {
    for (let seed = 0; seed < 20; seed++) {
      const evaluation = evaluateCoco({ ...randomScene(seed), type: "bbox" });
      const { options, categories, stats } = evaluation;
      const all = [...options.iouThresholds.keys()];
      const expected = (ap: number) => (ap < 0 ? Number.NaN : ap);
      const close = (curve: Float64Array, ap: number) => {
        if (Number.isNaN(expected(ap))) expect(curve.every(Number.isNaN)).to.equal(true);
        else expect(mean(curve)).to.be.closeTo(ap, 1e-12);
      };
      close(precisionCurve(evaluation.curves, { thresholds: all }), stats[0]!);
      close(precisionCurve(evaluation.curves, { thresholds: [0] }), stats[1]!);
      categories.forEach(({ ap, ap75 }, category) => {
        close(precisionCurve(evaluation.curves, { thresholds: all, category }), ap);
        close(precisionCurve(evaluation.curves, { thresholds: [5], category }), ap75);
      });
    }
  });
});
