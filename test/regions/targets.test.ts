import { expect } from "chai";
import fc from "fast-check";
import { maskRcnnSchema } from "../../lib/heads/maskRcnn.js";
import { roiTargetOptions, rpnTargetOptions } from "../../lib/models/maskRcnn/targets.js";
import { Random } from "../../lib/random.js";
import { makeAnchors, validAnchors } from "../../lib/regions/anchors.js";
import { assignByIou } from "../../lib/regions/assign.js";
import { gatherBoxes } from "../../lib/regions/boxes.js";
import { decodeDeltas, ROI_CODING, RPN_CODING } from "../../lib/regions/deltas.js";
import { roiTargets } from "../../lib/regions/roiTargets.js";
import { rpnTargets } from "../../lib/regions/rpnTargets.js";
import { goldens } from "../support/goldens.js";
import { box, flat, iouOf, largestDifference, randomBoxes } from "./support.js";

/** The defaults: 256 anchors, half of them positive; 512 RoIs, a quarter of them. */
const HEAD = maskRcnnSchema().parse({ type: "maskRcnn" });
const RPN_TARGETS = rpnTargetOptions(HEAD);
const ROI_TARGETS = roiTargetOptions(HEAD);
const ANCHORS = { scales: [HEAD.rpn.anchorScale], ratios: HEAD.rpn.anchorRatios };
const EVERYTHING = { count: 1e6, positiveFraction: 0.5 };

function bestIou(boxes: Float32Array, i: number, truth: Float32Array): number {
  return Math.max(0, ...Array.from({ length: truth.length / 4 }, (_, t) => iouOf(box(boxes, i), box(truth, t))));
}

describe("targets of the region proposal head", () => {
  const anchors = makeAnchors({ height: 128, width: 160, strides: [4, 8, 16, 32, 64], ...ANCHORS });

  it("decode to the assigned boxes, from valid anchors only, in the given number", () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 6 }), (seed, m) => {
        const boxes = randomBoxes(seed, m, 80, 60);
        const image = { boxes, crowd: new Uint8Array(m), height: 100, width: 140 };
        const { indices, positives, deltas } = rpnTargets(anchors, image, Random.of(seed), RPN_TARGETS);
        const valid = validAnchors(anchors, image);
        const { matched } = assignByIou(anchors.boxes, boxes, { ...RPN_TARGETS.assign, valid });
        expect(indices.length).to.equal(256);
        expect(positives).to.equal(Math.min(128, matched.filter((g) => g >= 0).length));
        for (const i of indices) expect(valid[i]).to.equal(1);
        for (const i of indices.subarray(positives)) expect(bestIou(anchors.boxes, i, boxes)).to.be.below(0.3);
        const chosen = indices.slice(0, positives);
        decodeDeltas({ boxes: gatherBoxes(anchors.boxes, chosen), deltas, coding: RPN_CODING, out: deltas });
        const own = gatherBoxes(
          boxes,
          chosen.map((i) => matched[i]!),
        );
        expect(largestDifference(deltas, own)).to.be.below(1e-3);
      }),
      { numRuns: 40 },
    );
  });

  it("are only background without objects or with crowd regions only", () => {
    const image = { boxes: Float32Array.of(0, 0, 60, 60), crowd: Uint8Array.of(1), height: 128, width: 160 };
    const { indices, positives, deltas } = rpnTargets(anchors, image, Random.of(1), RPN_TARGETS);
    expect([indices.length, positives, deltas.length]).to.deep.equal([256, 0, 0]);
  });

  it("ignore anchors in crowd regions if asked to", () => {
    const image = { boxes: Float32Array.of(0, 0, 80, 128), crowd: Uint8Array.of(1), height: 128, width: 160 };
    const { indices } = rpnTargets(anchors, image, Random.of(1), {
      assign: { ...RPN_TARGETS.assign, ignoreIof: 0.5 },
      sample: EVERYTHING,
    });
    const centreOf = (i: number) => (anchors.boxes[4 * i]! + anchors.boxes[4 * i + 2]!) / 2;
    const small = [...indices].filter((i) => i < anchors.levels[1]!.offset); // far smaller than the region
    expect(small.length).to.be.above(0);
    for (const i of small) expect(centreOf(i) < 64 && centreOf(i) > 16 && onRows(i), `anchor ${i}`).to.equal(false);
    function onRows(i: number): boolean {
      return anchors.boxes[4 * i + 1]! >= 0 && anchors.boxes[4 * i + 3]! <= 128;
    }
  });

  for (const { place, open } of goldens("maskrcnn_train")) {
    it(`have positives on the levels with a non-zero box loss in the reference: ${place}`, function () {
      const golden = open(this).json<{
        gt_boxes: number[][][];
        input: { shape: number[] };
        losses: { loss_rpn_bbox: number[] };
      }>("meta.json");
      const [height, width] = golden.input.shape.slice(2) as [number, number];
      const all = makeAnchors({ height, width, strides: [4, 8, 16, 32, 64], ...ANCHORS });
      const perLevel = new Int32Array(5);
      for (const rows of golden.gt_boxes) {
        const image = { boxes: flat(rows), crowd: new Uint8Array(rows.length), height, width };
        const options = { assign: RPN_TARGETS.assign, sample: EVERYTHING };
        const { indices, positives } = rpnTargets(all, image, Random.of(1), options);
        for (const i of indices.subarray(0, positives)) perLevel[all.levels.findLastIndex((l) => l.offset <= i)]!++;
      }
      expect(Array.from(perLevel, (n) => n > 0)).to.deep.equal(golden.losses.loss_rpn_bbox.map((loss) => loss > 0));
    });
  }
});

