import { deflateSync } from "node:zlib";
import { expect } from "chai";
import fc from "fast-check";
import { PNG } from "pngjs";
import { readPlainPng } from "../../lib/images/plainPng.js";
import { readPng } from "../../lib/images/png.js";
import { noiseLabels } from "../pixels/images.js";
import { pngChunk } from "./pngChunk.js";

const sides = fc.integer({ min: 1, max: 40 });

/** A grey 8-bit PNG whose rows are filtered by the given types, in turn. */
function write({ width, height, data }: ReturnType<typeof noiseLabels>, filters: readonly number[]): Uint8Array {
  const rows = Buffer.alloc((width + 1) * height);
  const at = (x: number, y: number): number => (x < 0 || y < 0 ? 0 : data[y * width + x]!);
  for (let y = 0; y < height; y++) {
    const filter = filters[y % filters.length]!;
    rows[y * (width + 1)] = filter;
    for (let x = 0; x < width; x++) {
      const [a, b, c] = [at(x - 1, y), at(x, y - 1), at(x - 1, y - 1)];
      const nearest = [a, b, c].reduce((best, one) =>
        Math.abs(a + b - c - one) < Math.abs(a + b - c - best) ? one : best,
      );
      const predicted = [0, a, b, Math.floor((a + b) / 2), nearest][filter]!;
      rows[y * (width + 1) + 1 + x] = (at(x, y) - predicted + 256) % 256;
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8;
  const packed = deflateSync(rows);
  const middle = packed.length >> 1;
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    pngChunk("IHDR", header),
    pngChunk("IDAT", packed.subarray(0, middle)),
    pngChunk("IDAT", packed.subarray(middle)),
    pngChunk("IEND", Buffer.alloc(0)),
  ]);
}

describe("plain PNGs", () => {
  it("are read with every filter, like two other decoders", () => {
    fc.assert(
      fc.property(
        sides,
        sides,
        fc.array(fc.nat({ max: 4 }), { minLength: 1, maxLength: 6 }),
        (width, height, filters) => {
          const map = noiseLabels(width, height, 256, filters.length);
          const file = write(map, filters);
          expect(readPlainPng(file)).to.deep.equal(map);
          expect(Array.from(readPng(file).data)).to.deep.equal(Array.from(map.data));
          const other = PNG.sync.read(Buffer.from(file));
          expect(map.data.every((value, i) => other.data[i * 4] === value)).to.equal(true);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("with faults are left to the general decoder", () => {
    const file = write(noiseLabels(20, 20, 9), [0, 4]);
    for (let i = 8; i < file.length; i += 3) {
      const broken = Uint8Array.from(file, (byte, k) => (k === i ? byte ^ 0x10 : byte));
      expect(readPlainPng(broken), `byte ${i}`).to.equal(undefined);
    }
    for (const length of [0, 8, 30, file.length - 1])
      expect(readPlainPng(file.subarray(0, length))).to.equal(undefined);
    const rgb = PNG.sync.write(new PNG({ width: 3, height: 3, fill: true }));
    expect(readPlainPng(rgb)).to.equal(undefined);
  });
});
