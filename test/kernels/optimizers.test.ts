import { expect } from "chai";
import fc from "fast-check";
import { isFiniteThroughout } from "../../lib/kernels/optimizers.js";

describe("the search for NaN and infinities", () => {
  const largest = 3.4028234663852886e38;

  it("finds them wherever they are, and accepts everything else", () => {
    const length = fc.oneof(fc.integer({ min: 1, max: 70 }), fc.integer({ min: 65_530, max: 65_560 }));
    const stray = fc.constantFrom(Number.NaN, -Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY);
    fc.assert(
      fc.property(length, fc.nat(), stray, fc.double({ noNaN: true }), (n, at, value, offset) => {
        const values = Float32Array.from({ length: n + 1 }, (_, i) => [0, -0, largest, -largest, 1e-45, -3][i % 6]!);
        const view = values.subarray(offset > 0 ? 1 : 0);
        expect(isFiniteThroughout(view)).to.equal(true);
        view[at % view.length] = value;
        expect(isFiniteThroughout(view)).to.equal(false);
      }),
    );
  });

  it("accepts an empty array", () => {
    expect(isFiniteThroughout(new Float32Array(0))).to.equal(true);
  });
});
