import { expect } from "chai";
import { Random } from "../../lib/random.js";
import { type ByteSource, bytesSource, readingAhead, readRange } from "../../lib/tensorfiles/bytes.js";
import { readNpz } from "../../lib/tensorfiles/npz.js";
import { encodeNpy } from "../../lib/tensors/npy.js";
import { userMessage } from "../support/failure.js";
import { zipOf } from "../support/zip.js";

/** A source that counts its reads and their bytes. */
function counted(bytes: Uint8Array) {
  const asked = { times: 0, bytes: 0 };
  const source = bytesSource(bytes, "a.npz");
  const counting: ByteSource = {
    ...source,
    async readInto(target, position) {
      asked.times++;
      asked.bytes += target.length;
      await source.readInto(target, position);
    },
  };
  return { source: counting, asked };
}

describe("reading ahead", () => {
  it("gives the source's bytes at any position", async () => {
    const random = Random.of(1, "ahead");
    const bytes = Uint8Array.from({ length: 700_000 }, (_, i) => (i * 2654435761) >>> 13);
    const ahead = readingAhead(bytesSource(bytes, "a"));
    for (let i = 0; i < 300; i++) {
      const start = Math.floor(random.uniform(0, bytes.length));
      const length = Math.floor(random.uniform(0, bytes.length - start) ** (i % 2 === 0 ? 1 : 0.5));
      expect(Buffer.compare(await readRange(ahead, start, length), bytes.subarray(start, start + length))).to.equal(0);
    }
    expect(await userMessage(() => ahead.readInto(new Uint8Array(1), bytes.length))).to.contain("truncated");
  });

  it("reads an archive of many members in few reads, whatever their order in its directory", async () => {
    const members = Array.from({ length: 8000 }, (_, i) => ({
      name: `a${i}.npy`,
      content: encodeNpy({ dtype: "F32", shape: [1], data: Float32Array.of(i) }),
      deflate: i % 2 === 0,
    }));
    const archive = zipOf(members);
    const { source, asked } = counted(shuffledDirectory(archive, members.length));
    const file = await readNpz(source);
    expect(file.tensors).to.have.length(8000);
    expect(asked.times).to.be.lessThan(40);
    expect(asked.bytes).to.be.lessThan(4 * archive.length);
    const last = file.tensors.find(({ name }) => name === "a7999")!;
    expect((await file.read(last)).data).to.deep.equal(Float32Array.of(7999));
  });
});

/** The same archive with another order in its directory: consecutive members are far apart. */
function shuffledDirectory(archive: Buffer, count: number): Buffer {
  const end = archive.length - 22;
  const start = archive.readUInt32LE(end + 16);
  const entries: Buffer[] = [];
  for (let at = start; at < end; at += entries.at(-1)!.length) {
    entries.push(archive.subarray(at, at + 46 + archive.readUInt16LE(at + 28)));
  }
  expect(entries).to.have.length(count);
  const half = count / 2;
  const order = entries.map((_, i) => entries[i % 2 === 0 ? i / 2 : half + (i - 1) / 2]!);
  return Buffer.concat([archive.subarray(0, start), ...order, archive.subarray(end)]);
}
