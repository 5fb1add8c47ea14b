import { expect } from "chai";
import fc from "fast-check";
import { UserError } from "../../lib/errors.js";
import { pasteMasks } from "../../lib/masks/paste.js";
import { decodeRle, rleArea } from "../../lib/masks/rle.js";
import { compressRle, decompressRle } from "../../lib/masks/strings.js";
import { goldens } from "../support/goldens.js";

interface PasteCase {
  readonly name: string;
  readonly image_hw: [number, number];
  readonly boxes: number[][];
  readonly masks: string;
  readonly threshold: number;
  readonly rle: string[];
  readonly margin: number[];
  readonly pasted_first6: string;
}

/** The probability at a pixel's centre: bilinear between cell centres, 0 beyond the mask. */
function probabilityAt(mask: ArrayLike<number>, size: number, box: readonly number[], x: number, y: number): number {
  const u = ((x + 0.5 - box[0]!) / (box[2]! - box[0]!)) * size - 0.5;
  const v = ((y + 0.5 - box[1]!) / (box[3]! - box[1]!)) * size - 0.5;
  let sum = 0;
  for (let j = Math.floor(v); j <= Math.floor(v) + 1; j++) {
    for (let i = Math.floor(u); i <= Math.floor(u) + 1; i++) {
      if (i < 0 || j < 0 || i >= size || j >= size) continue;
      sum += mask[j * size + i]! * (1 - Math.abs(u - i)) * (1 - Math.abs(v - j));
    }
  }
  return sum;
}

describe("pasting masks", () => {
  const sets = goldens("mask_paste").flatMap(({ place, open }) =>
    ["small", "wide"].map((name) => ({ place, open, name })),
  );
  for (const { place, open, name } of sets) {
    it(`agrees with the reference's masks (${name}): ${place}`, function () {
      const { json, array } = open(this);
      const golden = json<{ cases: PasteCase[] }>("cases.json").cases.find((c) => c.name === name)!;
      const [height, width] = golden.image_hw;
      const masks = Float32Array.from(array(golden.masks).data);
      const { threshold } = golden;
      const pasted = pasteMasks({
        masks,
        size: 28,
        boxes: Float32Array.from(golden.boxes.flat()),
        height,
        width,
        threshold,
      });
      expect(pasted.length).to.equal(golden.rle.length);
      pasted.forEach((rle, n) => {
        if (golden.margin[n]! > 1e-5) expect(compressRle(rle), `mask ${n}`).to.equal(golden.rle[n]);
        else {
          const expected = decodeRle(decompressRle(golden.rle[n]!, height, width));
          expect(decodeRle(rle).filter((v, i) => v !== expected[i]).length, `mask ${n}`).to.be.at.most(2);
        }
      });
    });

    it(`agrees with the reference's probabilities at every threshold (${name}): ${place}`, function () {
      const { json, array } = open(this);
      const golden = json<{ cases: PasteCase[] }>("cases.json").cases.find((c) => c.name === name)!;
      const [height, width] = golden.image_hw;
      const masks = Float32Array.from(array(golden.masks).data).subarray(0, 6 * 784);
      const boxes = Float32Array.from(golden.boxes.slice(0, 6).flat());
      const { indices, data } = array(golden.pasted_first6);
      for (const threshold of [0.02, 0.3, 0.7, 0.95]) {
        const pasted = pasteMasks({ masks, size: 28, boxes, height, width, threshold });
        const bitmaps = pasted.map((rle) => decodeRle(rle));
        for (let k = 0; k < data.length; k++) {
          const pixel = indices?.[k] ?? k;
          const inside = bitmaps[Math.floor(pixel / (height * width))]![pixel % (height * width)];
          if (Math.abs(data[k]! - threshold) > 1e-4) expect(inside).to.equal(data[k]! >= threshold ? 1 : 0);
        }
      }
    });
  }

  it("is bilinear sampling at every pixel's centre", () => {
    const coordinate = fc.double({ min: -15, max: 30, noNaN: true });
    const extent = fc.double({ min: 0.05, max: 40, noNaN: true });
    const mask = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 16, maxLength: 16 });
    fc.assert(
      fc.property(mask, coordinate, coordinate, extent, extent, (values, x, y, w, h) => {
        const masks = Float32Array.from(values);
        const boxes = Float32Array.of(x, y, x + w, y + h);
        const [rle] = pasteMasks({ masks, size: 4, boxes, height: 17, width: 19 });
        decodeRle(rle!).forEach((inside, i) => {
          const probability = probabilityAt(masks, 4, [...boxes], i % 19, Math.floor(i / 19));
          if (Math.abs(probability - 0.5) > 1e-9) expect(inside).to.equal(probability > 0.5 ? 1 : 0);
        });
      }),
    );
  });

  it("gives an empty mask for a box outside the image or with negative sides", () => {
    const masks = new Float32Array(3 * 784).fill(1);
    const boxes = Float32Array.of(50, 50, 60, 60, -30, 2, -20, 9, 8, 8, 4, 4);
    for (const rle of pasteMasks({ masks, size: 28, boxes, height: 20, width: 30 })) expect(rleArea(rle)).to.equal(0);
  });

  it("refuses a threshold outside (0, 1] and masks that do not fit the boxes", () => {
    const one = { masks: new Float32Array(784), size: 28, boxes: new Float32Array(4), height: 5, width: 5 };
    expect(() => pasteMasks({ ...one, threshold: 0 })).to.throw(UserError, /threshold/);
    expect(() => pasteMasks({ ...one, boxes: new Float32Array(8) })).to.throw(RangeError);
  });
});
