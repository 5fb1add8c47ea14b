import { expect } from "chai";
import fc from "fast-check";
import { sortDescending, topK } from "../../lib/regions/topk.js";
import { randomFloats } from "./support.js";

function naive(values: Float32Array, k: number): number[] {
  const rank = (i: number) => (Number.isNaN(values[i]!) ? Number.NEGATIVE_INFINITY : values[i]!);
  const numbers = Array.from(values.keys()).filter((i) => !Number.isNaN(values[i]!));
  const rest = Array.from(values.keys()).filter((i) => Number.isNaN(values[i]!));
  return [...numbers.sort((a, b) => (rank(a) === rank(b) ? a - b : rank(b) - rank(a))), ...rest].slice(0, k);
}

describe("topK", () => {
  const values = fc.oneof(
    fc.array(fc.constantFrom(0, -0, 1, -1, 2.5, -2.5, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN)),
    fc.array(fc.float()),
  );

  it("is a stable sort cut short, for any values", () => {
    fc.assert(
      fc.property(values, fc.nat({ max: 20 }), (list, k) => {
        const array = Float32Array.from(list);
        expect([...topK(array, k)]).to.deep.equal(naive(array, k));
        expect([...sortDescending(array)]).to.deep.equal(naive(array, array.length));
      }),
    );
  });

  it("finds the largest of many, from a view into a larger array", () => {
    const array = randomFloats(7, 65_536, -8, 8).subarray(3);
    expect([...topK(array, 2000)]).to.deep.equal(naive(array, 2000));
  });

  it("refuses too many", () => {
    expect(() => topK(new Float32Array(2 ** 21 + 1), 1)).to.throw(RangeError, "2097152");
  });
});
