import { expect } from "chai";
import fc from "fast-check";
import { groupedNms, nms } from "../../lib/regions/nms.js";
import { goldens } from "../support/goldens.js";
import { box, flat, iouOf, randomBoxes, randomFloats } from "./support.js";

interface Case {
  readonly name: string;
  readonly boxes: number[][];
  readonly scores: number[];
  readonly idxs?: number[];
  readonly iou_threshold: number;
  readonly keep: number[];
}

interface MulticlassCase {
  readonly boxes: number[][];
  readonly scores: number[][];
  readonly score_thr: number;
  readonly iou_threshold: number;
  readonly max_num: number;
  readonly dets: number[][];
  readonly labels: number[];
  readonly flat_inds: number[];
}

/** A RoI has a box for every class, or one for all. */
function boxOf({ boxes }: MulticlassCase, roi: number, label: number): number[] {
  const row = boxes[roi]!;
  return row.length === 4 ? row : row.slice(4 * label, 4 * label + 4);
}

/** By the definition: remove whatever a better survivor of the same group overlaps too much. */
function naiveNms(boxes: Float32Array, scores: Float32Array, groups: Int32Array, threshold: number): number[] {
  const order = Array.from(scores.keys()).sort((a, b) => scores[b]! - scores[a]! || a - b);
  const kept: number[] = [];
  for (const i of order) {
    const hidden = kept.some((k) => groups[k] === groups[i] && iouOf(box(boxes, k), box(boxes, i)) > threshold);
    if (!hidden) kept.push(i);
  }
  return kept;
}

describe("non-maximum suppression", () => {
  for (const { place, open } of goldens("nms")) {
    it(`keeps the same boxes as the reference, in its order: ${place}`, function () {
      const { cases } = open(this).json<{ cases: Case[] }>("nms.json");
      expect(cases.length).to.be.at.least(10);
      for (const { name, boxes, scores, idxs, iou_threshold, keep } of cases) {
        const input = { boxes: flat(boxes), scores: Float32Array.from(scores), iouThreshold: iou_threshold };
        const kept = idxs ? groupedNms({ ...input, groups: Int32Array.from(idxs) }) : nms(input);
        expect([...kept], name).to.deep.equal(keep);
      }
    });

    it(`detects class by class like the reference: ${place}`, function () {
      const { cases } = open(this).json<{ cases: MulticlassCase[] }>("multiclass.json");
      expect(cases.length).to.be.at.least(2);
      for (const golden of cases) {
        const classes = golden.scores[0]!.length - 1; // and the background, last
        const candidates = golden.scores
          .flatMap((row, roi) => row.slice(0, classes).map((score, label) => ({ roi, label, score })))
          .filter(({ score }) => Math.fround(score) > golden.score_thr);
        const kept = groupedNms({
          boxes: flat(candidates.map(({ roi, label }) => boxOf(golden, roi, label))),
          scores: Float32Array.from(candidates, ({ score }) => score),
          groups: Int32Array.from(candidates, ({ label }) => label),
          iouThreshold: golden.iou_threshold,
          maxKept: golden.max_num,
        });
        const found = [...kept].map((i) => candidates[i]!);
        expect(found.map(({ label }) => label)).to.deep.equal(golden.labels);
        expect(found.map(({ roi, label }) => roi * classes + label)).to.deep.equal(golden.flat_inds);
        const detections = found.map(({ roi, label, score }) => [...boxOf(golden, roi, label), score]);
        expect([...flat(detections)]).to.deep.equal([...flat(golden.dets)]);
      }
    });
  }

  it("keeps the boxes of the definition, with and without a limit", () => {
    const arbitrary = [fc.nat(), fc.nat({ max: 60 }), fc.constantFrom(0.3, 0.5, 0.7), fc.nat({ max: 20 })] as const;
    fc.assert(
      fc.property(...arbitrary, (seed, n, iouThreshold, maxKept) => {
        const boxes = randomBoxes(seed, n, 60, 40, 1e-3);
        const scores = randomFloats(seed, n).map((score) => Math.round(score * 8));
        const groups = Int32Array.from({ length: n }, (_, i) => (i * 7) % 3);
        const expected = naiveNms(boxes, scores, groups, iouThreshold);
        expect([...groupedNms({ boxes, scores, groups, iouThreshold })]).to.deep.equal(expected);
        const bounded = groupedNms({ boxes, scores, groups, iouThreshold, maxKept });
        expect([...bounded]).to.deep.equal(expected.slice(0, maxKept));
        const alone = naiveNms(boxes, scores, groups.fill(0), iouThreshold).slice(0, maxKept);
        expect([...nms({ boxes, scores, iouThreshold, maxKept })]).to.deep.equal(alone);
      }),
    );
  });
});
