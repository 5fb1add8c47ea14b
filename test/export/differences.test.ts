import { expect } from "chai";
import { judged } from "../../lib/export/verify/result.js";
import { pairDetections, tensorDifference, unequal } from "../../lib/tasks/differences.js";

const objects = (...rows: (readonly [box: readonly number[], score: number, label: number])[]) => ({
  boxes: Float32Array.from(rows.flatMap(([box]) => box)),
  scores: Float32Array.from(rows.map(([, score]) => score)),
  labels: Int32Array.from(rows.map(([, , label]) => label)),
});

describe("differences between a model and its file", () => {
  it("of tensors: the largest, and relative to the reference's largest magnitude", () => {
    expect(tensorDifference([1, -4, 2], [1, -3, 2.5])).to.deep.equal({ largest: 1, relative: 0.25 });
    expect(tensorDifference([0, 0], [0, 0])).to.deep.equal({ largest: 0, relative: 0 });
    expect(tensorDifference([1, 2], [1, Number.NaN]).largest).to.be.NaN;
    expect(tensorDifference([0], [1]).relative).to.equal(Number.POSITIVE_INFINITY);
    expect(() => tensorDifference([1], [1, 2])).to.throw(RangeError);
  });

  it("of detections: pairs within a class, whatever the order", () => {
    const own = objects([[0, 0, 10, 10], 0.9, 1], [[50, 50, 60, 60], 0.8, 1], [[0, 0, 10, 10], 0.7, 2]);
    const other = objects([[50, 50, 61, 60], 0.85, 1], [[0, 0, 10, 10], 0.65, 2], [[0, 1, 10, 10], 0.9, 1]);
    const { pairs, box, score, unmatched } = pairDetections(own, other, { reach: 2, cut: 0 });
    expect(pairs).to.deep.equal([
      [0, 2],
      [1, 0],
      [2, 1],
    ]);
    expect(box).to.equal(1);
    expect(score).to.be.closeTo(0.05, 1e-6);
    expect(unmatched).to.equal(0);
  });

  it("of detections: unpaired ones count on both sides, except near the cut", () => {
    const own = objects([[0, 0, 10, 10], 0.9, 1], [[50, 50, 60, 60], 0.8, 1]);
    const other = objects([[0, 0, 10, 10], 0.9, 1], [[20, 20, 30, 30], 0.7, 1], [[20, 20, 30, 30], 0.05, 3]);
    expect(pairDetections(own, other, { reach: 2, cut: 0.06 }).unmatched).to.equal(2);
    expect(pairDetections(own, other, { reach: 2, cut: 0 }).unmatched).to.equal(3);
  });

  it("of masks and maps: unequal pixels", () => {
    expect(unequal(Uint8Array.of(1, 2, 3), Uint8Array.of(1, 0, 4))).to.equal(2);
  });

  it("are compared with one tolerance", () => {
    const measured = { model: "m", weights: "w", tolerance: 0.01, images: 1, outputs: {} };
    const found = { pairs: 150, unmatched: 1, box: 0.5, score: 0.005, mask: 0.002 };
    expect(judged({ ...measured, found }, 100).passed).to.equal(true);
    const { failures } = judged({ ...measured, found: { ...found, unmatched: 2, box: 1.5, score: Number.NaN } }, 100);
    expect(failures).to.deep.equal([
      "boxes, difference in pixels: 1.5 is more than 1",
      "scores, difference: NaN is more than 0.01",
      "objects that only one of the two finds: 2 is more than 1",
    ]);
    const metrics = { model: { mIoU: 0.5 }, file: { mIoU: 0.52 } };
    expect(judged({ ...measured, metrics }, 100).failures).to.deep.equal(["mIoU, difference: 0.02 is more than 0.01"]);
  });
});
