import { expect } from "chai";
import { checksum, IGNORED, labelMap, normalisedImages, objects, outputGradient, rms } from "../../bench/inputs.js";

describe("bench/inputs", () => {
  it("makes inputs with the Python side's checksums", () => {
    const size = [512, 512] as const;
    const shown = normalisedImages(2, size);
    const truth = [0, 1].map((image) => objects(image, size, { classes: 80, count: 8 }));
    expect(checksum(shown, ...truth.flatMap(({ boxes, labels, masks }) => [boxes, labels, ...masks]))).to.equal(
      2607086813,
    );
    expect(checksum(shown, labelMap(0, size, 150), labelMap(1, size, 150))).to.equal(1449809850);
  });

  it("keeps objects inside the image, with masks that are ellipses inscribed in their boxes", () => {
    const [height, width] = [320, 480];
    const { boxes, labels, masks } = objects(3, [height, width], { classes: 7, count: 12 });
    expect(masks).to.have.length(12);
    for (const [i, mask] of masks.entries()) {
      const [x0 = -1, y0 = -1, x1 = Infinity, y1 = Infinity] = boxes.subarray(i * 4, i * 4 + 4);
      expect(Math.min(x0, y0)).to.be.at.least(0);
      expect(x1).to.be.at.most(width);
      expect(y1).to.be.at.most(height);
      expect(labels[i]).to.be.within(0, 6);
      const inside = mask.filter((pixel, p) => pixel === 1 && p % width >= x0 && p % width < x1).length;
      expect(inside).to.equal(mask.reduce((a, b) => a + b, 0));
      expect(inside / ((x1 - x0) * (y1 - y0))).to.be.closeTo(Math.PI / 4, 0.05);
    }
  });

  it("makes label maps of squares, a few of them ignored", () => {
    const map = labelMap(0, [512, 512], 20);
    for (let p = 0; p < map.length; p++) {
      const corner = Math.floor(p / 512 / 16) * 16 * 512 + Math.floor((p % 512) / 16) * 16;
      if (map[p] !== map[corner]) expect.fail(`pixel ${p} differs from its square's corner`);
    }
    const ignored = map.filter((label) => label === IGNORED).length / map.length;
    expect(ignored).to.be.closeTo(1 / 21, 0.03);
    expect(new Set(map).size).to.equal(21);
  });

  it("makes one gradient per output, of the output's size", () => {
    expect(outputGradient(2, 2, 224, [64, 96])).to.have.length(2 * 224 * 4 * 6);
    expect(rms(outputGradient(0, 1, 48, [256, 256]))).to.be.closeTo(1 / Math.sqrt(3), 0.01);
  });
});
