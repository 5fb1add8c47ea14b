import { expect } from "chai";
import fc from "fast-check";
import { type Anchors, makeAnchors } from "../../lib/regions/anchors.js";
import { decodeDeltas, RPN_CODING } from "../../lib/regions/deltas.js";
import {
  type LevelPrediction,
  type ProposalOptions,
  type Proposals,
  rpnProposals,
} from "../../lib/regions/proposals.js";
import { inShared, inTree, withRecordings } from "../support/goldens.js";
import { box, iouOf, largestDifference, randomFloats } from "./support.js";

/** As in Faster R-CNN on a feature pyramid. */
const SHAPES = { scales: [8], ratios: [0.5, 1, 2] };
const LIMITS = { iouThreshold: 0.7, minSize: 0 };

/** One candidate after the other, by the definition. */
function naiveProposals(predictions: LevelPrediction[], anchors: Anchors, options: ProposalOptions): Proposals {
  const survivors: { box: [number, number, number, number]; logit: number }[] = [];
  anchors.levels.forEach((level, l) => {
    const cells = level.height * level.width;
    const candidates = Array.from({ length: cells * anchors.perCell }, (_, flat) => {
      const a = flat % anchors.perCell;
      const cell = Math.floor(flat / anchors.perCell);
      const deltas = Float32Array.from([0, 1, 2, 3], (j) => predictions[l]!.deltas[(4 * a + j) * cells + cell]!);
      const boxes = Float32Array.from(box(anchors.boxes, level.offset + flat));
      decodeDeltas({ boxes, deltas, coding: RPN_CODING, clip: options, out: deltas });
      return { box: box(deltas, 0), logit: predictions[l]!.logits[a * cells + cell]! };
    });
    const best = candidates
      .sort((a, b) => b.logit - a.logit)
      .slice(0, options.perLevel)
      .filter(({ box: [left, top, right, bottom] }) => right > left && bottom > top);
    const kept: typeof best = [];
    for (const one of best) {
      if (!kept.some((other) => iouOf(other.box, one.box) > (options.iouThreshold ?? 0.7))) kept.push(one);
    }
    survivors.push(...kept);
  });
  const final = survivors.sort((a, b) => b.logit - a.logit).slice(0, options.perImage);
  return {
    boxes: Float32Array.from(final.flatMap((one) => one.box)),
    scores: Float32Array.from(final, (one) => 1 / (1 + Math.exp(-one.logit))),
  };
}

function randomPredictions(seed: number, anchors: Anchors, spread: number): LevelPrediction[] {
  return anchors.levels.map(({ height, width }, l) => ({
    logits: randomFloats(seed + l, anchors.perCell * height * width, -4, 4),
    deltas: randomFloats(seed + 100 + l, anchors.perCell * height * width * 4, -spread, spread),
  }));
}

describe("region proposals", () => {
  it("follow the definition", () => {
    const sizes = fc.constantFrom(32, 64, 96);
    const counts = fc.constantFrom(10, 100, 1000);
    const spreads = fc.constantFrom(0.1, 3);
    fc.assert(
      fc.property(
        fc.nat(),
        sizes,
        sizes,
        counts,
        counts,
        spreads,
        (seed, height, width, perLevel, perImage, spread) => {
          const anchors = makeAnchors({ height, width, strides: [4, 8, 16, 32, 64], ...SHAPES });
          const predictions = randomPredictions(seed, anchors, spread);
          const options = { height: height - 9, width: width - 5, perLevel, perImage, ...LIMITS };
          const found = rpnProposals(predictions, anchors, options);
          const expected = naiveProposals(predictions, anchors, options);
          expect(largestDifference(found.boxes, expected.boxes)).to.equal(0);
          expect(largestDifference(found.scores, expected.scores)).to.equal(0);
        },
      ),
      { numRuns: 30 },
    );
  });

  it("drop boxes outside the image", () => {
    const anchors = makeAnchors({ height: 64, width: 64, strides: [8], ...SHAPES });
    const cells = 64;
    const deltas = new Float32Array(12 * cells);
    deltas.fill(100, 0, cells); // dx of the first anchor of each cell: far to the right
    const logits = randomFloats(1, 3 * cells);
    const { boxes } = rpnProposals([{ logits, deltas }], anchors, {
      height: 64,
      width: 64,
      perLevel: 1000,
      perImage: 1000,
      iouThreshold: 1,
      minSize: 0,
    });
    expect(boxes.length).to.equal(4 * 2 * cells);
  });

  for (const { place, open } of withRecordings([inTree("rpn")], [inShared("maskrcnn_e2e")])) {
    it(`equal the reference's on the levels with complete stored predictions: ${place}`, function () {
      const { json, array } = open(this);
      const { img_shape_hw, pad_shape_hw } = json<Record<string, [number, number]>>("meta.json");
      const read = (name: string) => Float32Array.from(array(`${name}.npy`).data);
      const anchors = makeAnchors({
        height: pad_shape_hw![0],
        width: pad_shape_hw![1],
        strides: [16, 32, 64],
        ...SHAPES,
      });
      const predictions = [2, 3, 4].map((l) => ({ logits: read(`rpn_cls${l}`), deltas: read(`rpn_reg${l}`) }));
      const [height, width] = img_shape_hw!;
      const found = rpnProposals(predictions, anchors, { height, width, perLevel: 1000, perImage: 1000, ...LIMITS });

      const stored = read("proposals"); // [n, 5], the best of these levels or of all
      const lowest = stored.at(-1)!;
      let compared = 0;
      for (let i = 0; i < found.scores.length && found.scores[i]! > lowest + 1e-4; i++, compared++) {
        const wanted = [...box(found.boxes, i), found.scores[i]!];
        const near = Array.from({ length: stored.length / 5 }, (_, p) =>
          largestDifference(stored.subarray(5 * p, 5 * p + 5), wanted),
        );
        expect(Math.min(...near), `proposal ${i}`).to.be.below(1e-3);
      }
      expect(compared).to.be.above(40);
    });
  }
});
