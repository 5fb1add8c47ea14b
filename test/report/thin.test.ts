import { expect } from "chai";
import { thinned } from "../../lib/report/thin.js";

describe("thinning a curve", () => {
  it("leaves short curves unchanged and averages consecutive points of long ones", () => {
    const short = [
      [1, 2],
      [3, 4],
    ] as const;
    expect(thinned(short, 2)).to.equal(short);
    const long = Array.from({ length: 10 }, (_, i) => [i, i * i] as const);
    expect(thinned(long, 2)).to.deep.equal([
      [2, 6],
      [7, 51],
    ]);
    const odd = thinned(long, 3);
    expect(odd).to.have.length(3);
    expect(odd[0]).to.deep.equal([1, 5 / 3]);
  });

  it("leaves values that are not finite out of the means", () => {
    const points = [
      [0, Number.NaN],
      [1, 4],
      [2, Number.NaN],
      [3, Number.NaN],
    ] as const;
    expect(thinned(points, 2)).to.deep.equal([
      [0.5, 4],
      [2.5, Number.NaN],
    ]);
  });
});
