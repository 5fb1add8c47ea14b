import { expect } from "chai";
import fc from "fast-check";
import { UserError } from "../../lib/errors.js";
import { decodeRle, emptyRle, encodeRle, rleArea, rleBoxXywh, rleBoxXyxy } from "../../lib/masks/rle.js";
import { compressRle, decompressRle, rleFromCounts } from "../../lib/masks/strings.js";
import { goldens } from "../support/goldens.js";
import { bitmap } from "./arbitraries.js";

interface EncodeCase {
  readonly size: [number, number];
  readonly counts: number[];
  readonly rle: string;
  readonly area: number;
  readonly bbox: number[];
}

describe("run-length masks", () => {
  for (const { place, open } of goldens("rle")) {
    it(`agree with the reference's counts, strings, areas and boxes: ${place}`, function () {
      const { cases } = open(this).json<{ cases: EncodeCase[] }>("encode.json");
      expect(cases.length).to.be.greaterThan(10);
      for (const { size, counts, rle: text, area, bbox } of cases) {
        const rle = decompressRle(text, ...size);
        expect([...rle.counts]).to.deep.equal(counts);
        expect(compressRle(rle)).to.equal(text);
        expect(encodeRle(decodeRle(rle), ...size)).to.deep.equal(rle);
        expect(rleArea(rle)).to.equal(area);
        expect(rleBoxXywh(rle)).to.deep.equal(bbox);
        expect(rleFromCounts(counts, ...size)).to.deep.equal(rle);
      }
    });
  }

  it("count column by column, zeros first", () => {
    const bitmap = Uint8Array.of(0, 1, 1, /* row 1 */ 0, 1, 0);
    expect([...encodeRle(bitmap, 2, 3).counts]).to.deep.equal([2, 3, 1]);
    expect([...encodeRle(Uint8Array.of(1, 1), 1, 2).counts]).to.deep.equal([0, 2]);
    expect([...emptyRle(2, 3).counts]).to.deep.equal([6]);
  });

  it("decode to the encoded bitmap, with its area and box", () => {
    fc.assert(
      fc.property(bitmap, ({ height, width, data }) => {
        const rle = encodeRle(data, height, width);
        expect(decodeRle(rle)).to.deep.equal(data);
        expect(rleArea(rle)).to.equal(data.reduce((a, b) => a + b, 0));
        const inside = [...data.keys()].filter((i) => data[i] === 1);
        const xs = inside.map((i) => i % width);
        const ys = inside.map((i) => Math.floor(i / width));
        const tight = [Math.min(...xs), Math.min(...ys), Math.max(...xs) + 1, Math.max(...ys) + 1];
        expect(rleBoxXyxy(rle)).to.deep.equal(inside.length === 0 ? [0, 0, 0, 0] : tight);
      }),
    );
  });

  it("survive compression to a string, however long the runs", () => {
    const run = fc.integer({ min: 1, max: 60_000_000 });
    fc.assert(
      fc.property(fc.array(run, { minLength: 1, maxLength: 30 }), (counts) => {
        const rle = rleFromCounts(
          counts,
          1,
          counts.reduce((a, b) => a + b),
        );
        expect(decompressRle(compressRle(rle), rle.height, rle.width)).to.deep.equal(rle);
      }),
    );
  });

  it("ignore empty runs inside when computing the box", () => {
    expect(rleBoxXywh({ height: 2, width: 2, counts: Uint32Array.of(1, 0, 1, 1, 1, 0) })).to.deep.equal([1, 0, 1, 1]);
  });

  describe("refuse", () => {
    const broken: [name: string, make: () => unknown, message: RegExp][] = [
      [
        "a string that breaks off",
        () => decompressRle("fgj11Y^j", 300, 400, "annotation 7"),
        /^annotation 7: .*middle/,
      ],
      [
        "a character out of range",
        () => decompressRle("6 4", 6, 4, "annotation 7"),
        /^annotation 7: .*" " out of place/,
      ],
      ["a string with a negative run", () => decompressRle("11O0", 1, 2), /damaged|cover/],
      ["runs for another size", () => decompressRle("h0", 6, 5, "result 3"), /^result 3: .*24 pixels.*6 × 5.*30/],
      ["counts for another size", () => rleFromCounts([3, 4], 2, 4), /7 pixels/],
      ["a count below 0", () => rleFromCounts([9, -1], 2, 4), /not -1/],
      ["a broken count", () => rleFromCounts([7.5, 0.5], 2, 4), /not 7.5/],
    ];
    for (const [name, make, message] of broken) it(name, () => expect(make).to.throw(UserError, message));

    it("a bitmap of another size", () => expect(() => encodeRle(new Uint8Array(5), 2, 3)).to.throw(RangeError));
  });
});
