import { expect } from "chai";
import fc from "fast-check";
import { changeHsv, scaleValues } from "../../lib/pixels/colour.js";
import { cropImage, cropLabelMap, flipImage, flipLabelMap, padImage, padLabelMap } from "../../lib/pixels/geometry.js";
import type { Image } from "../../lib/pixels/image.js";
import { IMAGENET_NORMALISATION, writeNormalised } from "../../lib/pixels/normalise.js";
import { noiseImage, noiseLabels } from "./images.js";

const pixel = (image: Image, x: number, y: number) =>
  Array.from(image.data.subarray((y * image.width + x) * 3, (y * image.width + x) * 3 + 3));

describe("flip, crop and pad", () => {
  it("mirrors left and right", () => {
    const image = noiseImage(5, 3);
    const flipped = flipImage(image);
    for (let y = 0; y < 3; y++)
      for (let x = 0; x < 5; x++) expect(pixel(flipped, x, y)).to.deep.equal(pixel(image, 4 - x, y));
    expect(flipImage(flipped)).to.deep.equal(image);
    const map = { width: 3, height: 2, data: Uint8Array.of(1, 2, 3, 4, 5, 6) };
    expect(Array.from(flipLabelMap(map).data)).to.deep.equal([3, 2, 1, 6, 5, 4]);
    expect(Array.from(map.data)).to.deep.equal([1, 2, 3, 4, 5, 6]);
  });

  it("crops windows, and refuses those outside the image", () => {
    const image = noiseImage(6, 5);
    const window = { left: 2, top: 1, width: 3, height: 4 };
    const cropped = cropImage(image, window);
    for (let y = 0; y < 4; y++)
      for (let x = 0; x < 3; x++) expect(pixel(cropped, x, y)).to.deep.equal(pixel(image, x + 2, y + 1));
    const map = noiseLabels(6, 5, 200);
    expect(cropLabelMap(map, window).data[0]).to.equal(map.data[6 + 2]);
    expect(() => cropImage(image, { ...window, left: 4 })).to.throw(RangeError);
    expect(() => cropLabelMap(map, { ...window, top: -1 })).to.throw(RangeError);
  });

  it("pads right and below", () => {
    const image = noiseImage(2, 2);
    const padded = padImage(image, { width: 4, height: 3 }, [7, 8, 9]);
    expect(cropImage(padded, { left: 0, top: 0, width: 2, height: 2 })).to.deep.equal(image);
    expect([pixel(padded, 3, 0), pixel(padded, 0, 2)]).to.deep.equal([
      [7, 8, 9],
      [7, 8, 9],
    ]);
    const map = padLabelMap({ width: 1, height: 1, data: Uint8Array.of(3) }, { width: 2, height: 2 });
    expect(Array.from(map.data)).to.deep.equal([3, 255, 255, 255]);
  });
});

describe("normalising", () => {
  it("writes channel planes at the offset, and zeros around the image", () => {
    const image = noiseImage(3, 2);
    const target = new Float32Array(5 + 3 * 4 * 5).fill(99);
    writeNormalised(image, target, 5, { ...IMAGENET_NORMALISATION, paddedHeight: 4, paddedWidth: 5 });
    expect(target.subarray(0, 5).every((v) => v === 99)).to.equal(true);
    for (let c = 0; c < 3; c++) {
      for (let y = 0; y < 4; y++) {
        for (let x = 0; x < 5; x++) {
          const value = image.data[(y * 3 + x) * 3 + c]!;
          const { mean, std } = IMAGENET_NORMALISATION;
          const expected = x < 3 && y < 2 ? (value - mean[c]!) / std[c]! : 0;
          expect(target[5 + (c * 4 + y) * 5 + x]).to.be.closeTo(expected, 1e-6);
        }
      }
    }
  });

  it("refuses an image that does not fit", () => {
    const options = { ...IMAGENET_NORMALISATION, paddedHeight: 2, paddedWidth: 2 };
    expect(() => writeNormalised(noiseImage(3, 2), new Float32Array(99), 0, options)).to.throw(RangeError, "3×2");
    expect(() => writeNormalised(noiseImage(2, 2), new Float32Array(11), 0, options)).to.throw(RangeError, "no room");
  });
});

describe("colour changes", () => {
  it("scales and shifts values, truncated to whole numbers of 0–255", () => {
    const image = { width: 1, height: 1, data: Uint8Array.of(10, 101, 250) };
    expect(Array.from(scaleValues(image, 1.5, -20).data)).to.deep.equal([0, 131, 255]);
  });

  it("rotates hues", () => {
    const red = { width: 1, height: 1, data: Uint8Array.of(200, 20, 20) };
    expect(Array.from(changeHsv(red, { hue: 120 }).data)).to.deep.equal([20, 200, 20]);
    expect(Array.from(changeHsv(red, { hue: -120 }).data)).to.deep.equal([20, 20, 200]);
    expect(Array.from(changeHsv(red, { hue: 60 }).data)).to.deep.equal([200, 200, 20]);
  });

  it("changes saturation up to the fullest colour and keeps the value", () => {
    const colour = { width: 1, height: 1, data: Uint8Array.of(200, 150, 100) };
    expect(Array.from(changeHsv(colour, { saturation: 0 }).data)).to.deep.equal([200, 200, 200]);
    expect(Array.from(changeHsv(colour, { saturation: 0.5 }).data)).to.deep.equal([200, 175, 150]);
    expect(Array.from(changeHsv(colour, { saturation: 9 }).data)).to.deep.equal([200, 100, 0]);
  });

  it("without a change returns the same image, and also after a full turn", () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const image = noiseImage(4, 4, seed);
        expect(changeHsv(image, {})).to.deep.equal(image);
        expect(changeHsv(image, { hue: 360 })).to.deep.equal(image);
        expect(changeHsv(image, { hue: -360 })).to.deep.equal(image);
      }),
      { numRuns: 30 },
    );
  });
});
