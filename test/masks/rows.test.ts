import { expect } from "chai";
import fc from "fast-check";
import { UserError } from "../../lib/errors.js";
import { decodeRle, rleArea } from "../../lib/masks/rle.js";
import { rleFromRows } from "../../lib/masks/rows.js";

/** Pixel by pixel: the row-wise run lengths of a window, at its position in the image. */
function bitmapOf(
  counts: readonly number[],
  window: { left: number; top: number; width: number },
  image: { height: number; width: number },
): Uint8Array {
  const bitmap = new Uint8Array(image.height * image.width);
  let position = 0;
  for (const [i, count] of counts.entries()) {
    for (let end = position + count; position < end; position++) {
      const x = window.left + (position % window.width);
      const y = window.top + Math.floor(position / window.width);
      const isWithin = x >= 0 && y >= 0 && x < image.width && y < image.height;
      if (i % 2 === 1 && isWithin) bitmap[y * image.width + x] = 1;
    }
  }
  return bitmap;
}

describe("masks given row by row within a window", () => {
  it("equal their pixels, wherever the window is, including runs of 0 and many equal rows", () => {
    const side = fc.integer({ min: 1, max: 9 });
    const windows = fc.record({
      left: fc.integer({ min: -9, max: 9 }),
      top: fc.integer({ min: -9, max: 9 }),
      width: side,
      height: side,
    });
    const cuts = fc.array(fc.nat(100), { maxLength: 12 });
    fc.assert(
      fc.property(windows, cuts, side, side, (window, places, height, width) => {
        const total = window.width * window.height;
        const edges = places.map((place) => place % (total + 1)).sort((a, b) => a - b);
        const counts = [...edges, total].map((edge, i) => edge - (edges[i - 1] ?? 0));
        const mask = rleFromRows(counts, window, { height, width });
        expect(decodeRle(mask)).to.deep.equal(bitmapOf(counts, window, { height, width }));
      }),
      { numRuns: 3000 },
    );
  });

  it("cost only the changes from row to row, however large they are", () => {
    const side = 60_000;
    const window = { left: 0, top: 0, width: side, height: side };
    const spent: number[] = [];
    const work = { spend: (units: number) => void spent.push(units) };
    const mask = rleFromRows([0, side * side], window, window, "mask", work);
    expect(rleArea(mask)).to.equal(side * side);
    expect(spent.reduce((a, b) => a + b)).to.be.lessThan(1e6);
    const refusing = {
      spend: (_: number, where: string) => {
        throw new UserError(`${where}: enough`);
      },
    };
    expect(() => rleFromRows([0, 4], { left: 0, top: 0, width: 2, height: 2 }, window, "mask 7", refusing)).to.throw(
      UserError,
      "mask 7: enough",
    );
  });

  it("are refused if the runs do not fill the window", () => {
    const window = { left: 0, top: 0, width: 4, height: 2 };
    expect(() => rleFromRows([0, 7], window, window, "mask 1")).to.throw(
      UserError,
      "mask 1: the run lengths cover 7 pixels, but 4 × 2 has 8",
    );
  });
});
