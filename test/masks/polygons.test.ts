import { expect } from "chai";
import fc from "fast-check";
import { UserError } from "../../lib/errors.js";
import { segmentationToRle } from "../../lib/masks/coco.js";
import { boxToRle, polygonsToRle, polygonToRle } from "../../lib/masks/polygons.js";
import { rleArea, rleBoxXywh } from "../../lib/masks/rle.js";
import { compressRle } from "../../lib/masks/strings.js";
import { readJson, requireGoldens } from "../support/goldens.js";

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

describe("polygons and boxes to masks", () => {
  it("are the reference's, pixel for pixel", function () {
    const { cases, boxes } = readJson<Polygons>(`${requireGoldens(this, "rle")}/polygons.json`);
    expect(cases.length).to.be.greaterThan(100);
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

  it("must have its picture's size", () => {
    expect(() => segmentationToRle({ size: [3, 2], counts: [6] }, 2, 3, "result 1")).to.throw(
      UserError,
      /^result 1: .*\[3,2\].*\[2,3\]/,
    );
  });
});
