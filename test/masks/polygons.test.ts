import { expect } from "chai";
import fc from "fast-check";
import { UserError } from "../../lib/errors.js";
import { segmentationToRle } from "../../lib/masks/coco.js";
import { boxToRle, polygonsToRle, polygonToRle } from "../../lib/masks/polygons.js";
import { decodeRle, rleArea, rleBoxXywh } from "../../lib/masks/rle.js";
import { compressRle } from "../../lib/masks/strings.js";
import { goldens } from "../support/goldens.js";

interface Polygons {
  readonly cases: readonly {
    size: [number, number];
    kind: string;
    polygons: number[][];
    rles: string[];
    merged: string;
    area: number;
    bbox: number[];
  }[];
  readonly boxes: readonly { size: [number, number]; boxes: [number, number, number, number][]; rles: string[] }[];
}

/** The reference's way: every point of the boundary on the fine grid, one after the other. */
function walkedBitmap(points: readonly number[], height: number, width: number): Uint8Array {
  const fine = points.map((c) => Math.trunc(5 * c + 0.5));
  const walk: [number, number][] = [];
  for (let i = 0; i < fine.length; i += 2) {
    let [x0, y0, x1, y1] = [0, 1, 2, 3].map((k) => fine[(i + k) % fine.length]!) as [number, number, number, number];
    const [dx, dy] = [Math.abs(x1 - x0), Math.abs(y1 - y0)];
    const flipped = (dx >= dy && x0 > x1) || (dx < dy && y0 > y1);
    if (flipped) [x0, y0, x1, y1] = [x1, y1, x0, y0];
    const slope = dx >= dy ? (y1 - y0) / (dx || 1) : (x1 - x0) / dy;
    for (let d = 0; d <= Math.max(dx, dy); d++) {
      const t = flipped ? Math.max(dx, dy) - d : d;
      if (dx >= dy) walk.push([t + x0, Math.trunc(y0 + slope * t + 0.5)]);
      else walk.push([Math.trunc(x0 + slope * t + 0.5), t + y0]);
    }
  }
  const parity = new Uint8Array(height * width + 1);
  for (let j = 1; j < walk.length; j++) {
    const [[u0, v0], [u1, v1]] = [walk[j - 1]!, walk[j]!];
    if (u0 === u1) continue;
    const x = ((u1 < u0 ? u1 : u1 - 1) + 0.5) / 5 - 0.5;
    if (Math.floor(x) !== x || x < 0 || x > width - 1) continue;
    const y = Math.ceil(Math.min(height, Math.max(0, (Math.min(v0, v1) + 0.5) / 5 - 0.5)));
    parity[x * height + y]! ^= 1;
  }
  const bitmap = new Uint8Array(height * width);
  for (let i = 0, inside = 0; i < height * width; i++) {
    inside ^= parity[i]!;
    bitmap[(i % height) * width + Math.floor(i / height)] = inside;
  }
  return bitmap;
}

