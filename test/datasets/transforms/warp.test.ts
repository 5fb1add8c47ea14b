import { expect } from "chai";
import fc from "fast-check";
import { resolveConfig } from "../../../lib/config/load.js";
import { applyTransforms, completeTransforms } from "../../../lib/datasets/transforms/index.js";
import { blendSamples } from "../../../lib/datasets/transforms/mixUp.js";
import { flipSample } from "../../../lib/datasets/transforms/randomFlip.js";
import { rotateSample } from "../../../lib/datasets/transforms/randomRotation.js";
import type { Sample } from "../../../lib/datasets/types.js";
import { warpSample } from "../../../lib/datasets/warp.js";
import { decodeRle, rleBoxXyxy } from "../../../lib/masks/rle.js";
import type { AffineMatrix } from "../../../lib/pixels/affine.js";
import { blurImage } from "../../../lib/pixels/blur.js";
import { compose, inverseOf, moved, rotation, translation } from "../../../lib/pixels/warp.js";
import { Random } from "../../../lib/random.js";
import { noiseImage } from "../../pixels/images.js";
import { userMessage } from "../../support/failure.js";
import { markedSample } from "./marked.js";

const sizes = fc.integer({ min: 24, max: 60 });
const seeds = fc.nat({ max: 1000 });

/** Image, label map, masks and boxes, without what tells how they came about. */
const contents = ({ image, labelMap, instances }: Sample) => ({ image, labelMap, instances });

/** A marked sample whose image has noise, so that no pixel can be mistaken for another, and whose map has three labels. */
function noisySample(width: number, height: number, seed: number): Sample {
  const marked = markedSample(width, height, seed);
  const data = marked.labelMap!.data.map((label, i) => (i % 7 === 0 ? 4 : label));
  return { ...marked, image: noiseImage(width, height, seed), labelMap: { width, height, data } };
}

/** A sample whose pixel (x, y) is that of the other one at `from(x, y)`. */
function shuffled(sample: Sample, width: number, height: number, from: (x: number, y: number) => [number, number]) {
  const pixels = Array.from({ length: width * height }, (_, i) => {
    const [x, y] = from(i % width, Math.floor(i / width));
    return y * sample.image.width + x;
  });
  return {
    image: {
      width,
      height,
      data: Uint8Array.from(pixels.flatMap((p) => Array.from(sample.image.data.subarray(3 * p, 3 * p + 3)))),
    },
    labels: Uint8Array.from(pixels, (p) => sample.labelMap!.data[p]!),
    masks: sample.instances!.masks.map((mask) => {
      const bitmap = decodeRle(mask!);
      return Uint8Array.from(pixels, (p) => bitmap[p]!);
    }),
  };
}

const matrices = fc
  .tuple(
    fc.double({ min: -180, max: 180, noNaN: true }),
    fc.double({ min: 0.4, max: 2.5, noNaN: true }),
    fc.double({ min: -0.6, max: 0.6, noNaN: true }),
    fc.double({ min: -20, max: 20, noNaN: true }),
  )
  .map(
    ([degrees, scale, shear, shift]): AffineMatrix =>
      compose(translation(shift, -shift / 2), compose(rotation(degrees), [scale, scale * shear, 0, 0, scale, 0])),
  );

describe("rotations", () => {
  it("by right angles are transposed and mirrored to the pixel", () => {
    fc.assert(
      fc.property(sizes, sizes, seeds, (width, height, seed) => {
        const sample = noisySample(width, height, seed);
        const turned = (degrees: number) => rotateSample(sample, degrees, { expand: true });
        const half = flipSample(flipSample(sample, "horizontal"), "vertical");
        expect(contents(turned(180))).to.deep.equal(contents(half));
        expect(contents(turned(-180))).to.deep.equal(contents(half));
        expect(turned(360)).to.deep.equal(sample);
        // Counter-clockwise: what was at the right is at the top.
        const ways = [
          [90, (x: number, y: number) => [width - 1 - y, x]],
          [-90, (x: number, y: number) => [y, height - 1 - x]],
        ] as const;
        for (const [degrees, from] of ways) {
          const found = turned(degrees);
          const wanted = shuffled(sample, height, width, from as never);
          expect(found.image).to.deep.equal(wanted.image);
          expect(found.labelMap!.data).to.deep.equal(wanted.labels);
          expect(found.instances!.masks.map((mask) => decodeRle(mask!))).to.deep.equal(wanted.masks);
          expect([found.meta.width, found.meta.height]).to.deep.equal([height, width]);
        }
      }),
      { numRuns: 25 },
    );
  });

  it("and back give what was there", () => {
    fc.assert(
      fc.property(sizes, sizes, seeds, fc.constantFrom(90, 180, 270), (width, height, seed, degrees) => {
        const sample = noisySample(width, height, seed);
        const back = rotateSample(rotateSample(sample, degrees, { expand: true }), -degrees, { expand: true });
        expect(back).to.deep.equal(sample);
      }),
      { numRuns: 20 },
    );
  });

  it("keep the whole image where the result may grow, and its size where not", () => {
    const sample = markedSample(60, 40, 3);
    for (let degrees = -170; degrees < 180; degrees += 35) {
      const grown = rotateSample(sample, degrees, { expand: true });
      expect(grown.instances!.labels).to.have.length(4);
      const kept = rotateSample(sample, degrees, { expand: false });
      expect([kept.image.width, kept.image.height]).to.deep.equal([60, 40]);
    }
    const { image } = rotateSample(sample, 45, { expand: true, fill: [1, 2, 3] });
    expect([image.width, image.height]).to.deep.equal([71, 71]);
    expect(Array.from(image.data.subarray(0, 3))).to.deep.equal([1, 2, 3]);
  });
});

