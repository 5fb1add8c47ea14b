import { expect } from "chai";
import { followLoss, isGrowing, NO_TREND, type Trend } from "../../lib/runs/trend.js";

describe("the trend of a loss", () => {
  const follow = (losses: readonly number[], from = NO_TREND): Trend[] => {
    let trend = from;
    return losses.map((loss) => {
      trend = followLoss(trend, loss);
      return trend;
    });
  };
  const falling = Array.from({ length: 60 }, (_, i) => 3 * 0.97 ** i);

  it("is the mean of the first twenty, then a running mean", () => {
    const trends = follow(falling);
    const mean = (values: number[]) => values.reduce((a, b) => a + b) / values.length;
    expect(trends[9]?.mean).to.be.closeTo(mean(falling.slice(0, 10)), 1e-12);
    expect(trends[19]?.mean).to.be.closeTo(mean(falling.slice(0, 20)), 1e-12);
    expect(trends[20]?.mean).to.be.closeTo((19 * trends[19]!.mean + falling[20]!) / 20, 1e-12);
    expect(trends[18]).to.not.have.property("lowest");
    expect(trends[59]?.lowest).to.equal(trends[59]?.mean);
  });

  it("grows when the mean is twice its lowest, at once or slowly", () => {
    const before = follow(falling).at(-1)!;
    expect(isGrowing(before)).to.equal(false);
    expect(isGrowing(followLoss(before, 1e6)), "a jump").to.equal(true);
    expect(isGrowing(followLoss(before, 3 * before.mean)), "one bad batch").to.equal(false);
    const creeping = follow(
      Array.from({ length: 200 }, (_, i) => 0.6 * 1.02 ** i),
      before,
    );
    const first = creeping.findIndex(isGrowing);
    const lowest = creeping[first]!.lowest!;
    expect(creeping[first]?.mean).to.be.within(2 * lowest + 0.1, 2.2 * lowest + 0.1);
    const back = follow(
      Array.from({ length: 100 }, () => 0.6),
      creeping.at(-1),
    );
    expect(isGrowing(back.at(-1)!), "it came down again").to.equal(false);
  });

  it("ignores small losses and the first steps", () => {
    expect(follow([0.001, ...Array.from({ length: 60 }, () => 0.05)]).some(isGrowing)).to.equal(false);
    expect(follow([0, ...Array.from({ length: 18 }, () => 5)]).some(isGrowing)).to.equal(false);
  });

  it("continues unchanged after saving and loading", () => {
    const whole = follow(falling).at(-1);
    const half: Trend = JSON.parse(JSON.stringify(follow(falling.slice(0, 25)).at(-1)));
    expect(follow(falling.slice(25), half).at(-1)).to.deep.equal(whole);
  });
});
