import { expect } from "chai";
import fc from "fast-check";
import { UserError } from "../../../lib/errors.js";
import {
  type ClassMap,
  type ConfusionMatrix,
  confusionCounter,
  confusionOf,
  emptyConfusion,
  mergeConfusions,
  resizeNearest,
} from "../../../lib/metrics/labels/confusion.js";
import { segmentationFigures } from "../../../lib/metrics/labels/figures.js";
import { inShared, inTree, withRecordings } from "../../support/goldens.js";

type Figure = number | "nan";

interface MiouCase {
  readonly name: string;
  readonly num_classes: number;
  readonly reduce_zero_label: boolean;
  readonly shapes: [number, number][];
  readonly area_intersect: number[];
  readonly metrics: {
    readonly mIoU: { aAcc: number; IoU: Figure[]; Acc: Figure[]; mean_IoU: number; mean_Acc: number };
    readonly mDice: { Dice: Figure[]; mean_Dice: number };
    readonly mFscore: { Fscore: Figure[]; Precision: Figure[]; mean_Fscore: number; mean_Precision: number };
  };
}

function expectFigures(actual: Float64Array, expected: readonly Figure[]): void {
  expect(actual.length).to.equal(expected.length);
  expected.forEach((figure, k) => {
    if (figure === "nan") expect(actual[k], `class ${k}`).to.be.NaN;
    else expect(actual[k], `class ${k}`).to.be.closeTo(figure, 1e-6);
  });
}

function map(width: number, ...data: number[]): ClassMap {
  return { width, height: data.length / width, data: Uint8Array.from(data) };
}

