import { expect } from "chai";
import fc from "fast-check";
import { encodeWeights, halfBits, type Precision } from "../../../lib/compilers/tensorflow/weights.js";
import { Random } from "../../../lib/random.js";

/** The value of a half-precision number's bits (IEEE 754). */
function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const mantissa = bits & 0x3ff;
  if (exponent === 31) return mantissa === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? mantissa * 2 ** -24 : (1 + mantissa / 1024) * 2 ** (exponent - 15));
}

const random = Random.of("weights");
const data = Float32Array.from({ length: 600 }, () => random.uniform(-3, 5));
const parameter = "backbone.weight";
const kernel = { name: "w", shape: [20, 30], type: "DT_FLOAT", data, parameter } as const;
const encode = (precision: Precision) => encodeWeights([kernel], precision);

describe("weights of a TF.js model", () => {
  it("half precision keeps every half and rounds others to the nearest, ties to even", () => {
    for (let bits = 0; bits < 0x7c00; bits++) {
      expect(halfBits(halfValue(bits))).to.equal(bits);
      expect(halfBits(-halfValue(bits))).to.equal(bits | 0x8000);
      if (bits >= 0x7bff) continue;
      const [low, high] = [halfValue(bits), halfValue(bits + 1)];
      expect(halfBits(low + (high - low) / 2), `between ${low} and ${high}`).to.equal(bits % 2 === 0 ? bits : bits + 1);
      expect(halfBits(low + (high - low) / 4)).to.equal(bits);
      expect(halfBits(low + (3 * (high - low)) / 4)).to.equal(bits + 1);
    }
    expect(halfBits(65_520)).to.equal(0x7c00); // the first that rounds to infinity
    expect(halfBits(Number.NEGATIVE_INFINITY)).to.equal(0xfc00);
    expect(halfValue(halfBits(Number.NaN))).to.be.NaN;
    fc.assert(
      fc.property(fc.float({ noNaN: true, min: -60_000, max: 60_000 }), (x) => {
        expect(Math.abs(halfValue(halfBits(x)) - x)).to.be.at.most(Math.max(2 ** -25, Math.abs(x) * 2 ** -11));
      }),
    );
  });

  it("bytes stay within half a step of the kernel, and zero is zero", () => {
    const { entries, bytes } = encode("uint8");
    const { quantization } = entries[0]!;
    expect(quantization).to.include({ dtype: "uint8", original_dtype: "float32" });
    const { min, scale } = quantization as { readonly min: number; readonly scale: number };
    expect(bytes).to.have.length(600);
    bytes.forEach((byte, i) => {
      expect(Math.abs(byte * scale + min - data[i]!)).to.be.at.most(scale * 1.0001);
    });
    expect(Math.abs(min / scale - Math.round(min / scale))).to.be.lessThan(1e-9);
    const zeros = encodeWeights([{ ...kernel, data: new Float32Array(600) }], "uint8");
    const { quantization: ofZeros } = zeros.entries[0]!;
    expect(ofZeros).to.include({ min: 0, scale: 1 });
    expect([...new Set(zeros.bytes)]).to.deep.equal([0]);
  });

  it("only kernels are quantised: neither biases nor constants", () => {
    const bias = { ...kernel, name: "b", shape: [600] } as const;
    const { parameter: _, ...table } = { ...kernel, name: "t" };
    for (const precision of ["float16", "uint8"] as const) {
      const { entries, bytes } = encodeWeights([kernel, bias, table], precision);
      expect(entries.map(({ quantization }) => quantization?.dtype)).to.deep.equal([precision, undefined, undefined]);
      expect(bytes).to.have.length(600 * (precision === "float16" ? 2 : 1) + 2 * 2400);
    }
    expect(encode("float32").bytes).to.deep.equal(new Uint8Array(data.buffer));
  });
});