describe("affine maps", () => {
  it("and their inverses cancel, for points; whole factors and shifts for pixels too", () => {
    fc.assert(
      fc.property(matrices, fc.double({ min: -99, max: 99, noNaN: true }), (matrix, x) => {
        for (const both of [compose(inverseOf(matrix), matrix), compose(matrix, inverseOf(matrix))]) {
          const [u, v] = moved(both, x, 2 - x);
          expect(u).to.be.closeTo(x, 1e-9);
          expect(v).to.be.closeTo(2 - x, 1e-9);
        }
      }),
    );
    fc.assert(
      fc.property(
        sizes,
        sizes,
        seeds,
        fc.constantFrom(1, 3),
        fc.integer({ min: 0, max: 9 }),
        (width, height, seed, k, by) => {
          const sample = noisySample(width, height, seed);
          const there: AffineMatrix = [k, 0, by, 0, k, 2 * by];
          const grown = { width: k * width + by, height: k * height + 2 * by };
          const back = warpSample(warpSample(sample, { matrix: there, size: grown }), {
            matrix: inverseOf(there),
            size: { width, height },
          });
          // Larger images are blended between their pixels, but at the pixels' centres they are what they were.
          expect(contents(back)).to.deep.equal(contents(sample));
        },
      ),
      { numRuns: 20 },
    );
  });

  it("draw boxes around what masks become, and give label maps no label they had not", () => {
    fc.assert(
      fc.property(sizes, sizes, seeds, matrices, (width, height, seed, matrix) => {
        const sample = noisySample(width, height, seed);
        const copied = structuredClone(sample);
        const size = { width: height + 7, height: width };
        const found = warpSample(sample, { matrix, size });
        expect(sample).to.deep.equal(copied);
        const labels = new Set(sample.labelMap!.data).add(255);
        for (const label of found.labelMap!.data) expect(labels.has(label)).to.equal(true);
        const { masks, boxes, ids } = found.instances!;
        for (const [i, mask] of masks.entries()) {
          expect(Array.from(boxes.subarray(4 * i, 4 * i + 4))).to.deep.equal(rleBoxXyxy(mask!));
        }
        // Each mask by itself, pixel by pixel; where none is left, the object is gone.
        const inverse = inverseOf(matrix);
        for (const [k, mask] of sample.instances!.masks.entries()) {
          const before = decodeRle(mask!);
          const wanted = Uint8Array.from({ length: size.width * size.height }, (_, i) => {
            const [u, v] = moved(inverse, (i % size.width) + 0.5, Math.floor(i / size.width) + 0.5);
            const inside = u >= 0 && v >= 0 && u < width && v < height;
            return inside ? before[Math.floor(v) * width + Math.floor(u)]! : 0;
          });
          const at = ids.indexOf(sample.instances!.ids[k]!);
          if (at < 0) expect(wanted.includes(1)).to.equal(false);
          else expect(decodeRle(masks[at]!)).to.deep.equal(wanted);
        }
      }),
      { numRuns: 40 },
    );
  });

  it("hold the corners of a box without a mask, and not more than its mask has where there is one", () => {
    const sample = markedSample(60, 60, 5);
    const bare = {
      ...sample,
      instances: { ...sample.instances!, masks: [undefined, ...sample.instances!.masks.slice(1)] },
    };
    const found = rotateSample(bare, 30, { expand: true }).instances!;
    const [x1, y1, x2, y2] = bare.instances.boxes;
    const matrix = compose(translation(41, 41), compose(rotation(30), translation(-30, -30)));
    const [xs, ys] = [0, 1].map((axis) =>
      [
        [x1, y1],
        [x2, y1],
        [x2, y2],
        [x1, y2],
      ].map(([x, y]) => moved(matrix, x!, y!)[axis]!),
    );
    const middle = found.boxes[0]! - Math.min(...xs!);
    expect(Math.abs(middle)).to.be.lessThan(1); // the larger canvas is of whole pixels
    expect(found.boxes[2]! - found.boxes[0]!).to.be.closeTo(Math.max(...xs!) - Math.min(...xs!), 1e-4);
    expect(found.boxes[3]! - found.boxes[1]!).to.be.closeTo(Math.max(...ys!) - Math.min(...ys!), 1e-4);
  });
});

