import { expect } from "chai";
import type { CocoAnnotation, CocoGroundTruth, CocoResult } from "../../../lib/coco/entries.js";
import { UserError } from "../../../lib/errors.js";
import { evaluateCoco, evaluateTables } from "../../../lib/metrics/coco/evaluate.js";
import { detectionTable, readGroundTruth } from "../../../lib/metrics/coco/reading.js";

/** Two squares far apart; the masks are the squares. */
const outline = (x: number, y: number, side: number) => [[x, y, x + side, y, x + side, y + side, x, y + side]];
const objectAt = (id: number, x: number): CocoAnnotation => ({
  id,
  image_id: 7,
  category_id: 3,
  bbox: [x, 10, 20, 20],
  area: 400,
  segmentation: outline(x, 10, 20),
});
const truth = (...annotations: CocoAnnotation[]): CocoGroundTruth => ({
  images: [{ id: 7, width: 200, height: 100 }],
  categories: [{ id: 3, name: "nut" }],
  annotations,
});
const foundAt = (x: number, score: number, side = 20): CocoResult => ({
  image_id: 7,
  category_id: 3,
  score,
  segmentation: outline(x, 10, side),
});

/** AP of masks, ignoring objects without one. */
function maskAp(groundTruth: CocoGroundTruth, results: readonly CocoResult[]): number {
  const [frame, table] = readGroundTruth(groundTruth, { type: "segm", withoutMask: "ignore" });
  const detections = detectionTable(results, frame, table);
  return evaluateTables({ groundTruth: table, detections, type: "segm" }).stats[0]!;
}

describe("masks evaluated where an object has none", () => {
  const { segmentation: _, ...maskless } = objectAt(2, 100);
  const whole = objectAt(1, 10);

  it("count detections there neither as right nor as wrong, and objects not found not as missed", () => {
    const both = truth(whole, maskless);
    expect(maskAp(both, [foundAt(10, 0.5)])).to.be.closeTo(1, 1e-12);
    expect(maskAp(both, [foundAt(100, 0.9), foundAt(10, 0.5)]), "one in the box").to.be.closeTo(1, 1e-12);
    expect(maskAp(both, [foundAt(105, 0.9, 8), foundAt(10, 0.5)]), "a part of it").to.be.closeTo(1, 1e-12);
    expect(maskAp(both, [foundAt(150, 0.9), foundAt(10, 0.5)]), "one elsewhere is wrong").to.be.closeTo(0.5, 1e-12);
    expect(maskAp(truth(maskless), [foundAt(100, 0.9)]), "nothing to judge").to.equal(-1);
  });

  it("treat an empty list as no mask, and change nothing if all have one", () => {
    const results = [foundAt(100, 0.9), foundAt(12, 0.5)];
    const empty = maskAp(truth(whole, { ...maskless, segmentation: [] }), results);
    expect(empty).to.equal(maskAp(truth(whole, maskless), results));
    const all = truth(whole, objectAt(2, 100));
    expect(maskAp(all, results)).to.equal(evaluateCoco({ groundTruth: all, results, type: "segm" }).stats[0]);
  });

  it("are refused by default, as in pycocotools", () => {
    const call = () => evaluateCoco({ groundTruth: truth(whole, maskless), results: [], type: "segm" });
    expect(call).to.throw(UserError, /^annotation 2 has no "segmentation"/);
  });
});

describe("objects annotated without a box", () => {
  const { bbox: _, ...boxless } = objectAt(1, 10);
  const results = [{ ...foundAt(11, 0.9), bbox: [11, 10, 20, 20] }, foundAt(60, 0.5)];

  it("get that of their mask, polygons or run lengths", () => {
    for (const type of ["bbox", "segm"] as const) {
      const given = evaluateCoco({ groundTruth: truth(objectAt(1, 10)), results, type }).stats;
      const counts = [10 * 100 + 10, ...Array.from({ length: 19 }, () => [20, 80]).flat(), 20, 169 * 100 + 170];
      const total = counts.reduce((a, b) => a + b, 0);
      const rle = { size: [100, 200], counts: [...counts.slice(0, -1), 20000 - (total - counts.at(-1)!)] };
      for (const annotation of [boxless, { ...boxless, bbox: undefined, segmentation: rle }]) {
        const file = truth(annotation as unknown as CocoAnnotation);
        expect(evaluateCoco({ groundTruth: file, results, type }).stats, type).to.deep.equal(given);
      }
    }
  });

  it("are refused if there is no mask either", () => {
    const { segmentation: _, ...nothing } = boxless;
    const file = truth(nothing as unknown as CocoAnnotation);
    expect(() => evaluateCoco({ groundTruth: file, results, type: "bbox" })).to.throw(
      UserError,
      /^annotation 1: "bbox"/,
    );
  });
});
