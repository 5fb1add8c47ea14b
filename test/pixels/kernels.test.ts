import { expect } from "chai";
import fc from "fast-check";
import { changeHsv, changeHsvPlain, throughTable } from "../../lib/pixels/colour.js";
import { cropImage, cropLabelMap, flipImage } from "../../lib/pixels/geometry.js";
import { writeNormalised } from "../../lib/pixels/normalise.js";
import {
  bilinear,
  resizeImage,
  resizeImageLater,
  resizeLabelMap,
  resizeLabelMapLater,
  resizeWindow,
} from "../../lib/pixels/resize.js";
import { noiseImage, noiseLabels } from "./images.js";

const sides = fc.integer({ min: 1, max: 90 });

describe("the kernels for images", () => {
  it("resize exactly like plain loops", () => {
    fc.assert(
      fc.property(sides, sides, sides, sides, fc.nat(), (width, height, newWidth, newHeight, seed) => {
        const image = noiseImage(width, height, seed);
        const size = { width: newWidth, height: newHeight };
        if (newWidth === width && newHeight === height) return;
        expect(resizeImage(image, size).data).to.deep.equal(bilinear(image, size));
      }),
      { numRuns: 200 },
    );
  });

  it("resize large images in bands, up and down", () => {
    const image = noiseImage(1100, 700, 3);
    for (const size of [
      { width: 1500, height: 930 },
      { width: 301, height: 99 },
      { width: 1100, height: 30 },
    ]) {
      expect(Buffer.compare(resizeImage(image, size).data, bilinear(image, size))).to.equal(0);
    }
  });

  it("resize a window like cropping the whole, now or on demand", () => {
    fc.assert(
      fc.property(sides, sides, sides, sides, fc.nat(), (width, height, newWidth, newHeight, seed) => {
        const image = noiseImage(width, height, seed);
        const size = { width: newWidth, height: newHeight };
        const [left, top] = [seed % newWidth, seed % newHeight];
        const window = { left, top, width: 1 + ((newWidth - left - 1) >> 1), height: newHeight - top };
        const expected = cropImage(resizeImage(image, size), window);
        expect(resizeWindow(image, size, window)).to.deep.equal(expected);
        const later = resizeImageLater(image, size);
        expect(cropImage(later, window)).to.deep.equal(expected);
        expect(later.data).to.deep.equal(resizeImage(image, size).data);
        expect(cropImage(later, window), "after its pixels were asked for").to.deep.equal(expected);
        expect(() => cropImage(later, { ...window, left: newWidth })).to.throw(RangeError, "leaves");
      }),
      { numRuns: 100 },
    );
  });

  it("change hue and saturation like plain loops, except for rounding in single precision", () => {
    let off = 0;
    let all = 0;
    for (const [i, change] of [
      { hue: 34 },
      { hue: -123.4, saturation: 0.6 },
      { saturation: 1.7 },
      { hue: 359 },
    ].entries()) {
      for (const [width, height] of [
        [1, 1],
        [5, 3],
        [301, 700],
      ] as const) {
        const image = noiseImage(width, height, i);
        if (width > 100) image.data.fill(90, 300, 600); // grey
        const expected = changeHsvPlain(image, change).data;
        const { data } = changeHsv(image, change);
        for (let k = 0; k < data.length; k++) {
          const difference = Math.abs(data[k]! - expected[k]!);
          if (difference > 1) expect.fail(`${JSON.stringify(change)}: value ${k} is ${data[k]}, not ${expected[k]}`);
          off += difference;
        }
        all += data.length;
      }
    }
    expect(off / all).to.be.below(0.01);
  });

  it("map every value through a table", () => {
    const table = Uint8Array.from({ length: 256 }, (_, i) => (i * 7 + 3) & 255);
    for (const [width, height] of [
      [3, 1],
      [1000, 501],
    ] as const) {
      const image = noiseImage(width, height, 2);
      const expected = image.data.map((value) => table[value]!);
      expect(Buffer.compare(throughTable(image, table).data, expected)).to.equal(0);
    }
  });

  it("resize a label map's window like cropping the whole", () => {
    const map = noiseLabels(37, 29, 9);
    const size = { width: 80, height: 21 };
    const window = { left: 11, top: 3, width: 50, height: 17 };
    const expected = cropLabelMap(resizeLabelMap(map, size), window);
    const later = resizeLabelMapLater(map, size);
    expect(cropLabelMap(later, window)).to.deep.equal(expected);
    expect(later.data).to.deep.equal(resizeLabelMap(map, size).data);
    expect(cropLabelMap(later, window)).to.deep.equal(expected);
  });

  it("mirror and normalise images of any width, over several bands", () => {
    fc.assert(
      fc.property(sides, sides, fc.nat({ max: 9 }), fc.nat(), (width, height, more, seed) => {
        expectMirroredAndNormalised(width, height, more, seed);
      }),
      { numRuns: 50 },
    );
    expectMirroredAndNormalised(613, 700, 5, 1);
  });
});

function expectMirroredAndNormalised(width: number, height: number, more: number, seed: number): void {
  const image = noiseImage(width, height, seed);
  const { data } = flipImage(image);
  const [mean, std] = [
    [10, 20, 30],
    [2, 3, 7],
  ] as const;
  const [paddedWidth, paddedHeight] = [width + more, height + 2];
  const plane = paddedWidth * paddedHeight;
  const target = new Float32Array(3 * plane + 4).fill(-99);
  writeNormalised(image, target, 2, { mean, std, paddedHeight, paddedWidth });
  for (let i = 0; i < width * height * 3; i++) {
    const [c, x, y] = [i % 3, Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
    if (data[i] !== image.data[(y * width + width - 1 - x) * 3 + c]) expect.fail(`mirrored: ${x}, ${y}`);
    const value = target[2 + c * plane + y * paddedWidth + x];
    if (value !== Math.fround((image.data[i]! - mean[c]!) / std[c]!)) expect.fail(`normalised: ${x}, ${y}: ${value}`);
  }
  expect([target[0], target[1], target.at(-2), target.at(-1)]).to.deep.equal([-99, -99, -99, -99]);
  for (let i = 0; i < 3 * plane; i++) {
    const [x, y] = [i % paddedWidth, Math.floor(i / paddedWidth) % paddedHeight];
    if ((x >= width || y >= height) && target[2 + i] !== 0) expect.fail(`padding: ${x}, ${y}: ${target[2 + i]}`);
  }
}
