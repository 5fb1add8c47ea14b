import { expect } from "chai";
import fc from "fast-check";
import { type AssignOptions, assignByIou, IGNORED, NEGATIVE } from "../../lib/regions/assign.js";
import { overlaps } from "../../lib/regions/iou.js";
import { goldens, inShared, inTree, withRecordings } from "../support/goldens.js";
import { box, flat, largestDifference, naiveIou, randomBoxes } from "./support.js";

interface Golden {
  readonly boxes: number[][];
  readonly gt: number[][];
  readonly cases: {
    readonly name: string;
    readonly pos_iou_thr: number;
    readonly neg_iou_thr: number;
    readonly min_pos_iou: number;
    readonly match_low_quality: boolean;
    readonly gt_inds: number[];
    readonly max_overlaps: number[];
  }[];
}

/** The definition on the whole matrix of overlaps, box by box. */
function naiveAssign(boxes: Float32Array, truth: Float32Array, options: AssignOptions): number[] {
  const n = boxes.length / 4;
  const m = truth.length / 4;
  const iou = overlaps(boxes, truth);
  const at = (i: number, t: number) => iou[i * m + t]!;
  const all = Array.from({ length: m }, (_, t) => t);
  const matched = Array.from({ length: n }, (_, i) => {
    const most = Math.max(0, ...all.map((t) => at(i, t)));
    if (m > 0 && most >= options.positiveIou) return all.findIndex((t) => at(i, t) === most);
    return most < options.negativeIou ? NEGATIVE : IGNORED;
  });
  for (const t of options.matchLowQuality === false ? [] : all) {
    const column = matched.map((_, i) => at(i, t));
    const most = Math.max(...column);
    if (most === 0 || most < (options.minPositiveIou ?? 0)) continue;
    const ties = column.flatMap((value, i) => (value === most ? [i] : []));
    for (const i of options.assignAllTies === false ? ties.slice(0, 1) : ties) matched[i] = t;
  }
  return matched;
}

describe("overlaps and assignment", () => {
  for (const [{ place, open }, size] of withRecordings([[inTree("iou"), ""]], [[inShared("bbox_coder"), "_20x16"]])) {
    it(`have the reference's overlaps, over the union and over the first box: ${place}`, function () {
      const golden = open(this).json<Record<string, number[][]>>("coder.json");
      const [iou, iof] = [golden[`iou${size}`]!, golden[`iof${size}`]!];
      const a = flat(golden.proposals!.slice(0, iou.length));
      const b = flat(golden.gt!.slice(0, iou[0]!.length));
      expect(largestDifference(overlaps(a, b), flat(iou))).to.be.below(1e-5);
      expect(largestDifference(overlaps(a, b, "iof"), flat(iof))).to.be.below(1e-5);
    });
  }

  it("have the defined overlaps, in any order, and 0 for boxes without area", () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 12 }), (seed, n, m) => {
        const a = randomBoxes(seed, n);
        const b = randomBoxes(seed + 1, m);
        const there = overlaps(a, b);
        const back = overlaps(b, a);
        for (let i = 0; i < n; i++) {
          for (let j = 0; j < m; j++) {
            expect(there[i * m + j]).to.be.closeTo(naiveIou(box(a, i), box(b, j)), 1e-6);
            expect(there[i * m + j]).to.equal(back[j * n + i]);
          }
        }
      }),
    );
    const point = Float32Array.of(5, 5, 5, 5);
    expect([...overlaps(point, point), ...overlaps(point, point, "iof")]).to.deep.equal([0, 0]);
  });

  for (const { place, open } of goldens("bbox_coder")) {
    it(`assign like the reference: ${place}`, function () {
      const golden = open(this).json<Golden>("assigner.json");
      for (const wanted of golden.cases) {
        const { matched, bestIou } = assignByIou(flat(golden.boxes), flat(golden.gt), {
          positiveIou: wanted.pos_iou_thr,
          negativeIou: wanted.neg_iou_thr,
          minPositiveIou: wanted.min_pos_iou,
          matchLowQuality: wanted.match_low_quality,
        });
        const inReferenceCode = Array.from(matched, (g) => (g === IGNORED ? -1 : g + 1));
        expect(inReferenceCode, wanted.name).to.deep.equal(wanted.gt_inds);
        expect(largestDifference(bestIou, wanted.max_overlaps), wanted.name).to.be.below(1e-6);
      }
    });
  }

  it("assign as defined, including ties", () => {
    const options = fc.record({
      positiveIou: fc.constantFrom(0.5, 0.7, 1 / 3),
      negativeIou: fc.constantFrom(0.3, 1 / 3),
      minPositiveIou: fc.constantFrom(0, 0.2, 0.5),
      matchLowQuality: fc.boolean(),
      assignAllTies: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.nat(), fc.nat({ max: 40 }), fc.nat({ max: 8 }), options, (seed, n, m, chosen) => {
        const boxes = randomBoxes(seed, n, 40, 20, 5);
        const truth = randomBoxes(seed + 1, m, 40, 20, 5);
        expect([...assignByIou(boxes, truth, chosen).matched]).to.deep.equal(naiveAssign(boxes, truth, chosen));
      }),
    );
  });

  it("make everything background if there are no objects", () => {
    const options = { positiveIou: 0.5, negativeIou: 0.5 };
    expect([...assignByIou(randomBoxes(1, 3), new Float32Array(0), options).matched]).to.deep.equal([-1, -1, -1]);
  });

  it("leave out invalid boxes and those in crowd regions, also for the best overlap", () => {
    const boxes = Float32Array.of(0, 0, 10, 10, 0, 0, 10, 9, 0, 0, 10, 8, 50, 50, 60, 60, 51, 51, 53, 53);
    const truth = Float32Array.of(0, 0, 10, 10);
    const result = assignByIou(boxes, truth, {
      positiveIou: 0.95,
      negativeIou: 0.3,
      minPositiveIou: 0.3,
      valid: Uint8Array.of(0, 1, 1, 1, 1),
      crowd: Float32Array.of(50, 50, 55, 55),
      ignoreIof: 0.5,
    });
    expect([...result.matched]).to.deep.equal([IGNORED, 0, IGNORED, NEGATIVE, IGNORED]);
    expect(result.bestIou[0]).to.equal(-1);
    expect(result.bestIou[4]).to.equal(-1);
  });
});
