import { expect } from "chai";
import fc from "fast-check";
import { joinOutlines, traceOutlines } from "../../lib/masks/outlines.js";
import { polygonToRle } from "../../lib/masks/polygons.js";
import { decodeRle, encodeRle } from "../../lib/masks/rle.js";

/** Rows of "." and "#". */
function maskOf(...rows: string[]) {
  const bitmap = Uint8Array.from(rows.join(""), (c) => Number(c === "#"));
  return encodeRle(bitmap, rows.length, rows[0]!.length);
}

const signedArea = (points: readonly (readonly [number, number])[]): number =>
  points.reduce((sum, [x, y], i) => {
    const [u, v] = points[(i + 1) % points.length]!;
    return sum + (x * v - u * y) / 2;
  }, 0);

describe("outlines of masks", () => {
  it("run along the pixels' edges, around holes the other way", () => {
    expect(traceOutlines(maskOf("....", ".##.", "...."))).to.deep.equal([
      [
        [3, 1],
        [3, 2],
        [1, 2],
        [1, 1],
      ],
    ]);
    const ring = traceOutlines(maskOf("###", "#.#", "###"));
    expect(ring).to.have.length(2);
    expect(ring.map(signedArea)).to.deep.equal([9, -1]);
    expect(traceOutlines(maskOf("#.", ".#")).map(signedArea)).to.deep.equal([1, 1]);
    expect(traceOutlines(maskOf("..", ".."))).to.deep.equal([]);
  });

  it("joined to one polygon give every mask again, pixel for pixel", () => {
    const sizes = fc.record({ width: fc.integer({ min: 1, max: 9 }), height: fc.integer({ min: 1, max: 9 }) });
    const masks = sizes.chain(({ width, height }) =>
      fc
        .array(fc.constantFrom(0, 0, 1, 1, 1), { minLength: width * height, maxLength: width * height })
        .filter((pixels) => pixels.includes(1))
        .map((pixels) => encodeRle(Uint8Array.from(pixels), height, width)),
    );
    fc.assert(
      fc.property(masks, (mask) => {
        const outlines = traceOutlines(mask);
        expect(outlines.reduce((sum, outline) => sum + signedArea(outline), 0)).to.equal(
          decodeRle(mask).reduce((a, b) => a + b, 0),
        );
        const drawn = polygonToRle(joinOutlines(outlines).flat(), mask.height, mask.width);
        expect(decodeRle(drawn)).to.deep.equal(decodeRle(mask));
      }),
      { numRuns: 2000 },
    );
  });
});
