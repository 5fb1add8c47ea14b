import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import fc from "fast-check";
import { openTensorFile } from "../../lib/tensorfiles/open.js";
import { writeSafetensors } from "../../lib/tensorfiles/safetensors.js";
import { openZip } from "../../lib/tensorfiles/zip.js";
import { zipParts } from "../../lib/tensorfiles/zipWriter.js";
import { encodeNpy } from "../../lib/tensors/npy.js";
import { extentOf, readStrided } from "../../lib/tensors/strided.js";
import type { Tensor } from "../../lib/tensors/tensor.js";
import { userMessage } from "../support/failure.js";
import { zipOf } from "../support/zip.js";

const floats = (...values: number[]): Tensor => ({
  dtype: "F32",
  shape: [values.length],
  data: Float32Array.of(...values),
});

describe("files of tensors", () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "densekit-tensors-"));
  });
  after(() => rmSync(folder, { recursive: true }));
  const put = (name: string, bytes: Uint8Array | string): string => {
    writeFileSync(join(folder, name), bytes);
    return join(folder, name);
  };
  const message = (path: string) =>
    userMessage(async () => {
      const file = await openTensorFile(path);
      try {
        for (const stored of file.tensors) await file.read(stored);
      } finally {
        await file.close();
      }
    });

  describe("in shards", () => {
    const index = (map: unknown) =>
      put("model.safetensors.index.json", JSON.stringify({ metadata: {}, weight_map: map }));
    before(async () => {
      await writeSafetensors(join(folder, "one.safetensors"), [
        ["a", floats(1, 2)],
        ["unlisted", floats(9)],
      ]);
      await writeSafetensors(join(folder, "two.safetensors"), [["b", floats(3)]]);
    });

    it("are read through their index, or their folder", async () => {
      const path = index({ a: "one.safetensors", b: "two.safetensors" });
      for (const place of [path, folder]) {
        const file = await openTensorFile(place);
        const values = await Promise.all(
          file.tensors.map(async (stored) => [stored.name, [...(await file.read(stored)).data]]),
        );
        expect(Object.fromEntries(values)).to.deep.equal({ a: [1, 2], b: [3] });
        await file.close();
      }
    });

    it("are refused if the index is wrong", async () => {
      expect(await message(index({ c: "one.safetensors" }))).to.contain(
        'says that "c" is in one.safetensors, but it is not',
      );
      expect(await message(index({ a: "../one.safetensors" }))).to.contain("which is not a file beside the index");
      expect(await message(index({ a: "three.safetensors" }))).to.match(
        /cannot read .*three.safetensors: no such file/,
      );
      expect(await message(index(5))).to.contain("has no weight_map");
      expect(await message(put("model.safetensors.index.json", "{"))).to.contain("truncated or not JSON");
    });
  });

  describe("of NumPy (.npz)", () => {
    const array = encodeNpy({ dtype: "F32", shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) });
    it("are read stored and deflated; arrays that are not numeric are named", async () => {
      const path = put(
        "a.npz",
        zipOf([
          { name: "stored.npy", content: array },
          { name: "deflated.npy", content: array, deflate: true },
          {
            name: "texts.npy",
            content: Buffer.from(Buffer.from(array).toString("latin1").replace("<f4", "<U9"), "latin1"),
          },
          { name: "note.txt", content: Buffer.from("hello") },
        ]),
      );
      const file = await openTensorFile(path);
      expect(file.format).to.equal("NumPy");
      expect(file.tensors.map(({ name, shape }) => [name, shape])).to.deep.equal([
        ["stored", [2, 2]],
        ["deflated", [2, 2]],
      ]);
      expect(file.others.map(({ name, what }) => [name, what])).to.deep.equal([
        ["texts", "an array of <U9, which cannot be read"],
        ["note.txt", "5 bytes, no array"],
      ]);
      for (const stored of file.tensors) expect([...(await file.read(stored)).data]).to.deep.equal([1, 2, 3, 4]);
      await file.close();
    });

    it("are refused when damaged, or when they claim too much", async () => {
      const flipped = zipOf([{ name: "a.npy", content: array, checksum: 1 }]);
      expect(await message(put("sum.npz", flipped))).to.contain("a.npy fails its checksum");
      const cut = zipOf([{ name: "a.npy", content: array.subarray(0, array.length - 4) }]);
      expect(await message(put("cut.npz", cut))).to.contain("a.npy has 12 bytes of data where F32 [2, 2] needs 16");
      const bomb = zipOf([{ name: "a.npy", content: array, deflate: true, claimed: 2_000_000_000 }]);
      expect(await message(put("bomb.npz", bomb))).to.contain("refused as damaged or malicious");
      expect(await message(put("whole.npz", zipOf([{ name: "a.npy", content: array }]).subarray(0, 100)))).to.contain(
        "damaged zip archive",
      );
    });
  });

  it("do not include folders without weights", async () => {
    const empty = mkdtempSync(join(tmpdir(), "densekit-empty-"));
    expect(await message(empty)).to.contain(
      "a folder without weights: it holds none of ema.safetensors, model.safetensors",
    );
    rmSync(empty, { recursive: true });
  });
});

