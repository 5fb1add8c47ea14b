import { expect } from "chai";
import fc from "fast-check";
import { scaledSize } from "../../lib/datasets/geometry.js";
import { applyTransforms, completeTransforms, type TransformInput } from "../../lib/datasets/transforms/index.js";
import type { Sample } from "../../lib/datasets/types.js";
import { decodeRle, rleArea, rleBoxXyxy } from "../../lib/masks/rle.js";
import { changeHsv, scaleValues } from "../../lib/pixels/colour.js";
import { resizeImage, resizeLabelMap } from "../../lib/pixels/resize.js";
import { Random } from "../../lib/random.js";
import { filledBox, makeSample } from "./samples.js";

const sizes = fc.integer({ min: 4, max: 60 });
const applyWith = (sample: Sample, steps: readonly TransformInput[], random: Random): Sample =>
  applyTransforms(sample, completeTransforms(steps), random);
const apply = (sample: Sample, step: TransformInput, seed = 1): Sample => applyWith(sample, [step], Random.of(seed));

describe("resizing samples", () => {
  it("follows the rule of (1333, 800)", () => {
    const size = (width: number, height: number, scale: [number, number] = [1333, 800]) => {
      const scaled = scaledSize({ width, height }, scale);
      return [scaled.width, scaled.height];
    };
    expect(size(640, 480)).to.deep.equal([1067, 800]);
    expect(size(640, 427)).to.deep.equal([1199, 800]);
    expect(size(427, 640)).to.deep.equal([800, 1199]);
    expect(size(640, 360)).to.deep.equal([1333, 750]);
    expect(size(500, 375, [800, 1333])).to.deep.equal([1067, 800]);
    expect(size(683, 512, [2048, 512])).to.deep.equal([683, 512]);
    expect(size(500, 333, [2048, 512])).to.deep.equal([769, 512]);
  });

  it("rounds both sides up to a multiple", () => {
    const { image, meta } = apply(makeSample(50, 33, 1), { type: "resize", scale: [2048, 51], multipleOf: 32 });
    expect([image.width, image.height]).to.deep.equal([96, 64]); // from 77 × 51
    expect(meta.scaleFactor).to.deep.equal([96 / 50, 64 / 33]);
  });

  it("resizes image, boxes, masks and label map together", () => {
    fc.assert(
      fc.property(sizes, sizes, sizes, sizes, fc.nat(), (width, height, newWidth, newHeight, seed) => {
        const sample = makeSample(width, height, 3, seed);
        const size = { width: newWidth, height: newHeight };
        const resized = apply(sample, { type: "resize", scale: [newWidth, newHeight], keepRatio: false });
        expect(resized.image).to.deep.equal(resizeImage(sample.image, size));
        expect(resized.labelMap).to.deep.equal(resizeLabelMap(sample.labelMap!, size));
        expect(resized.meta).to.include({
          width: newWidth,
          height: newHeight,
          originalWidth: width,
          originalHeight: height,
        });
        const factors = [newWidth / width, newHeight / height];
        for (const [i, value] of resized.instances!.boxes.entries()) {
          expect(value).to.be.closeTo(sample.instances!.boxes[i]! * factors[i % 2]!, 1e-3);
        }
        for (const [k, mask] of resized.instances!.masks.entries()) {
          expect([mask!.width, mask!.height]).to.deep.equal([newWidth, newHeight]);
          if (rleArea(mask!) === 0) continue; // shrunk away
          for (const [c, corner] of rleBoxXyxy(mask!).entries()) {
            expect(corner).to.be.closeTo(resized.instances!.boxes[k * 4 + c]!, 1);
          }
        }
      }),
      { numRuns: 50 },
    );
  });

  it("scales by a random factor within its range, whole pixels first", () => {
    const seen = new Set<number>();
    for (let seed = 0; seed < 40; seed++) {
      const { image } = apply(
        makeSample(64, 48, 0),
        { type: "randomScale", scale: [200, 48], ratioRange: [0.5, 2] },
        seed,
      );
      expect(image.height).to.be.within(24, 96);
      expect(image.width).to.be.within(
        Math.floor((image.height - 0.5) * (64 / 48)),
        Math.ceil((image.height + 0.5) * (64 / 48)),
      );
      seen.add(image.height);
    }
    expect(Math.min(...seen)).to.be.below(36);
    expect(Math.max(...seen)).to.be.above(80);
    expect(seen.size).to.be.above(20);
  });
});

