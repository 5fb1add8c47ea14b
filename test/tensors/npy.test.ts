import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { UserError } from "../../lib/errors.js";
import { encodeNpy, parseNpy } from "../../lib/tensors/npy.js";
import type { Tensor } from "../../lib/tensors/tensor.js";
import { uniform } from "../../tools/prng.js";
import { filesInShared, filesInTree, readNpy as readGolden, withRecordings } from "../support/goldens.js";

describe("npy", () => {
  const examples: Tensor[] = [
    { dtype: "F32", shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, Number.NaN) },
    { dtype: "F64", shape: [1], data: Float64Array.of(Math.E) },
    { dtype: "I64", shape: [], data: BigInt64Array.of(-3n) },
    { dtype: "U8", shape: [0], data: new Uint8Array() },
    { dtype: "BOOL", shape: [2], data: Uint8Array.of(0, 1) },
    { dtype: "I16", shape: [1, 1, 2], data: Int16Array.of(-1, 300) },
  ];
  for (const tensor of examples) {
    it(`restores ${tensor.dtype} [${tensor.shape.join(", ")}]`, () => {
      const bytes = encodeNpy(tensor);
      expect(parseNpy(bytes)).to.deep.equal(tensor);
      const shifted = new Uint8Array(bytes.length + 3);
      shifted.set(bytes, 3);
      expect(parseNpy(shifted.subarray(3)), "from an odd address").to.deep.equal(tensor);
      // A Buffer's slice is a view, not a copy.
      expect(parseNpy(Buffer.from(shifted.buffer).subarray(3)), "in a Buffer").to.deep.equal(tensor);
    });
  }

  it("writes NumPy's header", () => {
    const bytes = encodeNpy({ dtype: "F32", shape: [3], data: Float32Array.of(0, 1, 2) });
    const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }";
    expect(Buffer.from(bytes.subarray(0, 128)).toString("latin1")).to.equal(
      `\x93NUMPY\x01\x00\x76\x00${header.padEnd(117)}\n`,
    );
    expect(bytes.length).to.equal(128 + 12);
  });

  it("reads NumPy's files", function () {
    const path = join(filesInTree("npy").folder(this), "uniform.npy");
    const expected = uniform("golden:npy", 20, -3, 3);
    expect(parseNpy(readFileSync(path), path)).to.deep.equal({ dtype: "F32", shape: [4, 5], data: expected });
  });

  for (const { place, folder } of withRecordings([], [filesInShared("layers")])) {
    it(`reads NumPy's files as the tests' own reader does: ${place}`, function () {
      const path = join(folder(this), "gelu.npy");
      const expected = readGolden(path);
      const read = parseNpy(readFileSync(path), path);
      expect(read.shape).to.deep.equal(expected.shape);
      expect(read.data).to.deep.equal(expected.data);
    });
  }

  it("names the file in which something is wrong", () => {
    const short = encodeNpy(examples[0]!).subarray(0, -4);
    expect(() => parseNpy(short, "a.npy")).to.throw("a.npy: holds 20 bytes of data where F32 [2, 3] needs 24");
  });

  function withHeader(dict: string): Uint8Array {
    const bytes = Buffer.alloc(10 + dict.length + 8);
    bytes.write("\x93NUMPY\x01\x00", 0, "latin1");
    bytes.writeUInt16LE(dict.length, 8);
    bytes.write(dict, 10, "latin1");
    return bytes;
  }
  const faults: [string, Uint8Array, RegExp][] = [
    ["other files", Buffer.from("PK\x03\x04 a zip file"), /not a \.npy file/],
    ["a cut header", encodeNpy(examples[0]!).subarray(0, 40), /truncated inside its header/],
    ["big-endian numbers", withHeader("{'descr': '>f4', 'fortran_order': False, 'shape': (2,), }"), /dtype >f4/],
    ["another header", withHeader("{'descr': [('a', '<f4')], 'shape': (2,), }"), /header cannot be understood/],
  ];
  for (const [name, bytes, message] of faults) {
    it(`refuses ${name}`, () => expect(() => parseNpy(bytes)).to.throw(UserError, message));
  }

  it("converts Fortran order to C order", () => {
    const c = encodeNpy({ dtype: "I16", shape: [2, 3, 2], data: Int16Array.from({ length: 12 }, (_, i) => i) });
    const bytes = Buffer.from(
      Buffer.from(c).toString("latin1").replace("'fortran_order': False", "'fortran_order': True "),
      "latin1",
    );
    const { shape, data } = parseNpy(bytes);
    expect(shape).to.deep.equal([2, 3, 2]);
    // Element (i, j, k) of Fortran order lies at i + 2 (j + 3 k).
    const expected = [0, 1].flatMap((i) => [0, 1, 2].flatMap((j) => [0, 1].map((k) => i + 2 * (j + 3 * k))));
    expect([...data]).to.deep.equal(expected);
  });

  it("refuses bfloat16 and wrong shapes", () => {
    expect(() => encodeNpy({ dtype: "BF16", shape: [1], data: new Uint16Array(1) })).to.throw(/bfloat16/);
    expect(() => encodeNpy({ dtype: "F32", shape: [2], data: new Float32Array(1) })).to.throw(/do not fit/);
  });
});