describe("targets of the RoI heads", () => {
  it("put true boxes first, encode positives relative to their own box and mark the rest as background", () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 6 }), fc.nat({ max: 300 }), (seed, m, n) => {
        const boxes = randomBoxes(seed, m);
        const proposals = randomBoxes(seed + 1, n);
        const labels = Int32Array.from({ length: m }, (_, t) => (t * 5) % 7);
        const image = { boxes, labels, crowd: new Uint8Array(m) };
        const targets = roiTargets(proposals, image, 7, Random.of(seed), { ...ROI_TARGETS, sample: EVERYTHING });
        const { rois, positives, matched, deltas } = targets;
        expect(rois.length).to.equal(4 * (m + n));
        expect([...rois.subarray(0, 4 * m)]).to.deep.equal([...boxes]);
        expect([...matched.subarray(0, m).keys()]).to.deep.equal([...matched.subarray(0, m)]);
        for (let i = 0; i < m + n; i++) {
          if (i < positives) expect(targets.labels[i]).to.equal(labels[matched[i]!]);
          else expect(targets.labels[i]).to.equal(7);
          expect(bestIou(rois, i, boxes) >= 0.5).to.equal(i < positives);
          if (i < positives) expect(iouOf(box(rois, i), box(boxes, matched[i]!))).to.be.at.least(0.5);
        }
        decodeDeltas({ boxes: rois.slice(0, 4 * positives), deltas, coding: ROI_CODING, out: deltas });
        expect(largestDifference(deltas, gatherBoxes(boxes, matched))).to.be.below(1e-3);
      }),
      { numRuns: 50 },
    );
  });

  it("sample a quarter of positives, the same for the same seed", () => {
    const boxes = randomBoxes(1, 4, 60, 60);
    const proposals = new Float32Array(4 * 2000);
    proposals.set(boxes);
    for (let i = 1; i < 100; i++) proposals.set(boxes, 16 * i); // many positives
    proposals.set(randomBoxes(2, 1600, 200, 5), 16 * 100);
    const image = { boxes, labels: new Int32Array(4), crowd: new Uint8Array(4) };
    const one = roiTargets(proposals, image, 3, Random.of(9), ROI_TARGETS);
    expect([one.labels.length, one.positives]).to.deep.equal([512, 128]);
    expect(roiTargets(proposals, image, 3, Random.of(9), ROI_TARGETS)).to.deep.equal(one);
    expect(roiTargets(proposals, image, 3, Random.of(10), ROI_TARGETS).rois).to.not.deep.equal(one.rois);
  });

  it("leave out crowd regions and true boxes without area, keeping the image's indices", () => {
    const boxes = Float32Array.of(0, 0, 50, 50, 10, 10, 10, 30, 60, 60, 90, 90);
    const image = { boxes, labels: Int32Array.of(2, 1, 0), crowd: Uint8Array.of(1, 0, 0) };
    const targets = roiTargets(Float32Array.of(0, 0, 50, 50, 61, 61, 90, 90), image, 3, Random.of(1), ROI_TARGETS);
    expect([...targets.matched]).to.deep.equal([2, 2]);
    expect([...targets.labels]).to.deep.equal([0, 0, 3]);
    expect(targets.deltas.every(Number.isFinite)).to.equal(true);
  });

  it("are only background for an image without objects", () => {
    const image = { boxes: new Float32Array(0), labels: new Int32Array(0), crowd: new Uint8Array(0) };
    const { labels, positives } = roiTargets(randomBoxes(1, 30), image, 3, Random.of(1), ROI_TARGETS);
    expect(positives).to.equal(0);
    expect([...labels]).to.deep.equal(new Array(30).fill(3));
  });

  for (const { place, open } of goldens("maskrcnn_train")) {
    it(`take as many RoIs as the reference's whole step: ${place}`, function () {
      const { json, array } = open(this);
      const golden = json<{ gt_boxes: number[][][]; gt_labels: number[][]; losses: { acc: number } }>("meta.json");
      let total = 0;
      golden.gt_boxes.forEach((rows, p) => {
        const stored = Array.from(array(`proposals${p}.npy`).data);
        const proposals = Float32Array.from(stored.filter((_, k) => k % 5 < 4));
        const image = {
          boxes: flat(rows),
          labels: Int32Array.from(golden.gt_labels[p]!),
          crowd: new Uint8Array(rows.length),
        };
        const options = { ...ROI_TARGETS, sample: EVERYTHING };
        const { labels } = roiTargets(proposals, image, 3, Random.of(1), options);
        expect(labels.length).to.equal(rows.length + proposals.length / 4);
        total += labels.length;
      });
      const right = (golden.losses.acc / 100) * total; // the accuracy is a whole number of them
      expect(right).to.be.closeTo(Math.round(right), 1e-3);
    });
  }
});
