import { expect } from "chai";
import { toHalf } from "../../../lib/compilers/onnx/precision.js";
import { toFloat32 } from "../../../lib/tensors/tensor.js";

const floatOf = (bits: number): number => toFloat32({ dtype: "F16", shape: [1], data: Uint16Array.of(bits) })[0]!;
const halfOf = (x: number): number | undefined => toHalf(Float32Array.of(x))?.[0];

/** The finite non-negative float16s, in ascending order, are 0 … 0x7bff. */
const LAST = 0x7bff;

describe("float16", () => {
  it("represents each of its numbers, of both signs", () => {
    for (let bits = 0; bits <= LAST; bits++) {
      expect(halfOf(floatOf(bits))).to.equal(bits);
      expect(halfOf(floatOf(bits | 0x8000))).to.equal(bits | 0x8000);
    }
  });

  it("rounds to the nearest, ties to even", () => {
    for (let bits = 0; bits < LAST; bits++) {
      const [low, high] = [floatOf(bits), floatOf(bits + 1)];
      const middle = (low + high) / 2;
      expect(halfOf(middle), `between ${low} and ${high}`).to.equal(bits % 2 === 0 ? bits : bits + 1);
      expect(halfOf(low + (high - low) * 0.49)).to.equal(bits);
      expect(halfOf(low + (high - low) * 0.51)).to.equal(bits + 1);
    }
  });

  it("refuses numbers that are too large", () => {
    expect(toHalf(Float32Array.of(1, 65_504))).to.not.equal(undefined);
    expect(toHalf(Float32Array.of(1, 70_000))).to.equal(undefined);
    expect(toHalf(Float32Array.of(Number.NEGATIVE_INFINITY))).to.equal(undefined);
  });
});
