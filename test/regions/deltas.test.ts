import { expect } from "chai";
import fc from "fast-check";
import { decodeDeltas, encodeDeltas, ROI_CODING, RPN_CODING } from "../../lib/regions/deltas.js";
import { goldens } from "../support/goldens.js";
import { flat, largestDifference, randomBoxes } from "./support.js";

type Four = [number, number, number, number];

interface Golden {
  readonly proposals: number[][];
  readonly gt: number[][];
  readonly deltas: number[][];
  readonly cases: {
    readonly op: string;
    readonly means: Four;
    readonly stds: Four;
    readonly max_shape_hw?: [number, number] | null;
    readonly deltas?: number[][];
    readonly out: number[][];
  }[];
}

describe("deltas", () => {
  for (const { place, open } of goldens("bbox_coder")) {
    it(`encode and decode like the reference: ${place}`, function () {
      const golden = open(this).json<Golden>("coder.json");
      const boxes = flat(golden.proposals);
      expect(golden.cases.length).to.equal(7);
      for (const { op, means, stds, max_shape_hw, deltas, out: expected } of golden.cases) {
        const out = new Float32Array(expected.flat().length);
        const coding = { means, stds };
        if (op === "bbox2delta") {
          encodeDeltas({ boxes, targets: flat(golden.gt), coding, out });
          expect(largestDifference(out, flat(expected)), op).to.be.below(1e-5);
        } else {
          const clip = max_shape_hw ? { clip: { height: max_shape_hw[0], width: max_shape_hw[1] } } : {};
          decodeDeltas({ boxes, deltas: flat(deltas ?? golden.deltas), coding, classes: deltas ? 3 : 1, ...clip, out });
          expect(largestDifference(out, flat(expected)), op).to.be.below(1e-3);
        }
      }
    });
  }

  it("decode encoded boxes, also in place", () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.integer({ min: 1, max: 20 }),
        fc.constantFrom(RPN_CODING, ROI_CODING),
        (seed, n, coding) => {
          const boxes = randomBoxes(seed, n);
          const targets = randomBoxes(seed + 1, n);
          const deltas = new Float32Array(4 * n);
          encodeDeltas({ boxes, targets, coding, out: deltas });
          decodeDeltas({ boxes, deltas, coding, out: deltas });
          expect(largestDifference(deltas, targets)).to.be.below(1e-3);
        },
      ),
    );
  });

  it("never decode to more than 62.5 times the size, nor outside the image", () => {
    const boxes = Float32Array.of(10, 10, 20, 30);
    const out = new Float32Array(4);
    decodeDeltas({ boxes, deltas: Float32Array.of(0, 0, 50, -50), coding: RPN_CODING, out });
    expect(out[2]! - out[0]!).to.be.closeTo(625, 1e-3);
    expect(out[3]! - out[1]!).to.be.closeTo(0.32, 1e-5);
    const clip = { height: 25, width: 40 };
    decodeDeltas({ boxes, deltas: Float32Array.of(-9, 0.2, 1, 1), coding: RPN_CODING, clip, out });
    expect(out[0]).to.equal(0);
    expect(out[2]).to.equal(0);
    expect(out[3]).to.equal(25);
  });
});
