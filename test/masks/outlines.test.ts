import { expect } from "chai";
import fc from "fast-check";
import { UserError } from "../../lib/errors.js";
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
    // Run lengths of 0, which compressed masks may contain.
    const parted = { height: 3, width: 3, counts: Uint32Array.of(1, 0, 2, 1, 0, 2, 0, 0, 3) };
    expect(traceOutlines(parted)).to.deep.equal(traceOutlines(maskOf(".#.", ".#.", ".#.")));
  });

  it("joined to one polygon reproduce every mask, pixel for pixel", () => {
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

  it("with very many pieces are joined without searching for the nearest", () => {
    const side = 160;
    const chequered = Uint8Array.from({ length: side * side }, (_, i) => (i + Math.floor(i / side)) % 2);
    const mask = encodeRle(chequered, side, side);
    const joined = joinOutlines(traceOutlines(mask));
    expect(joined.length).to.be.greaterThan(50_000);
    expect(decodeRle(polygonToRle(joined.flat(), side, side))).to.deep.equal(chequered);
  });

  it("of masks of any size are traced along their borders; too much work is refused", () => {
    const [height, width] = [60_000, 60_000];
    const pixels = 37 * height + 41;
    const small = { height, width, counts: Uint32Array.of(pixels, 2, height * width - pixels - 2) };
    expect(traceOutlines(small)).to.deep.equal([
      [
        [38, 41],
        [38, 43],
        [37, 43],
        [37, 41],
      ],
    ]);
    expect(traceOutlines({ height, width, counts: Uint32Array.of(0, height * width) })).to.deep.equal([
      [
        [width, 0],
        [width, height],
        [0, height],
        [0, 0],
      ],
    ]);
    const spent: number[] = [];
    const work = { spend: (units: number) => void spent.push(units) };
    traceOutlines(small, "small", work);
    expect(spent.reduce((a, b) => a + b)).to.be.within(6 * 20, 70_000);
    const refusing = {
      spend: (_: number, where: string) => {
        throw new UserError(`${where}: enough`);
      },
    };
    expect(() => traceOutlines(small, "annotation 1", refusing)).to.throw(UserError, "annotation 1: enough");
  });
});
