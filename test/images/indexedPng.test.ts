import { expect } from "chai";
import fc from "fast-check";
import { PNG } from "pngjs";
import { encodeIndexedPng, encodePng } from "../../lib/images/encode.js";

const size = { width: fc.integer({ min: 1, max: 20 }), height: fc.integer({ min: 1, max: 20 }) };

describe("PNGs as other programs read them", () => {
  it("show a label map in its palette's colours", () => {
    const palette = Array.from({ length: 150 }, (_, k) => [k, (7 * k) % 256, 255 - k] as const);
    const maps = fc.record(size).chain(({ width, height }) =>
      fc.record({
        width: fc.constant(width),
        height: fc.constant(height),
        data: fc.uint8Array({ minLength: width * height, maxLength: width * height, max: palette.length - 1 }),
      }),
    );
    fc.assert(
      fc.property(maps, (map) => {
        const { width, height, data } = PNG.sync.read(Buffer.from(encodeIndexedPng(map, palette)));
        expect({ width, height }).to.deep.equal({ width: map.width, height: map.height });
        const colours = [...map.data].flatMap((index) => [...palette[index]!, 255]);
        expect([...data]).to.deep.equal(colours);
      }),
      { numRuns: 50 },
    );
  });

  it("keep every pixel of an image", async () => {
    const data = Uint8Array.from({ length: 3 * 13 * 7 }, (_, i) => (i * 31) % 256);
    const read = PNG.sync.read(Buffer.from(await encodePng({ width: 13, height: 7, data })));
    const pixels = [...read.data].filter((_, i) => i % 4 < 3);
    expect(pixels).to.deep.equal([...data]);
  });
});