describe("flipping samples", () => {
  it("keeps boxes and masks together, and twice is the identity", () => {
    fc.assert(
      fc.property(sizes, sizes, fc.nat(), (width, height, seed) => {
        const sample = makeSample(width, height, 4, seed);
        const flipped = apply(sample, { type: "randomFlip", probability: 1 });
        const { boxes, masks } = flipped.instances!;
        for (const [k, mask] of masks.entries()) {
          expect(decodeRle(mask!)).to.deep.equal(
            filledBox(Array.from(boxes.subarray(k * 4, k * 4 + 4)), width, height),
          );
          expect(boxes[k * 4]).to.equal(width - sample.instances!.boxes[k * 4 + 2]!);
        }
        expect(flipped.meta.flipped).to.equal(true);
        expect(flipped.labelMap!.data[0]).to.equal(sample.labelMap!.data[width - 1]);
        expect(flipped.image.data[0]).to.equal(sample.image.data[(width - 1) * 3]);
        expect(apply(flipped, { type: "randomFlip", probability: 1 })).to.deep.equal(sample);
      }),
      { numRuns: 40 },
    );
  });

  it("happens with the given probability", () => {
    const sample = makeSample(4, 4, 0);
    const random = Random.of(5);
    const flips = Array.from({ length: 400 }, () =>
      applyWith(sample, [{ type: "randomFlip", probability: 0.25 }], random),
    );
    expect(flips.filter(({ meta }) => meta.flipped).length).to.be.within(70, 130);
    expect(flips.find(({ meta }) => !meta.flipped)).to.equal(sample);
  });
});

describe("cropping samples", () => {
  it("keeps image, label map, boxes and masks together and drops objects outside", () => {
    fc.assert(
      fc.property(sizes, sizes, sizes, sizes, fc.nat(), (width, height, cropWidth, cropHeight, seed) => {
        const sample = makeSample(width, height, 5, seed);
        const cropped = apply(sample, { type: "randomCrop", width: cropWidth, height: cropHeight }, seed);
        const { image, labelMap, instances, meta } = cropped;
        expect([image.width, image.height]).to.deep.equal([Math.min(width, cropWidth), Math.min(height, cropHeight)]);
        expect([meta.width, meta.height]).to.deep.equal([image.width, image.height]);
        expect([labelMap!.width, labelMap!.height]).to.deep.equal([image.width, image.height]);
        for (const [k, mask] of instances!.masks.entries()) {
          const box = Array.from(instances!.boxes.subarray(k * 4, k * 4 + 4));
          expect(decodeRle(mask!)).to.deep.equal(filledBox(box, image.width, image.height));
          expect(rleArea(mask!)).to.be.above(0);
          const original = sample.instances!.ids.indexOf(instances!.ids[k]!);
          expect(instances!.labels[k]).to.equal(sample.instances!.labels[original]);
        }
        expect(instances!.boxes.length).to.equal(4 * instances!.labels.length);
      }),
      { numRuns: 60 },
    );
  });

  it("reaches every position", () => {
    const sample = makeSample(4, 4, 0);
    const corners = new Set<number>();
    for (let seed = 0; seed < 100; seed++) {
      corners.add(
        sample.image.data.indexOf(apply(sample, { type: "randomCrop", width: 3, height: 3 }, seed).image.data[0]!),
      );
    }
    expect(corners.size).to.equal(4);
  });

  it("draws again while one class exceeds its share, without ignored pixels", () => {
    // The left half is class 0, the right half is mixed; below, all is ignored except a strip of class 0.
    const width = 80;
    const data = Uint8Array.from({ length: width * 40 }, (_, i) => {
      const [x, y] = [i % width, Math.floor(i / width)];
      return x < 60 ? (y < 20 ? 0 : x % 9 === 0 ? 0 : 255) : (x + y) % 3;
    });
    const sample = { ...makeSample(width, 40, 0), labelMap: { width, height: 40, data } };
    const dominated = (spec: TransformInput): number => {
      let count = 0;
      for (let seed = 0; seed < 200; seed++) {
        const valid = apply(sample, spec, seed).labelMap!.data.filter((v) => v !== 255);
        const largest = Math.max(...[0, 1, 2].map((label) => valid.filter((v) => v === label).length));
        if (largest >= 0.75 * valid.length) count++;
      }
      return count;
    };
    const plain = dominated({ type: "randomCrop", width: 16, height: 16 });
    expect(plain).to.be.above(100);
    expect(dominated({ type: "randomCrop", width: 16, height: 16, maxClassShare: 0.75 })).to.be.below(plain / 5);
  });
});

