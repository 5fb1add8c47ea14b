import { expect } from "chai";
import { addInto, clipFactor, globalNorm } from "../../lib/training/gradients.js";

describe("gradients", () => {
  it("are measured and clipped by the global norm", () => {
    const reference = (values: Float32Array) => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0));
    for (const length of [0, 1, 3, 4, 9, 16_384, 40_003]) {
      const values = Float32Array.from({ length }, (_, i) => (i - 2) / 8);
      expect(globalNorm(values)).to.be.closeTo(reference(values), 1e-12 * length ** 2);
    }
    expect(globalNorm(Float32Array.of(1e30, 1e30))).to.be.closeTo(Math.SQRT2 * 1e30, 1e23);
    expect(globalNorm(Float32Array.of(1, Number.NaN))).to.satisfy(Number.isNaN);
    expect(clipFactor(0.5, 1)).to.equal(1);
    expect(clipFactor(4, 1)).to.equal(1 / (4 + 1e-6));
    expect(clipFactor(0, 1)).to.equal(1);
  });

  it("are added up", () => {
    const sum = Float32Array.of(1, 2);
    addInto(sum, Float32Array.of(0.5, -3));
    expect([...sum]).to.deep.equal([1.5, -1]);
    expect(() => addInto(sum, new Float32Array(3))).to.throw(RangeError);
  });
});