describe("strided tensors", () => {
  it("are returned in C order, whatever the strides and the size of reads", async () => {
    const axes = fc.array(
      fc.record({ size: fc.integer({ min: 0, max: 5 }), stride: fc.integer({ min: 0, max: 40 }) }),
      {
        maxLength: 4,
      },
    );
    await fc.assert(
      fc.asyncProperty(axes, fc.integer({ min: 0, max: 3 }), async (chosen, offset) => {
        const shape = chosen.map(({ size }) => size);
        const strides = chosen.map(({ stride }) => stride);
        const row = Int16Array.from({ length: offset + extentOf(shape, strides) }, (_, i) => i);
        const expected = shape.reduce<number[]>(
          (offsets, size, axis) =>
            offsets.flatMap((at) => Array.from({ length: size }, (_, i) => at + i * strides[axis]!)),
          [offset],
        );
        const target = new Int16Array(expected.length);
        const bytes = new Uint8Array(row.buffer);
        await readStrided("I16", { offset, shape, strides }, target, async (into, start) => {
          expect(2 * start + into.length).to.be.at.most(bytes.length);
          into.set(bytes.subarray(2 * start, 2 * start + into.length));
        });
        expect([...target]).to.deep.equal(expected);
      }),
    );
  });

  it("are read in windows if they are large", async () => {
    // 3 × 4 elements, 9,000,000 apart: each window of 16 MiB holds a few of them at most.
    const layout = { offset: 1, shape: [4, 3], strides: [1, 9_000_000] };
    const target = new Int32Array(12);
    let largest = 0;
    await readStrided("I32", layout, target, async (into, start) => {
      largest = Math.max(largest, into.length);
      const words = new Int32Array(into.buffer, into.byteOffset, into.length / 4);
      for (let i = 0; i < words.length; i++) words[i] = start + i;
    });
    expect([...target]).to.deep.equal([0, 1, 2, 3].flatMap((i) => [0, 1, 2].map((j) => 1 + i + 9_000_000 * j)));
    expect(largest).to.be.at.most(1 << 24);
  });
});

describe("zip archives", () => {
  it("are written with members at multiples of 64 bytes", async () => {
    const parts: Uint8Array[] = [];
    const content = [1, 63, 64, 0].map((length, i) => ({
      name: `m${i}`,
      content: [new Uint8Array(length).fill(i + 1)],
    }));
    for await (const part of zipParts(content)) parts.push(part);
    const bytes = Buffer.concat(parts);
    for (const [i, { content: wanted }] of content.entries()) {
      const header = bytes.indexOf(`m${i}`) - 30;
      const start = header + 30 + bytes.readUInt16LE(header + 26) + bytes.readUInt16LE(header + 28);
      expect(start % 64).to.equal(0);
      expect(bytes.subarray(start, start + wanted[0]!.length)).to.deep.equal(Buffer.from(wanted[0]!));
    }
  });

  it("of more than 4 GiB are written and read (zip64), without being held in memory", async function () {
    this.timeout(120_000);
    const block = new Uint8Array(1 << 26).fill(7);
    const tail = Uint8Array.of(1, 2, 3);
    const parts: { readonly start: number; readonly bytes: Uint8Array }[] = [];
    let size = 0;
    const members = [
      { name: "large", content: new Array<Uint8Array>(65).fill(block) }, // 4.06 GiB of one block
      { name: "behind", content: [tail] },
    ];
    for await (const bytes of zipParts(members)) {
      parts.push({ start: size, bytes });
      size += bytes.length;
    }
    const zip = await openZip({
      path: "large.zip",
      size,
      async readInto(target, position) {
        for (const { start, bytes } of parts) {
          const from = Math.max(0, position - start);
          const to = Math.min(bytes.length, position + target.length - start);
          if (from < to) target.set(bytes.subarray(from, to), start + from - position);
        }
      },
      close: async () => undefined,
    });
    const [large, behind] = [...zip.members.values()];
    expect(large).to.include({ name: "large", size: 65 * 2 ** 26, method: "stored" });
    expect(await zip.locate(large!)).to.equal(64);
    expect(await zip.locate(behind!)).to.be.greaterThan(2 ** 32);
    expect(await zip.unpack(behind!, { limit: 10, verify: true })).to.deep.equal(Buffer.from(tail));
  });
});
