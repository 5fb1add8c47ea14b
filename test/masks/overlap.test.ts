import { expect } from "chai";
import fc from "fast-check";
import { UserError } from "../../lib/errors.js";
import { mergeRles, rleIou } from "../../lib/masks/overlap.js";
import { decodeRle, encodeRle, rleArea } from "../../lib/masks/rle.js";
import { compressRle, decompressRle } from "../../lib/masks/strings.js";
import { goldens } from "../support/goldens.js";
import { type Bitmap, bitmap, bitmaps } from "./arbitraries.js";

interface MergeIou {
  readonly merge: readonly { size: [number, number]; rles: string[]; union: string; intersect: string }[];
  readonly mask_iou: readonly {
    size: [number, number];
    dt: string[];
    gt: string[];
    iscrowd: number[];
    iou: number[][];
  }[];
}

const encode = ({ data, height, width }: Bitmap) => encodeRle(data, height, width);

describe("overlaps of masks", () => {
  for (const { place, open } of goldens("rle")) {
    it(`agree with the reference's unions and intersections: ${place}`, function () {
      const { merge } = open(this).json<MergeIou>("merge_iou.json");
      expect(merge.length).to.be.greaterThan(5);
      for (const { size, rles, union, intersect } of merge) {
        const masks = rles.map((text) => decompressRle(text, ...size));
        expect(compressRle(mergeRles(masks, "union"))).to.equal(union);
        expect(compressRle(mergeRles(masks, "intersection"))).to.equal(intersect);
      }
    });

    it(`agree with the reference's IoU, crowds included: ${place}`, function () {
      const { mask_iou } = open(this).json<MergeIou>("merge_iou.json");
      expect(mask_iou.some(({ iscrowd }) => iscrowd.includes(1))).to.equal(true);
      for (const { size, dt, gt, iscrowd, iou } of mask_iou) {
        const read = (texts: string[]) => texts.map((text) => decompressRle(text, ...size));
        const ious = rleIou(read(dt), read(gt), iscrowd);
        iou.flat().forEach((expected, i) => {
          expect(ious[i]).to.be.closeTo(expected, 1e-12);
        });
      }
    });
  }

  it("equal those of the bitmaps", () => {
    fc.assert(
      fc.property(bitmaps, fc.boolean(), (maps, crowd) => {
        const masks = maps.map(encode);
        const ious = rleIou(
          masks,
          masks,
          maps.map(() => (crowd ? 1 : 0)),
        );
        maps.forEach((a, i) => {
          maps.forEach((b, j) => {
            const shared = a.data.filter((v, k) => v === 1 && b.data[k] === 1).length;
            const either = a.data.filter((v, k) => v === 1 || (!crowd && b.data[k] === 1)).length;
            expect(ious[i * maps.length + j]).to.equal(shared === 0 ? 0 : shared / either);
          });
        });
        const union = maps[0]!.data.map((_, k) => (maps.some(({ data }) => data[k] === 1) ? 1 : 0));
        const intersection = maps[0]!.data.map((_, k) => (maps.every(({ data }) => data[k] === 1) ? 1 : 0));
        expect(decodeRle(mergeRles(masks, "union"))).to.deep.equal(union);
        expect(decodeRle(mergeRles(masks, "intersection"))).to.deep.equal(intersection);
      }),
    );
  });

  it("obey |A ∪ B| + |A ∩ B| = |A| + |B|, and a mask's complement shares nothing with it", () => {
    fc.assert(
      fc.property(bitmap, (map) => {
        const a = encode(map);
        const rest = encode({ ...map, data: map.data.map((v) => 1 - v) });
        expect(rleArea(mergeRles([a, rest], "union"))).to.equal(map.height * map.width);
        expect(rleArea(mergeRles([a, rest], "intersection"))).to.equal(0);
        expect(rleIou([a], [rest], [0])[0]).to.equal(0);
      }),
    );
  });

  it("refuse masks of different sizes and an empty list", () => {
    const small = encodeRle(Uint8Array.of(1, 1), 1, 2);
    const tall = encodeRle(Uint8Array.of(1, 1), 2, 1);
    expect(() => mergeRles([small, tall], "union")).to.throw(UserError, /1 × 2 and 2 × 1/);
    expect(() => rleIou([small], [tall], [0])).to.throw(UserError, /1 × 2 .* 2 × 1/);
    expect(() => mergeRles([], "union")).to.throw(UserError, /at least one/);
  });
});