describe("segmentation metrics", () => {
  for (const [name, { place, open }] of withRecordings(
    ["k5_absent", "k6_reduce_zero"].map((name) => [name, inTree("miou")] as const),
    ["k150", "k150_reduce_zero", "k19", "k5_absent"].map((name) => [name, inShared("miou")] as const),
  )) {
    it(`equal the reference's (${name}): ${place}`, function () {
      const { json, array } = open(this);
      const golden = json<{ cases: MiouCase[] }>("expected.json").cases.find((c) => c.name === name)!;
      const predictions = Uint8Array.from(array(`${name}.pred.npy`).data);
      const labels = Uint8Array.from(array(`${name}.label.npy`).data);
      const classes = golden.num_classes;
      let matrix: ConfusionMatrix = emptyConfusion(classes);
      let start = 0;
      for (const [height, width] of golden.shapes) {
        const cut = (data: Uint8Array) => ({ height, width, data: data.subarray(start, start + height * width) });
        const options = { classes, reduceZeroLabel: golden.reduce_zero_label };
        matrix = mergeConfusions(matrix, confusionOf({ prediction: cut(predictions), label: cut(labels), ...options }));
        start += height * width;
      }
      expect(start).to.equal(labels.length);
      expect(Array.from({ length: classes }, (_, k) => matrix.counts[k * classes + k])).to.deep.equal(
        golden.area_intersect,
      );
      expect(matrix.counts.reduce((a, b) => a + b) + matrix.ignored).to.equal(labels.length);
      const figures = segmentationFigures(matrix);
      const { mIoU, mDice, mFscore } = golden.metrics;
      expectFigures(figures.perClass.iou, mIoU.IoU);
      expectFigures(figures.perClass.acc, mIoU.Acc);
      expectFigures(figures.perClass.dice, mDice.Dice);
      expectFigures(figures.perClass.fscore, mFscore.Fscore);
      expectFigures(figures.perClass.precision, mFscore.Precision);
      expect(figures.mIoU).to.be.closeTo(mIoU.mean_IoU, 1e-6);
      expect(figures.mAcc).to.be.closeTo(mIoU.mean_Acc, 1e-6);
      expect(figures.aAcc).to.be.closeTo(mIoU.aAcc, 1e-6);
      expect(figures.mDice).to.be.closeTo(mDice.mean_Dice, 1e-6);
      expect(figures.mFscore).to.be.closeTo(mFscore.mean_Fscore, 1e-6);
      expect(figures.mPrecision).to.be.closeTo(mFscore.mean_Precision, 1e-6);
    });
  }

  it("count labels in rows, predictions in columns, and leave 255 out", () => {
    const matrix = confusionOf({ prediction: map(2, 0, 1, 1, 9), label: map(2, 0, 0, 1, 255), classes: 2 });
    expect([...matrix.counts]).to.deep.equal([1, 1, 0, 1]);
    expect(matrix.ignored).to.equal(1);
  });

  it("treat label 0 as no class if asked to", () => {
    const maps = { prediction: map(4, 0, 0, 1, 1), label: map(4, 0, 1, 2, 255), classes: 2 };
    const matrix = confusionOf({ ...maps, reduceZeroLabel: true });
    expect([...matrix.counts]).to.deep.equal([1, 0, 0, 1]);
    expect(matrix.ignored).to.equal(2);
  });

  it("do not depend on how the images are split and merged", () => {
    const pixel = fc.tuple(fc.integer({ min: 0, max: 3 }), fc.constantFrom(0, 1, 2, 3, 255));
    fc.assert(
      fc.property(fc.array(pixel, { minLength: 2, maxLength: 60 }), fc.nat(), (pixels, cut) => {
        const count = (part: readonly (readonly [number, number])[]) =>
          confusionOf({
            prediction: { width: part.length, height: 1, data: Uint8Array.from(part, ([p]) => p) },
            label: { width: part.length, height: 1, data: Uint8Array.from(part, ([, l]) => l) },
            classes: 4,
          });
        const at = cut % pixels.length;
        const merged = mergeConfusions(count(pixels.slice(0, at)), count(pixels.slice(at)));
        expect(merged).to.deep.equal(count(pixels));
        expect(mergeConfusions(emptyConfusion(4), merged)).to.deep.equal(merged);
        const naive = (l: number, p: number) => pixels.filter(([a, b]) => a === p && b === l).length;
        expect([...merged.counts]).to.deep.equal(Array.from({ length: 16 }, (_, i) => naive(i >> 2, i & 3)));
      }),
    );
  });

  it("refuse a prediction of another size, or resize it if asked to", () => {
    const maps = { prediction: map(1, 0, 1), label: map(2, 0, 0, 0, 0, 1, 1, 1, 0), classes: 2 };
    expect(() => confusionOf({ ...maps, where: "a.png" })).to.throw(UserError, /^a\.png: .*1 × 2 .*2 × 4/);
    expect([...confusionOf({ ...maps, otherSize: "resize" }).counts]).to.deep.equal([4, 1, 0, 3]);
  });

  it("resize like OpenCV's nearest", () => {
    for (const [from, expected] of [
      [5, [0, 1, 3]],
      [3, [0, 0, 1, 1, 2]],
      [7, [0, 1, 3, 5]],
      [4, [0, 0, 1, 1, 2, 2, 3]],
      [10, [0, 3, 6]],
      [3, [0, 0, 0, 0, 1, 1, 1, 2, 2, 2]],
    ] as const) {
      const row = map(from, ...Array.from({ length: from }, (_, i) => i));
      expect([...resizeNearest(row, expected.length, 2).data]).to.deep.equal([...expected, ...expected]);
      const column = { width: 1, height: from, data: row.data };
      expect([...resizeNearest(column, 1, expected.length).data]).to.deep.equal([...expected]);
    }
  });

  it("are right wherever runs of equal pixels begin and end in memory", () => {
    const run = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.nat(3), fc.constantFrom(0, 1, 2, 3, 255));
    fc.assert(
      fc.property(fc.array(run, { minLength: 1, maxLength: 12 }), fc.nat(3), fc.nat(3), (runs, shiftA, shiftB) => {
        const pixels = runs.flatMap(([length, p, l]) => Array.from({ length }, () => [p, l] as const));
        const at = (shift: number, values: number[]) =>
          Uint8Array.from([...Array(shift).fill(9), ...values]).subarray(shift);
        const counter = confusionCounter({ classes: 4 });
        const size = { width: pixels.length, height: 1 };
        const prediction = {
          ...size,
          data: at(
            shiftA,
            pixels.map(([p]) => p),
          ),
        };
        const label = {
          ...size,
          data: at(
            shiftB,
            pixels.map(([, l]) => l),
          ),
        };
        for (let times = 0; times < 2; times++) counter.add(prediction, label);
        const naive = (l: number, p: number) => 2 * pixels.filter(([a, b]) => a === p && b === l).length;
        expect([...counter.matrix().counts]).to.deep.equal(Array.from({ length: 16 }, (_, i) => naive(i >> 2, i & 3)));
      }),
    );
  });

  it("stay right beyond 2³¹ and 2⁵³ pixels", () => {
    let matrix = confusionOf({ prediction: map(4, 0, 1, 1, 1), label: map(4, 0, 0, 1, 255), classes: 2 });
    const { mIoU, aAcc } = segmentationFigures(matrix);
    for (let doubling = 0; doubling < 60; doubling++) matrix = mergeConfusions(matrix, matrix);
    expect([...matrix.counts]).to.deep.equal([2 ** 60, 2 ** 60, 0, 2 ** 60]);
    expect(matrix.ignored).to.equal(2 ** 60);
    expect(segmentationFigures(matrix)).to.deep.include({ mIoU, aAcc });
  });

  it("refuse class indices out of range", () => {
    const label = map(2, 0, 2);
    expect(() => confusionOf({ prediction: map(2, 0, 1), label, classes: 2 })).to.throw(
      UserError,
      /label map holds class 2/,
    );
    const prediction = map(2, 0, 7);
    expect(() => confusionOf({ prediction, label, classes: 3 })).to.throw(UserError, /prediction map holds class 7/);
    expect(() => mergeConfusions(emptyConfusion(2), emptyConfusion(3))).to.throw(UserError, /2 and 3 classes/);
  });
});
