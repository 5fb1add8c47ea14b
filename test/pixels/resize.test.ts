import { readFileSync } from "node:fs";
import { expect } from "chai";
import fc from "fast-check";
import { cropLabelMap } from "../../lib/pixels/geometry.js";
import type { Image, Size } from "../../lib/pixels/image.js";
import { nearestIndices } from "../../lib/pixels/nearest.js";
import { type Interpolation, resizeImage, resizeLabelMap, resizeLabelMapLater } from "../../lib/pixels/resize.js";
import { noiseImage, smoothImage } from "./images.js";

const sides = fc.integer({ min: 1, max: 40 });

describe("resizing images", () => {
  const naive: Record<Interpolation, (image: Image, size: Size) => Float64Array> = {
    bilinear: naiveBilinear,
    "bilinear-antialias": (image, size) => naiveFilter(image, size, 1, (t) => 1 - t),
    "bicubic-antialias": (image, size) =>
      naiveFilter(image, size, 2, (t) =>
        t < 1 ? 1.5 * t ** 3 - 2.5 * t ** 2 + 1 : -0.5 * t ** 3 + 2.5 * t ** 2 - 4 * t + 2,
      ),
  };

  for (const interpolation of Object.keys(naive) as Interpolation[]) {
    it(`${interpolation} agrees with the formula`, () => {
      fc.assert(
        fc.property(sides, sides, sides, sides, fc.nat(), (width, height, newWidth, newHeight, seed) => {
          const image = noiseImage(width, height, seed);
          const size = { width: newWidth, height: newHeight };
          const { data } = resizeImage(image, size, interpolation);
          const expected = naive[interpolation](image, size);
          // Fixed point and, for the antialiased ones, a rounding between the passes.
          const tolerance = interpolation === "bilinear" ? 0.63 : 1.3;
          for (const [i, value] of data.entries()) expect(value).to.be.closeTo(expected[i]!, tolerance);
        }),
        { numRuns: 60 },
      );
    });
  }

  it("bilinear gives known values", () => {
    const image = { width: 2, height: 1, data: Uint8Array.of(0, 0, 0, 100, 100, 100) };
    const { data } = resizeImage(image, { width: 4, height: 1 });
    expect(Array.from(data).filter((_, i) => i % 3 === 0)).to.deep.equal([0, 25, 75, 100]);
  });

  it("halving: bilinear averages two by two, antialiased smooths wider", () => {
    const image = { width: 4, height: 1, data: Uint8Array.of(...[0, 0, 100, 200].flatMap((v) => [v, v, v])) };
    const half = (interpolation: Interpolation) =>
      Array.from(resizeImage(image, { width: 2, height: 1 }, interpolation).data).filter((_, i) => i % 3 === 0);
    expect(half("bilinear")).to.deep.equal([0, 150]);
    // Weights 3 3 1 of 7 at the left end (the filter's tail outside is dropped): 100 / 7.
    expect(half("bilinear-antialias")).to.deep.equal([14, 129]);
  });

  it("keeps an image of one colour", () => {
    for (const interpolation of Object.keys(naive) as Interpolation[]) {
      const image = { width: 19, height: 11, data: new Uint8Array(19 * 11 * 3).fill(201) };
      expect(resizeImage(image, { width: 7, height: 30 }, interpolation).data.every((v) => v === 201)).to.equal(true);
    }
  });

  it("returns the image itself for its own size", () => {
    const image = smoothImage(9, 8);
    expect(resizeImage(image, image)).to.equal(image);
  });
});

describe("resizing label maps", () => {
  // For rows of distinct values, the positions where OpenCV 5.0 differs from ⌊i · source ÷ output⌋ by −1.
  const recorded: [source: number, output: number, lower: number[]][] = JSON.parse(
    readFileSync(new URL("../../../test/images/fixtures/nearest.json", import.meta.url), "utf8"),
  );
  const openCv = recorded.map(([source, output, lower]) => {
    const places = new Set(lower);
    const indices = Array.from({ length: output }, (_, i) => Math.floor((i * source) / output) - Number(places.has(i)));
    return { source, output, indices };
  });

  it("takes the same source pixels as OpenCV, for every recorded pair of sizes", () => {
    expect(openCv).to.have.length(441);
    for (const { source, output, indices } of openCv) {
      expect([...nearestIndices(source, output)], `${source} to ${output}`).to.deep.equal(indices);
    }
  });

  it("applies this to rows, columns and windows", () => {
    for (const { source, output, indices } of openCv.filter(({ source }) => source <= 256)) {
      const data = Uint8Array.from({ length: source }, (_, i) => i);
      const row = { width: source, height: 1, data };
      expect([...resizeLabelMap(row, { width: output, height: 1 }).data]).to.deep.equal(indices);
      const column = { width: 1, height: source, data };
      expect([...resizeLabelMap(column, { width: 1, height: output }).data]).to.deep.equal(indices);
      const window = { left: 1, top: 0, width: output - 1, height: 1 };
      if (output < 2 || output === source) continue;
      const cut = cropLabelMap(resizeLabelMapLater(row, { width: output, height: 1 }), window);
      expect([...cut.data]).to.deep.equal(indices.slice(1));
    }
  });
});

function naiveBilinear(image: Image, size: Size): Float64Array {
  return eachValue(size, (x, y, c) => {
    const [x0, x1, u] = neighbours(x, size.width, image.width);
    const [y0, y1, v] = neighbours(y, size.height, image.height);
    const at = (i: number, j: number): number => image.data[(j * image.width + i) * 3 + c]!;
    return (at(x0, y0) * (1 - u) + at(x1, y0) * u) * (1 - v) + (at(x0, y1) * (1 - u) + at(x1, y1) * u) * v;
  });
}

/** The two pixels around an output pixel's centre and the second one's weight; the edge is repeated. */
function neighbours(i: number, output: number, source: number): [number, number, number] {
  const centre = ((i + 0.5) * source) / output - 0.5;
  const left = Math.floor(centre);
  const inside = (j: number): number => Math.min(Math.max(j, 0), source - 1);
  return [inside(left), inside(left + 1), centre - left];
}

function naiveFilter(image: Image, size: Size, radius: number, kernel: (t: number) => number): Float64Array {
  const weight = (i: number, j: number, output: number, source: number): number => {
    const scale = source / output;
    const t = Math.abs(j + 0.5 - (i + 0.5) * scale) / Math.max(scale, 1);
    return t < radius ? kernel(t) : 0;
  };
  return eachValue(size, (x, y, c) => {
    let across = 0;
    const columns = Array.from({ length: image.width }, (_, j) => weight(x, j, size.width, image.width));
    const rows = Array.from({ length: image.height }, (_, j) => weight(y, j, size.height, image.height));
    const columnSum = columns.reduce((a, b) => a + b, 0);
    const rowSum = rows.reduce((a, b) => a + b, 0);
    for (const [j, vertical] of rows.entries()) {
      // Between the passes values are clamped to 0–255, which bicubic weights may leave.
      const row = columns.reduce((sum, w, i) => sum + w * image.data[(j * image.width + i) * 3 + c]!, 0) / columnSum;
      across += vertical * Math.min(Math.max(row, 0), 255);
    }
    return Math.min(Math.max(across / rowSum, 0), 255);
  });
}

function eachValue(size: Size, value: (x: number, y: number, c: number) => number): Float64Array {
  return Float64Array.from({ length: size.width * size.height * 3 }, (_, i) => {
    const pixel = Math.floor(i / 3);
    return value(pixel % size.width, Math.floor(pixel / size.width), i % 3);
  });
}