describe("blurring", () => {
  it("is a Gaussian's weights over the neighbours, and leaves one colour as it is", () => {
    const image = noiseImage(17, 11, 4);
    const sigma = 1.3;
    const found = blurImage(image, sigma);
    const at = (x: number, y: number, c: number) =>
      image.data[(Math.min(Math.max(y, 0), 10) * 17 + Math.min(Math.max(x, 0), 16)) * 3 + c]!;
    for (const [x, y] of [
      [0, 0],
      [8, 5],
      [16, 3],
      [5, 10],
    ] as const) {
      for (let c = 0; c < 3; c++) {
        let [sum, weights] = [0, 0];
        for (let v = -4; v <= 4; v++) {
          for (let u = -4; u <= 4; u++) {
            const weight = Math.exp(-(u * u + v * v) / (2 * sigma * sigma));
            sum += weight * at(x + u, y + v, c);
            weights += weight;
          }
        }
        expect(found.data[(y * 17 + x) * 3 + c]).to.be.closeTo(sum / weights, 0.51);
      }
    }
    const grey = { width: 9, height: 5, data: new Uint8Array(135).fill(77) };
    expect(blurImage(grey, 3)).to.deep.equal(grey);
    const sample = markedSample(30, 30, 1);
    const [step] = completeTransforms([{ type: "gaussianBlur", probability: 1, sigma: [1, 1] }]);
    const blurred = applyTransforms(sample, [step!], Random.of(1));
    expect(blurred.image).to.deep.equal(blurImage(sample.image, 1));
    expect({ ...blurred, image: 0 }).to.deep.equal({ ...sample, image: 0 });
  });
});

describe("mixUp", () => {
  it("blends pixels, keeps the objects of both and the labels of the heavier", () => {
    const [a, b] = [noisySample(40, 30, 1), noisySample(32, 48, 2)];
    for (const own of [0.7, 0.2]) {
      const found = blendSamples(a, b, own, [10, 20, 30]);
      expect([found.image.width, found.image.height, found.meta.width, found.meta.height]).to.deep.equal([
        40, 48, 40, 48,
      ]);
      const value = ({ image: { width, height, data } }: Sample, x: number, y: number, c: number) =>
        x < width && y < height ? data[(y * width + x) * 3 + c]! : 10 * (c + 1);
      for (let y = 0; y < 48; y++) {
        for (let x = 0; x < 40; x++) {
          for (let c = 0; c < 3; c++) {
            const wanted = own * value(a, x, y, c) + (1 - own) * value(b, x, y, c);
            expect(found.image.data[(y * 40 + x) * 3 + c]).to.equal(Math.round(wanted));
          }
          const { width, height, data } = (own >= 0.5 ? a : b).labelMap!;
          expect(found.labelMap!.data[y * 40 + x]).to.equal(x < width && y < height ? data[y * width + x] : 255);
        }
      }
      const { boxes, ids, masks } = found.instances!;
      expect(Array.from(ids)).to.deep.equal([...a.instances!.ids, ...b.instances!.ids]);
      expect(Array.from(boxes)).to.deep.equal([...a.instances!.boxes, ...b.instances!.boxes]);
      for (const [i, mask] of masks.entries()) {
        expect([mask!.width, mask!.height]).to.deep.equal([40, 48]);
        expect(rleBoxXyxy(mask!)).to.deep.equal(Array.from(boxes.subarray(4 * i, 4 * i + 4)));
      }
    }
  });

  it("is refused for images with one class", async () => {
    const config = {
      task: "classification",
      model: { backbone: { type: "efficientformer", variant: "nano" }, head: { type: "classifier" } },
      data: {
        type: "imageLabels",
        train: { images: "a" },
        val: { images: "b" },
        transforms: { train: [{ type: "mixUp" }] },
      },
      training: { steps: 1, optimizer: { type: "adamw", lr: 1e-3 }, schedule: { type: "constant" } },
    };
    expect(await userMessage(async () => resolveConfig(config))).to.match(
      /transforms\.train\.0\.type: mixUp keeps the objects of two images, but an image has one class; data\.mixing\.mixup mixes those$/,
    );
  });
});
