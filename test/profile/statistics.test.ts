import { expect } from "chai";
import { effectiveCount, estimate, halfWidth, median } from "../../lib/profile/statistics.js";
import { Random } from "../../lib/random.js";

/** Numbers around 100 with this correlation between neighbours. */
function figures(random: Random, count: number, correlation: number): number[] {
  let x = random.normal();
  return Array.from({ length: count }, () => {
    x = correlation * x + Math.sqrt(1 - correlation ** 2) * random.normal();
    return 100 * Math.exp(0.1 * x);
  });
}

const TRIES = 1000;

/** The share of runs whose interval contains the true median, and of pairs of runs whose intervals overlap. */
function coverage(count: number, correlation: number): { readonly held: number; readonly met: number } {
  const random = Random.of("statistics", count, correlation * 100);
  let [held, met] = [0, 0];
  for (let i = 0; i < TRIES; i++) {
    const [a, b] = [0, 1].map(() => estimate(figures(random, count, correlation))) as [
      ReturnType<typeof estimate>,
      ReturnType<typeof estimate>,
    ];
    if (a.low <= 100 && 100 <= a.high) held++;
    if (a.low <= b.high && b.low <= a.high) met++;
  }
  return { held: held / TRIES, met: met / TRIES };
}

describe("profile/statistics", () => {
  it("takes the middle value, or the mean of the two middle ones", () => {
    expect(median([3, 1, 2])).to.equal(2);
    expect(median([4, 1, 3, 2])).to.equal(2.5);
    expect(median([])).to.be.NaN;
  });

  it("bounds the median by the order statistics of the sign test", () => {
    // Alternating values have no positive correlation. By the binomial distribution of 10 and ½: 1 − 2 · 11 / 1024.
    const found = estimate([1, 10, 2, 9, 3, 8, 4, 7, 5, 6]);
    expect(found).to.include({ median: 5.5, low: 2, high: 9, confidence: 0.95, rounds: 10 });
    expect(found.spread).to.be.closeTo((7.75 - 3.25) / 5.5, 1e-12);
    expect(halfWidth(found)).to.be.closeTo(3.5 / 5.5, 1e-12);
  });

  it("claims no more confidence than a few measurements give, and widens their range", () => {
    const found = estimate([10, 12, 11]);
    expect(found.confidence).to.equal(0.75); // 1 − 2 · 0.5³
    expect(found.high - 11).to.be.closeTo(Math.sqrt(6 / effectiveCount([10, 12, 11])), 1e-12);
    expect(estimate([10]).confidence).to.equal(0);
  });

  it("is as robust to outliers as order statistics", () => {
    const steady = [100, 101, 99, 100.5, 99.5, 100.2, 99.8, 100.1, 99.9, 100, 99.7, 100.3];
    const { low, high } = estimate([...steady.slice(0, 5), 1000, ...steady.slice(5)]);
    expect(low).to.be.above(99);
    expect(high).to.be.below(101);
  });

  it("counts drifting measurements as fewer", () => {
    const rising = Array.from({ length: 20 }, (_, i) => 100 + i);
    expect(effectiveCount(rising)).to.be.below(2);
    expect(halfWidth(estimate(rising))).to.be.above(0.1);
    const alternating = rising.map((value, i) => (i % 2 === 0 ? value : 219 - value));
    expect(effectiveCount(alternating)).to.equal(20);
  });

  for (const [count, correlation] of [
    [10, 0],
    [20, 0],
    [10, 0.5],
    [20, 0.5],
    [40, 0.8],
  ] as const) {
    it(`contains the median with ${count} measurements of correlation ${correlation}, and two runs agree 19 times out of 20`, () => {
      const { held, met } = coverage(count, correlation);
      expect(held).to.be.above(0.92);
      expect(met).to.be.above(0.95);
    });
  }

  it("is no wider than necessary for independent measurements", () => {
    const random = Random.of("widths");
    const widths = Array.from({ length: 200 }, () => halfWidth(estimate(figures(random, 40, 0))));
    expect(median(widths)).to.be.below(0.06); // the exact interval's is 0.04
  });
});
