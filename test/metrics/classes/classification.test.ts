import { expect } from "chai";
import { classificationCounter } from "../../../lib/metrics/classes/figures.js";

describe("metrics of classification", () => {
  const count = (images: readonly (readonly [scores: readonly number[], label: number])[]) => {
    const counter = classificationCounter(3);
    for (const [scores, label] of images) counter.add(Float32Array.from(scores), label);
    return counter.figures();
  };

  it("equal those computed by hand", () => {
    // Found: 0, 0, 1, 1; annotated: 0, 1, 1, 0. Class 2 does not occur.
    const figures = count([
      [[0.75, 0.25, 0], 0],
      [[0.75, 0.25, 0], 1],
      [[0.25, 0.75, 0], 1],
      [[0.375, 0.625, 0], 0],
    ]);
    expect(figures).to.include({ top1: 0.5, top5: 1 });
    expect([...figures.confusion]).to.deep.equal([1, 1, 0, 1, 1, 0, 0, 0, 0]);
    expect(figures.perClass.slice(0, 2)).to.deep.equal([
      { precision: 0.5, recall: 0.5, f1: 0.5, images: 2 },
      { precision: 0.5, recall: 0.5, f1: 0.5, images: 2 },
    ]);
    expect(figures.perClass[2]!.f1).to.be.NaN;
    expect(figures.f1).to.equal(0.5);
    // Bin of 0.75: three images, two right: |2 − 2.25|; bin of 0.625: |0 − 0.625|.
    expect(figures.ece).to.equal((0.25 + 0.625) / 4);
  });

  it("count a class that is never found as 0, as scikit-learn does, and NaN scores as wrong", () => {
    const { perClass, top1, precision } = count([
      [[1, 0, 0], 0],
      [[1, 0, 0], 1],
      [[Number.NaN, Number.NaN, Number.NaN], 1],
    ]);
    expect(top1).to.equal(1 / 3);
    expect(perClass[1]).to.deep.equal({ precision: 0, recall: 0, f1: 0, images: 2 });
    expect(precision).to.be.closeTo((1 / 3 + 0) / 2, 1e-12);
  });
});