describe("polygons and boxes to masks", () => {
  it("equal a walk along the whole boundary, inside and outside the image", () => {
    const coordinate = fc.oneof(
      fc.double({ min: -5, max: 40, noNaN: true }),
      fc.integer({ min: -300, max: 300 }).map((value) => value / 10),
      fc.double({ min: -2000, max: 2000, noNaN: true }),
    );
    const polygon = fc
      .array(fc.tuple(coordinate, coordinate), { minLength: 3, maxLength: 9 })
      .map((points) => points.flat());
    const side = fc.integer({ min: 1, max: 40 });
    fc.assert(
      fc.property(polygon, side, side, (points, height, width) => {
        expect(decodeRle(polygonToRle(points, height, width))).to.deep.equal(walkedBitmap(points, height, width));
      }),
      { numRuns: 200 },
    );
  });

  it("cost only what they cross of the image, however far they reach", () => {
    const far = 2 ** 40;
    const whole = polygonToRle([-far, -far, far, -far, far, far, -far, far], 30, 20);
    expect(whole.counts).to.deep.equal(Uint32Array.of(0, 600));
    const inside = polygonToRle([5, 5, 15, 5, 15, 2 ** 31, 5, 2 ** 31], 30, 20);
    expect([rleArea(inside), rleBoxXywh(inside)]).to.deep.equal([250, [5, 5, 10, 25]]);
    // One step across per 2³² down: nothing wraps around beyond 32 bits.
    const wedge = polygonToRle([0, -(2 ** 32), 20, 0, 0, 2 ** 32], 30, 20);
    expect(rleArea(wedge)).to.equal(600);
    const zigzag = Array.from({ length: 20_000 }, (_, i) => [i % 2 === 0 ? -4e8 : 4e8, i]).flat();
    expect(polygonToRle(zigzag, 30, 20).height).to.equal(30);
  });

  it("are refused beyond exact coordinates, or beyond the cost limit of an outline", () => {
    expect(() => polygonToRle([0, 0, 1e300, 0, 5, 5], 9, 9, "annotation 5")).to.throw(
      UserError,
      "annotation 5: polygon coordinate 2 is 1e+300; they go from −1099511627776 to 1099511627776",
    );
    const zigzag = Array.from({ length: 300 }, (_, i) => [i % 2 === 0 ? 0 : 65_535, i]).flat();
    expect(() => polygonToRle(zigzag, 65_535, 65_535, "annotation 5")).to.throw(
      UserError,
      "annotation 5: the polygon's outline crosses columns of pixels 19660500 times; at most 16777216 are drawn",
    );
  });

  for (const { place, open } of goldens("rle")) {
    it(`equal the reference's, pixel for pixel: ${place}`, function () {
      const { cases, boxes } = open(this).json<Polygons>("polygons.json");
      expect(cases.length).to.be.greaterThan(10);
      for (const { size, polygons, rles, merged, area, bbox } of cases) {
        expect(polygons.map((points) => compressRle(polygonToRle(points, ...size)))).to.deep.equal(rles);
        const union = polygonsToRle(polygons, ...size);
        expect(compressRle(union)).to.equal(merged);
        expect(rleArea(union)).to.equal(area);
        if (area > 0) expect(rleBoxXywh(union)).to.deep.equal(bbox);
      }
      for (const { size, boxes: list, rles } of boxes) {
        expect(list.map((box) => compressRle(boxToRle(box, ...size)))).to.deep.equal(rles);
      }
    });
  }

  it("cover exactly the pixels of a box with whole-number corners", () => {
    const corner = fc.integer({ min: 0, max: 20 });
    fc.assert(
      fc.property(corner, corner, corner, corner, (x, y, w, h) => {
        const area = rleArea(boxToRle([x, y, w, h], 20, 20));
        expect(area).to.equal((Math.min(20, x + w) - Math.min(20, x)) * (Math.min(20, y + h) - Math.min(20, y)));
      }),
    );
  });

  it("do not depend on the polygon's direction or first point beyond its boundary", () => {
    const square = [2, 2, 2, 8, 8, 8, 8, 2];
    const area = rleArea(polygonToRle(square, 10, 10));
    expect(area).to.equal(36);
    expect(rleArea(polygonToRle([8, 2, 8, 8, 2, 8, 2, 2], 10, 10))).to.equal(area);
    expect(rleArea(polygonToRle([8, 8, 8, 2, 2, 2, 2, 8], 10, 10))).to.equal(area);
  });

  it("are refused with the object's name when malformed", () => {
    const refused: [points: number[], message: RegExp][] = [
      [[1, 1, 2, 2], /^annotation 5: .*at least 3 points.*4 numbers/],
      [[1, 1, 2, 2, 3, 3, 4], /^annotation 5: .*7 numbers/],
      [[1, 1, 2, Number.NaN, 3, 3], /^annotation 5: .*coordinate 3 is NaN/],
    ];
    for (const [points, message] of refused) {
      expect(() => polygonToRle(points, 9, 9, "annotation 5")).to.throw(UserError, message);
    }
    expect(() => polygonsToRle([], 9, 9, "annotation 5")).to.throw(UserError, /annotation 5: .*empty/);
  });
});

describe("a COCO segmentation", () => {
  it("may be polygons, a list of counts or a string", () => {
    const polygons = segmentationToRle([[1, 0, 1, 2, 3, 2, 3, 0]], 2, 3);
    expect([...polygons.counts]).to.deep.equal([2, 4]);
    expect(segmentationToRle({ size: [2, 3], counts: [2, 4] }, 2, 3)).to.deep.equal(polygons);
    expect(segmentationToRle({ size: [2, 3], counts: compressRle(polygons) }, 2, 3)).to.deep.equal(polygons);
  });

  it("must have its image's size", () => {
    expect(() => segmentationToRle({ size: [3, 2], counts: [6] }, 2, 3, "result 1")).to.throw(
      UserError,
      /^result 1: .*\[3,2\].*\[2,3\]/,
    );
  });
});
