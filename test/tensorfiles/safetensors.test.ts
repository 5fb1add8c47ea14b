import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { openSafetensors, readSafetensors, writeSafetensors } from "../../lib/tensorfiles/safetensors.js";
import { type Tensor, toFloat32 } from "../../lib/tensors/tensor.js";
import { parameterValue } from "../../tools/prng.js";
import { userMessage } from "../support/failure.js";
import { goldenFiles } from "../support/goldens.js";

describe("safetensors", () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "densekit-safetensors-"));
  });
  after(() => rmSync(folder, { recursive: true }));

  const flat = Float32Array.from({ length: 10 }, (_, i) => i / 3);
  const tensors: [string, Tensor][] = [
    ["a", { dtype: "U8", shape: [3], data: Uint8Array.of(1, 2, 255) }],
    ["b.weight", { dtype: "F32", shape: [2, 3], data: flat.subarray(2, 8) }],
    ["scalar", { dtype: "F64", shape: [], data: Float64Array.of(Math.PI) }],
    ["steps", { dtype: "I64", shape: [2], data: BigInt64Array.of(1n, -5n) }],
    ["empty", { dtype: "F32", shape: [0, 4], data: new Float32Array() }],
  ];

  /** A file with this header and this many bytes of data. */
  function forge(header: unknown, dataLength: number, name = "forged.safetensors"): string {
    const json = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
    const prefix = Buffer.alloc(8);
    prefix.writeBigUInt64LE(BigInt(json.length));
    const path = join(folder, name);
    writeFileSync(path, Buffer.concat([prefix, json, Buffer.alloc(dataLength)]));
    return path;
  }

  it("reads what it wrote, including views on unaligned ranges", async () => {
    const path = join(folder, "round.safetensors");
    await writeSafetensors(path, tensors, { format: "pt", note: "né" });
    const { metadata, tensors: read } = await readSafetensors(path);
    expect(metadata).to.deep.equal({ format: "pt", note: "né" });
    expect([...read.keys()].sort()).to.deep.equal(tensors.map(([name]) => name).sort());
    for (const [name, tensor] of tensors) expect(read.get(name), name).to.deep.equal(tensor);
    expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).to.deep.equal([]);
  });

  it("reads single tensors, also into a part of a flat array", async () => {
    const path = join(folder, "single.safetensors");
    await writeSafetensors(path, tensors);
    const file = await openSafetensors(path);
    expect([...file.entries.keys()]).to.have.members(tensors.map(([name]) => name));
    expect(await file.read("steps")).to.deep.equal(tensors[3]![1]);
    const target = new Float32Array(8);
    await file.readInto("b.weight", target.subarray(1, 7));
    expect([...target]).to.deep.equal([0, ...flat.subarray(2, 8), 0]);
    expect(await userMessage(() => file.readInto("b.weight", new Float32Array(5)))).to.match(
      /"b.weight" is F32 \[2, 3\], which does not fit Float32Array of 5 values/,
    );
    expect(await userMessage(() => file.readInto("steps", new Float32Array(4)))).to.match(/does not fit/);
    expect(await userMessage(() => file.read("none"))).to.match(/single.safetensors: holds no tensor named "none"/);
    await file.close();
  });

  for (const { place, folder } of goldenFiles("checkpoints")) {
    it(`reads a file written by another library: ${place}`, async function () {
      const { tensors: read } = await readSafetensors(join(folder(this), "tiny.safetensors"));
      let checked = 0;
      for (const [name, tensor] of read) {
        const expected = parameterValue("A:ckpt", name, tensor.shape);
        if (expected === undefined || tensor.dtype !== "F32") continue;
        expect(tensor.data, name).to.deep.equal(expected);
        checked++;
      }
      expect(checked).to.be.greaterThan(10);
    });
  }

  it("converts 16-bit floats", () => {
    const half = Uint16Array.of(0x3c00, 0xc000, 0x7bff, 0x0001, 0x8000, 0x7c00, 0x3555);
    expect([...toFloat32({ dtype: "F16", shape: [7], data: half })]).to.deep.equal([
      1,
      -2,
      65504,
      2 ** -24,
      -0,
      Number.POSITIVE_INFINITY,
      0.333251953125,
    ]);
    const brain = Uint16Array.of(0x3f80, 0xc000, 0x3eab);
    expect([...toFloat32({ dtype: "BF16", shape: [3], data: brain })]).to.deep.equal([1, -2, 0.333984375]);
    expect([...toFloat32({ dtype: "I64", shape: [1], data: BigInt64Array.of(-7n) })]).to.deep.equal([-7]);
  });

  it("refuses a file cut off anywhere", async () => {
    const path = join(folder, "whole.safetensors");
    await writeSafetensors(path, tensors);
    const bytes = readFileSync(path);
    for (const length of [0, 5, 8, 60, bytes.length - 30, bytes.length - 1]) {
      const cut = join(folder, "cut.safetensors");
      writeFileSync(cut, bytes.subarray(0, length));
      expect(await userMessage(() => readSafetensors(cut)), `${length} bytes`).to.match(
        /cut.safetensors: .*(truncated|shorter)/,
      );
      expect(await userMessage(() => openSafetensors(cut)), `${length} bytes`).to.match(
        /cut.safetensors: .*(truncated|shorter)/,
      );
    }
  });

  const entry = (begin: number, end: number, shape = [(end - begin) / 4], dtype = "F32") => ({
    dtype,
    shape,
    data_offsets: [begin, end],
  });
  const faults: [string, unknown, number, RegExp][] = [
    ["overlapping tensors", { a: entry(0, 8), b: entry(4, 12) }, 12, /overlapping tensors: "b" starts inside/],
    ["a hole", { a: entry(0, 8), b: entry(12, 16) }, 16, /hole of 4 bytes before tensor "b"/],
    ["bytes left over", { a: entry(0, 8) }, 12, /4 bytes after its last tensor/],
    ["a wrong shape", { a: entry(0, 8, [3]) }, 8, /tensor "a" in 8 bytes where F32 \[3\] needs 12/],
    [
      "an element type that is not a string",
      { a: { ...entry(0, 8), dtype: [] } },
      8,
      /tensor "a" without a valid dtype/,
    ],
    ["a wrong size of 4-bit floats", { a: entry(0, 8, [4], "F4") }, 8, /tensor "a" in 8 bytes where F4 \[4\] needs 2/],
    ["a range that ends before it begins", { a: entry(8, 0, [2], "F31") }, 8, /tensor "a" in -8 bytes/],
    ["a negative size", { a: entry(0, 8, [-2, -1]) }, 8, /without a valid shape/],
    ["no offsets", { a: { dtype: "F32", shape: [2] } }, 8, /without valid data_offsets/],
    ["an entry that is not an object", { a: 5 }, 0, /malformed entry for tensor "a"/],
    ["a header that is not JSON", "{a", 0, /not JSON/],
    ["a header that is a list", [1], 0, /not a JSON object/],
    ["metadata that is not a string", { __metadata__: { a: 1 } }, 0, /metadata "a" that is not text/],
  ];
  for (const [name, header, dataLength, message] of faults) {
    it(`refuses ${name}`, async () => {
      expect(await userMessage(() => readSafetensors(forge(header, dataLength)))).to.match(message);
    });
  }

  it("names unsupported element types, and reads the others", async () => {
    const path = forge(
      {
        a: entry(0, 8, [8], "F8_E4M3"),
        b: entry(8, 16),
        c: entry(16, 18, [4], "F4"),
        d: entry(18, 21, [7], "NEW"),
        ["__proto__"]: entry(21, 25),
        constructor: entry(25, 29),
      },
      29,
    );
    const file = await openSafetensors(path);
    expect([...file.entries.keys()]).to.deep.equal(["b", "__proto__", "constructor"]);
    expect(Array.from(file.others, ([name, { type, shape }]) => [name, type, ...shape])).to.deep.equal([
      ["a", "F8_E4M3", 8],
      ["c", "F4", 4],
      ["d", "NEW", 7],
    ]);
    expect((await file.read("b")).data).to.have.length(2);
    expect(await userMessage(() => file.read("a"))).to.equal(`${path}: tensor "a" is of F8_E4M3, which cannot be read`);
    await file.close();
    const copy = join(folder, "copy.safetensors");
    const { tensors } = await readSafetensors(path);
    await writeSafetensors(copy, tensors, Object.fromEntries([["__proto__", "text"]]));
    const { tensors: again, metadata } = await readSafetensors(copy);
    expect([...again]).to.deep.equal([...tensors]);
    expect(Object.entries(metadata)).to.deep.equal([["__proto__", "text"]]);
  });

  it("refuses an endlessly nested header", async () => {
    const path = forge(`{"a": ${"[".repeat(100_000)}${"]".repeat(100_000)}}`, 0);
    expect(await userMessage(() => readSafetensors(path))).to.equal(
      `${path}: the safetensors file has a header that is not JSON (nested more than 200 levels deep); download or write it again`,
    );
  });

  it("refuses files that are not safetensors, and missing ones", async () => {
    const path = join(folder, "text.safetensors");
    writeFileSync(path, "this is some text, not a tensor file");
    expect(await userMessage(() => readSafetensors(path))).to.match(/does not start with a safetensors header/);
    expect(await userMessage(() => readSafetensors(join(folder, "none")))).to.match(/cannot read .*none: no such file/);
  });

  it("refuses to write values that do not fit their shape, or a name twice", async () => {
    const wrong: Tensor = { dtype: "F32", shape: [3], data: new Float32Array(2) };
    const right: Tensor = { dtype: "F32", shape: [2], data: new Float32Array(2) };
    const path = join(folder, "wrong.safetensors");
    const messages = await Promise.all(
      [[["x", wrong] as const], [["x", right] as const, ["x", right] as const]].map((list) =>
        writeSafetensors(path, list).then(
          () => "written",
          (error: Error) => error.message,
        ),
      ),
    );
    expect(messages).to.deep.equal(['tensor "x" has 2 values but shape [3]', 'two tensors are named "x"']);
  });
});