describe("photometric distortion", () => {
  it("changes only the image, differently for different seeds, equally for equal ones", () => {
    const sample = makeSample(8, 8, 2);
    const distorted = Array.from({ length: 20 }, (_, seed) => apply(sample, { type: "photometricDistortion" }, seed));
    expect(apply(sample, { type: "photometricDistortion" }, 3)).to.deep.equal(distorted[3]);
    for (const { instances, labelMap, meta } of distorted) {
      expect({ instances, labelMap, meta }).to.deep.equal({
        instances: sample.instances,
        labelMap: sample.labelMap,
        meta: sample.meta,
      });
    }
    expect(new Set(distorted.map(({ image }) => image.data.join())).size).to.be.above(15);
  });

  it("leaves a grey image's pixels grey and its order of brightness", () => {
    const grey = { width: 4, height: 1, data: Uint8Array.of(...[60, 90, 120, 150].flatMap((v) => [v, v, v])) };
    for (let seed = 0; seed < 30; seed++) {
      const { data } = apply({ ...makeSample(4, 1, 0), image: grey }, { type: "photometricDistortion" }, seed).image;
      for (let i = 0; i < 12; i += 3) expect(data[i + 1] === data[i] && data[i + 2] === data[i]).to.equal(true);
      expect(data[0]! <= data[3]! && data[3]! <= data[6]! && data[6]! <= data[9]!).to.equal(true);
    }
  });

  it("keeps within the ranges given", () => {
    const sample = makeSample(6, 6, 0);
    const off = { brightness: 0, contrast: [1, 1], saturation: [1, 1], hue: 0 } satisfies Omit<
      Extract<TransformInput, { type: "photometricDistortion" }>,
      "type"
    >;
    const changes = (part: object): Set<string> =>
      new Set(
        Array.from({ length: 40 }, (_, seed) =>
          apply(sample, { type: "photometricDistortion", ...off, ...part }, seed).image.data.join(),
        ),
      );
    expect(changes({})).to.deep.equal(new Set([sample.image.data.join()]));
    const contrast = scaleValues(sample.image, 0.7, 0).data.join();
    expect(changes({ contrast: [0.7, 0.7] })).to.deep.equal(new Set([sample.image.data.join(), contrast]));
    const dull = changeHsv(sample.image, { saturation: 0.5 }).data.join();
    expect(changes({ saturation: [0.5, 0.5] })).to.deep.equal(new Set([sample.image.data.join(), dull]));
    expect(changes({ brightness: 20 }).size).to.be.above(10);
    expect(changes({ hue: 20 }).size).to.be.above(10);
  });
});

describe("padding and classification crops", () => {
  it("pads masks and label maps too, and keeps the valid size", () => {
    const sample = makeSample(10, 8, 2);
    const padded = apply(sample, { type: "pad", width: 16, height: 16 });
    expect(padded.meta).to.deep.equal(sample.meta);
    expect(padded.labelMap!.data[15]).to.equal(255);
    for (const [k, mask] of padded.instances!.masks.entries()) {
      expect([mask!.width, mask!.height]).to.deep.equal([16, 16]);
      expect(rleBoxXyxy(mask!)).to.deep.equal(Array.from(sample.instances!.boxes.subarray(k * 4, k * 4 + 4)));
    }
  });

  it("crops the centre", () => {
    const sample = makeSample(40, 20, 0);
    const { image } = apply(sample, { type: "centreCrop", resize: 20, size: 16 });
    expect([image.width, image.height]).to.deep.equal([16, 16]);
    expect(image.data[0]).to.equal(sample.image.data[(2 * 40 + 12) * 3]);
  });

  it("draws windows of random area", () => {
    const sample = makeSample(40, 20, 0);
    for (let seed = 0; seed < 20; seed++) {
      const { image } = apply(sample, { type: "randomResizedCrop", size: 12 }, seed);
      expect([image.width, image.height]).to.deep.equal([12, 12]);
    }
  });
});

it("a pipeline does not change its input and depends only on the random stream", () => {
  const sample = makeSample(50, 40, 4);
  const copy = structuredClone(sample);
  const specs: TransformInput[] = [
    { type: "randomScale", scale: [60, 48], ratioRange: [0.5, 2] },
    { type: "randomCrop", width: 32, height: 32, maxClassShare: 0.75 },
    { type: "randomFlip" },
    { type: "photometricDistortion" },
  ];
  const first = applyWith(sample, specs, Random.of(9));
  expect(sample).to.deep.equal(copy);
  expect(applyWith(sample, specs, Random.of(9))).to.deep.equal(first);
  expect(applyWith(sample, specs, Random.of(10))).not.to.deep.equal(first);
});
