import { expect } from "chai";
import fc from "fast-check";
import { Random } from "../../lib/random.js";
import { sampleBalanced } from "../../lib/regions/sample.js";

const matchings = fc.array(fc.constantFrom(-2, -1, -1, 0, 3), { maxLength: 60 }).map((m) => Int32Array.from(m));
const settings = fc.record({ count: fc.nat({ max: 30 }), positiveFraction: fc.constantFrom(0, 0.25, 0.5, 1) });

describe("sampling", () => {
  it("takes as many of each kind as asked for and available, each once, positives first", () => {
    fc.assert(
      fc.property(matchings, settings, fc.nat(), (matched, options, seed) => {
        const { indices, positives } = sampleBalanced(matched, options, Random.of(seed));
        const havePositive = matched.filter((g) => g >= 0).length;
        const haveNegative = matched.filter((g) => g === -1).length;
        expect(positives).to.equal(Math.min(havePositive, Math.floor(options.count * options.positiveFraction)));
        expect(indices.length - positives).to.equal(Math.min(haveNegative, options.count - positives));
        expect(new Set(indices).size).to.equal(indices.length);
        for (const [k, i] of indices.entries()) {
          if (k < positives) expect(matched[i]).to.be.at.least(0);
          else expect(matched[i]).to.equal(-1);
        }
      }),
    );
  });

  it("is the same for the same seed and does not change its input", () => {
    fc.assert(
      fc.property(matchings, settings, fc.nat(), (matched, options, seed) => {
        const before = matched.slice();
        const once = sampleBalanced(matched, options, Random.of(seed));
        expect(sampleBalanced(matched, options, Random.of(seed))).to.deep.equal(once);
        expect(matched).to.deep.equal(before);
      }),
    );
  });

  it("draws every candidate equally often", () => {
    const matched = Int32Array.from({ length: 20 }, (_, i) => (i < 8 ? 0 : -1));
    const drawn = new Float64Array(20);
    const random = Random.of("uniform");
    for (let k = 0; k < 4000; k++) {
      for (const i of sampleBalanced(matched, { count: 8, positiveFraction: 0.25 }, random).indices) drawn[i]!++;
    }
    for (const [i, times] of drawn.entries()) expect(times / 4000).to.be.closeTo(i < 8 ? 2 / 8 : 6 / 12, 0.04);
  });

  it("limits the negatives by the positives if asked to", () => {
    const matched = Int32Array.from({ length: 50 }, (_, i) => (i < 3 ? i : -1));
    const options = { count: 40, positiveFraction: 0.5, negativesPerPositive: 4 };
    expect(sampleBalanced(matched, options, Random.of(1)).indices.length).to.equal(3 + 12);
    expect(sampleBalanced(matched.fill(-1), options, Random.of(1)).indices.length).to.equal(4);
  });
});
