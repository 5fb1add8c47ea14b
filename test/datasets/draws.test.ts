import { expect } from "chai";
import fc from "fast-check";
import { drawEpoch, repeatFactors } from "../../lib/datasets/loader/draws.js";
import { planEpoch } from "../../lib/datasets/loader/plan.js";
import { Random } from "../../lib/random.js";

const countsOf = (drawn: Iterable<number>, length: number): number[] => {
  const counts = new Array<number>(length).fill(0);
  for (const i of drawn) counts[i]!++;
  return counts;
};

describe("repeat-factor sampling", () => {
  it("has LVIS's factors", () => {
    // 100 images: all have class 0, four class 1, one class 2; class 3 has none.
    const labels = Array.from({ length: 100 }, (_, i) => [0, 0, ...(i < 4 ? [1] : []), ...(i === 4 ? [2] : [])]);
    const factors = repeatFactors(labels, 4, 0.09);
    expect(Array.from(factors.slice(0, 6))).to.deep.equal([1.5, 1.5, 1.5, 1.5, 3, 1]);
    expect(Array.from(repeatFactors([[], [0], [0, 1]], 2, 1))).to.deep.equal([1, Math.sqrt(1.5), Math.sqrt(3)]);
  });

  it("rounds each factor down or up, with the factor as mean, in epochs of one length", () => {
    const factors = Float64Array.of(1, 1.25, 2.5, 1, 3.75, 1.1);
    const group = [Int32Array.from(factors.keys())];
    const epochs = 4000;
    const sums = new Array<number>(6).fill(0);
    for (let epoch = 0; epoch < epochs; epoch++) {
      const [drawn] = drawEpoch(group, { repeatFactors: factors }, Random.of("epoch", epoch));
      expect(drawn).to.have.length(11); // 10.6 rounded up
      const counts = countsOf(drawn!, 6);
      // One more is drawn to fill the epoch.
      const above = counts.filter((count, i) => count > Math.ceil(factors[i]!)).length;
      expect(above).to.be.at.most(1);
      for (const [i, count] of counts.entries()) {
        expect(count).to.be.at.least(Math.floor(factors[i]!));
        sums[i]! += count;
      }
    }
    // The 0.4 images an epoch that fill it are anyone's: 0.4 / 6 each.
    for (const [i, sum] of sums.entries()) expect(sum / epochs, `${i}`).to.be.closeTo(factors[i]! + 0.4 / 6, 0.03);
  });

  it("draws each image once where every factor is 1", () => {
    const [drawn] = drawEpoch(
      [Int32Array.from({ length: 1000 }, (_, i) => i)],
      { repeatFactors: new Float64Array(1000).fill(1) },
      Random.of(3),
    );
    expect(countsOf(drawn!, 1000).every((count) => count === 1)).to.equal(true);
    expect(Array.from(drawn!)).to.not.deep.equal(Array.from({ length: 1000 }, (_, i) => i));
  });
});

describe("the share of images without objects", () => {
  it("is what was asked for, drawn evenly, in epochs of one length", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 60 }),
        fc.double({ min: 0, max: 0.9, noNaN: true }),
        fc.nat(1000),
        (others, empty, share, seed) => {
          const length = others + empty;
          const isBackground = Uint8Array.from({ length }, (_, i) => (i < others ? 0 : 1));
          const groups = [0, 1].map((g) => Int32Array.from({ length }, (_, i) => i).filter((i) => i % 2 === g));
          const parts = drawEpoch(groups, { background: { share, isBackground } }, Random.of(seed));
          const counts = countsOf(
            parts.flatMap((part) => Array.from(part)),
            length,
          );
          expect(counts.slice(0, others).every((count) => count === 1)).to.equal(true);
          const drawn = counts.slice(others).reduce((a, b) => a + b, 0);
          expect(drawn).to.equal(Math.round((others * share) / (1 - share)));
          // As evenly as its group allows.
          for (const [g, part] of parts.entries()) {
            expect(Array.from(part).every((i) => i % 2 === g)).to.equal(true);
            const own = counts.filter((_, i) => i >= others && i % 2 === g);
            if (own.length > 0) expect(Math.max(...own) - Math.min(...own)).to.be.at.most(1);
          }
          const again = drawEpoch(groups, { background: { share, isBackground } }, Random.of(seed + 1));
          expect(again.map(({ length }) => length)).to.deep.equal(parts.map(({ length }) => length));
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe("planning an epoch with draws", () => {
  const groups = Uint8Array.from({ length: 23 }, (_, i) => (i % 3 === 0 ? 1 : 0));
  const draws = {
    repeatFactors: Float64Array.from({ length: 23 }, (_, i) => (i < 5 ? 2.3 : 1)),
    background: { share: 0.25, isBackground: Uint8Array.from({ length: 23 }, (_, i) => (i > 17 ? 1 : 0)) },
  };
  const plan = { groups, batchSize: 4, shuffle: true, lastBatch: "fill" as const, seed: 7 };

  it("is a function of seed and epoch, with as many batches every epoch, of one group each", () => {
    const lengths = new Set<number>();
    for (let epoch = 0; epoch < 20; epoch++) {
      const batches = planEpoch({ ...plan, draws }, epoch);
      expect(batches).to.deep.equal(planEpoch({ ...plan, draws }, epoch));
      for (const batch of batches) expect(new Set(Array.from(batch, (i) => groups[i])).size).to.equal(1);
      lengths.add(batches.length);
    }
    expect(lengths.size).to.equal(1);
    expect(planEpoch({ ...plan, draws }, 1)).to.not.deep.equal(planEpoch({ ...plan, draws }, 2));
    expect(planEpoch({ ...plan, draws, shuffle: false }, 1)).to.deep.equal(planEpoch({ ...plan, shuffle: false }, 1));
  });
});
