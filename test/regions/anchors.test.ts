import { expect } from "chai";
import { baseAnchors, makeAnchors, validAnchors } from "../../lib/regions/anchors.js";
import { goldens } from "../support/goldens.js";
import { flat, largestDifference } from "./support.js";

interface Golden {
  readonly strides: number[];
  readonly image: [number, number];
  readonly sizes_hw: [number, number][];
  readonly base_anchors: number[][][];
  readonly valid_for_image: [number, number];
  readonly valid_count: number[];
  readonly other_base: { readonly scales_2_ratios_3: number[][][]; readonly center_offset_half: number[][][] };
}

/** As in RetinaNet's paper and MMDetection. */
const SHAPES = { scales: [8], ratios: [0.5, 1, 2] };

describe("anchors", () => {
  for (const { place, open } of goldens("anchors")) {
    it(`equal the reference's on every level, and so do the valid ones: ${place}`, function () {
      const { json, array } = open(this);
      const golden = json<Golden>("anchors.json");
      const [height, width] = golden.image;
      const anchors = makeAnchors({ height, width, strides: golden.strides, ...SHAPES });
      const [validHeight, validWidth] = golden.valid_for_image;
      const valid = validAnchors(anchors, { height: validHeight, width: validWidth });
      anchors.levels.forEach((level, i) => {
        expect([level.height, level.width]).to.deep.equal(golden.sizes_hw[i]);
        const count = level.height * level.width * anchors.perCell;
        const boxes = anchors.boxes.subarray(4 * level.offset, 4 * (level.offset + count));
        const stored = array(`level${i}.npy`);
        expect(largestDifference(stored.of(boxes), stored.expected)).to.be.below(1e-4);
        const flags = valid.subarray(level.offset, level.offset + count);
        expect(flags.reduce((a, b) => a + b)).to.equal(golden.valid_count[i]);
      });
    });

    it(`have the reference's shapes for other scales, ratios and centres: ${place}`, function () {
      const { base_anchors, strides, other_base } = open(this).json<Golden>("anchors.json");
      strides.forEach((stride, i) => {
        expect(largestDifference(baseAnchors(stride, SHAPES), flat(base_anchors[i]!))).to.be.below(1e-4);
      });
      const two = baseAnchors(4, { ...SHAPES, scales: [8, 16] });
      expect(largestDifference(two, flat(other_base.scales_2_ratios_3[0]!))).to.be.below(1e-4);
      const half = baseAnchors(8, { scales: [8], ratios: [1], centreOffset: 0.5 });
      expect(largestDifference(half, flat(other_base.center_offset_half[0]!))).to.be.below(1e-4);
    });
  }

  it("are valid exactly if their cell begins inside the image", () => {
    const anchors = makeAnchors({ height: 64, width: 96, strides: [16, 32], scales: [8], ratios: [1] });
    const valid = validAnchors(anchors, { height: 33, width: 64 });
    const expected = [16, 32].flatMap((stride) =>
      Array.from({ length: 64 / stride }, (_, y) =>
        Array.from({ length: 96 / stride }, (_, x) => Number(y * stride < 33 && x * stride < 64)),
      ).flat(),
    );
    expect([...valid]).to.deep.equal(expected);
  });
});
