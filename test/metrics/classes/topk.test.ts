import { expect } from "chai";
import { UserError } from "../../../lib/errors.js";
import { countTopK, emptyTopK, mergeTopK, topKAccuracy } from "../../../lib/metrics/classes/figures.js";

describe("top-k accuracy", () => {
  const scores = Float32Array.of(0.1, 0.7, 0.2, /* next */ 0.5, 0.3, 0.2, /* next */ 0.2, 0.2, 0.6);

  it("counts the images whose class is among the k best", () => {
    expect(countTopK(scores, [1, 2, 1], 3, [1, 2, 3])).to.deep.equal({ total: 3, correct: [1, 1, 3], ks: [1, 2, 3] });
  });

  it("merges batches", () => {
    const first = countTopK(scores.subarray(0, 3), [1], 3, [1, 2]);
    const second = countTopK(scores.subarray(3), [2, 0], 3, [1, 2]);
    const merged = mergeTopK(mergeTopK(emptyTopK([1, 2]), first), second);
    expect(merged).to.deep.equal(countTopK(scores, [1, 2, 0], 3, [1, 2]));
    expect(topKAccuracy(merged)).to.deep.equal([1 / 3, 2 / 3]);
    expect(() => mergeTopK(emptyTopK([1]), merged)).to.throw(UserError);
  });

  it("counts nothing for scores that are all equal or not numbers", () => {
    expect(countTopK(new Float32Array(4), [3], 4, [1]).correct).to.deep.equal([0]);
    expect(countTopK(new Float32Array(4).fill(Number.NaN), [0], 4, [1]).correct).to.deep.equal([0]);
  });

  it("refuses labels out of range and scores that do not fit", () => {
    expect(() => countTopK(scores, [0, 3, 0], 3)).to.throw(UserError, /image 1 .* class 3/);
    expect(() => countTopK(scores, [0, 0], 3)).to.throw(RangeError);
  });
});
