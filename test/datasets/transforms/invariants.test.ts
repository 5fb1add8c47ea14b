import { expect } from "chai";
import fc from "fast-check";
import { applyTransforms, completeTransforms, type TransformInput } from "../../../lib/datasets/transforms/index.js";
import { flipSample } from "../../../lib/datasets/transforms/randomFlip.js";
import type { Sample } from "../../../lib/datasets/types.js";
import { Random } from "../../../lib/random.js";
import { coverOf, expectAligned, expectBoxesFollowMasks, markedSample } from "./marked.js";

const sizes = fc.integer({ min: 24, max: 70 });

/** Everything that moves pixels, with the allowed deviation of boxes from their masks. */
const MOVING: readonly (readonly [TransformInput, slack: number])[] = [
  [{ type: "resize", scale: [64, 48] }, 1],
  [{ type: "resize", scale: [31, 57], keepRatio: false }, 1],
  [{ type: "randomScale", scale: [60, 48], ratioRange: [0.5, 2] }, 1],
  [{ type: "randomResize", scales: [[40, 30], [80, 60]] }, 1], // biome-ignore format: one row each
  [{ type: "randomResize", scales: [[40, 30], [80, 60]], sampling: "range" }, 1], // biome-ignore format: one row each
  [{ type: "largeScaleJitter", width: 50, height: 40, ratioRange: [0.8, 2] }, 0],
  [{ type: "randomFlip", probability: 1 }, 0],
  [{ type: "randomFlip", probability: 1, direction: "vertical" }, 0],
  [{ type: "randomCrop", width: 20, height: 20 }, 0],
  [{ type: "minIouCrop" }, 0],
  [{ type: "pad", width: 80, height: 75 }, 0],
  [{ type: "copyPaste", minVisible: 0 }, 0],
  [{ type: "mosaic", width: 36, height: 40 }, 0],
  [{ type: "randomRotation", degrees: [-180, 180] }, 0],
  [{ type: "randomRotation", degrees: [-40, 40], expand: true }, 0],
  [{ type: "randomRotation", angles: [0, 90, 180, 270], expand: true }, 0],
  [{ type: "randomAffine" }, 0],
  [{ type: "randomAffine", scale: [0.3, 3], shear: [-30, 30], translate: 0.3 }, 0],
];

/** The part that is compared, for transforms where not everything must agree. */
const toCompare: Partial<Record<TransformInput["type"], (result: Sample) => Sample>> = {
  copyPaste: withLabelsOf, // it is for boxes and masks, a label map stays
  minIouCrop: withoutObjects,
};

describe("augmentation", () => {
  for (const [spec, slack] of MOVING) {
    it(`${JSON.stringify(spec)} keeps image, labels, masks and boxes together`, () => {
      let told = 0;
      fc.assert(
        fc.property(sizes, sizes, fc.nat({ max: 1000 }), (width, height, seed) => {
          const sample = markedSample(width, height, seed);
          const others = [1, 2, 3].map((i) => markedSample(70 - 10 * i, 40 + 5 * i, seed + i));
          const copied = structuredClone({ sample, others });
          const result = applyTransforms(sample, completeTransforms([spec]), Random.of(seed), new Map([[0, others]]));
          expect({ sample, others }).to.deep.equal(copied);
          expect(result.meta.originalWidth).to.equal(width);
          told += expectAligned(toCompare[spec.type]?.(result) ?? result);
          expectBoxesFollowMasks(result, slack);
        }),
        { numRuns: 25 },
      );
      expect(told).to.be.above(1000);
    });
  }

  it("flips are involutions, and two flips the other way about are the same", () => {
    fc.assert(
      fc.property(sizes, sizes, fc.nat({ max: 1000 }), (width, height, seed) => {
        const sample = markedSample(width, height, seed);
        for (const direction of ["horizontal", "vertical"] as const) {
          const once = flipSample(sample, direction);
          expect(once).not.to.deep.equal(sample);
          expect(flipSample(once, direction)).to.deep.equal(sample);
        }
        const oneWay = flipSample(flipSample(sample, "horizontal"), "vertical");
        expect(flipSample(flipSample(sample, "vertical"), "horizontal")).to.deep.equal(oneWay);
      }),
      { numRuns: 20 },
    );
  });

  it("a long pipeline stays aligned", () => {
    let told = 0;
    for (let seed = 0; seed < 20; seed++) {
      const others = [1, 2, 3].map((i) => markedSample(60, 44 + i, seed + i));
      const specs = completeTransforms([
        { type: "mosaic", width: 48, height: 48 },
        { type: "randomFlip", direction: "vertical" },
        { type: "minIouCrop" },
        { type: "randomScale", scale: [96, 96], ratioRange: [0.8, 1.2] },
        { type: "randomFlip" },
      ]);
      const result = applyTransforms(markedSample(64, 50, seed), specs, Random.of(seed), new Map([[0, others]]));
      told += expectAligned(withoutObjects(result), 3);
    }
    expect(told).to.be.above(5000);
  });
});

/** With the label map made from the masks, for transforms that do not touch the label map. */
function withLabelsOf(sample: Sample): Sample {
  const { width, height } = sample.image;
  return { ...sample, labelMap: { width, height, data: coverOf(sample.instances!, width, height) } };
}

/** Without the masks: a crop drops objects whose centre is outside, so their pixels are labelled but in no mask. */
function withoutObjects({ instances: _, ...rest }: Sample): Sample {
  return rest;
}
