import { expect } from "chai";
import fc from "fast-check";
import { roiLevels } from "../../lib/regions/levels.js";
import {
  type FeatureLevel,
  type RoiAlignOptions,
  type Rois,
  roiAlign,
  roiAlignBackward,
} from "../../lib/regions/roiAlign.js";
import { loadRoiAlign } from "../../lib/regions/roiAlignKernel.js";
import { uniform } from "../../tools/prng.js";
import { goldens } from "../support/goldens.js";
import { flat, largestDifference, randomFloats } from "./support.js";

interface Tensor {
  readonly key: string;
  readonly shape: [number, number, number, number];
  readonly lo: number;
  readonly hi: number;
}

interface Golden {
  readonly cases: {
    readonly name: string;
    readonly input: Tensor;
    readonly grad_out: Tensor;
    readonly output_size: [number, number];
    readonly spatial_scale: number;
    readonly sampling_ratio: number;
    readonly aligned: boolean;
  }[];
  readonly extractor: {
    readonly feats: Tensor[];
    readonly strides: number[];
    readonly level_rois: number[][];
    readonly levels: number[];
  };
}

type Options = RoiAlignOptions & { readonly channels: number };

const kernels = loadRoiAlign();
const kernel = kernels.backward;

function pooledByKernel(levels: readonly FeatureLevel[], rois: Rois, options: Options): Float32Array {
  const out = new Float32Array(rois.images.length * options.channels * options.height * options.width).fill(7);
  kernels.forward(levels, rois, options, out);
  return out;
}

function values({ key, shape, lo, hi }: Tensor): Float32Array {
  const length = shape.reduce((a, b) => a * b, 1);
  return uniform(key, length, lo, hi);
}

function featureLevel(tensor: Tensor, stride: number): FeatureLevel {
  return { data: values(tensor), height: tensor.shape[2], width: tensor.shape[3], stride };
}

function zeros(level: FeatureLevel): FeatureLevel {
  return { ...level, data: new Float32Array(level.data.length) };
}

/** From rows of (image, x1, y1, x2, y2). */
function roisOf(rows: ArrayLike<number>, levels?: Int32Array): Rois {
  const all = Array.from(rows);
  const images = Int32Array.from(all.filter((_, k) => k % 5 === 0));
  const boxes = Float32Array.from(all.filter((_, k) => k % 5 > 0));
  return { boxes, images, levels: levels ?? new Int32Array(images.length) };
}

/** Sample by sample, by the definition. */
function naive(level: FeatureLevel, rois: Rois, options: Options): number[] {
  const { height, width, channels, samplingRatio = 0, aligned = true } = options;
  const shift = aligned ? 0.5 : 0;
  const out: number[] = [];
  rois.images.forEach((image, r) => {
    const [x1, y1, x2, y2] = Array.from(rois.boxes.subarray(4 * r, 4 * r + 4), (x) => x / level.stride - shift);
    const roiWidth = aligned ? x2! - x1! : Math.max(x2! - x1!, 1);
    const roiHeight = aligned ? y2! - y1! : Math.max(y2! - y1!, 1);
    const down = samplingRatio || Math.max(Math.ceil(roiHeight / height), 0);
    const across = samplingRatio || Math.max(Math.ceil(roiWidth / width), 0);
    for (let c = 0; c < channels; c++) {
      for (let bin = 0; bin < height * width; bin++) {
        let sum = 0;
        for (let s = 0; s < down * across; s++) {
          const y = y1! + ((Math.floor(bin / width) + (Math.floor(s / across) + 0.5) / down) * roiHeight) / height;
          const x = x1! + (((bin % width) + ((s % across) + 0.5) / across) * roiWidth) / width;
          sum += bilinear(level, image * channels + c, y, x);
        }
        out.push(sum / Math.max(down * across, 1));
      }
    }
  });
  return out;
}

function bilinear(level: FeatureLevel, plane: number, y: number, x: number): number {
  const { height, width, data } = level;
  if (y < -1 || y > height || x < -1 || x > width) return 0;
  const yIn = Math.min(Math.max(y, 0), height - 1);
  const xIn = Math.min(Math.max(x, 0), width - 1);
  let sum = 0;
  for (const row of new Set([Math.floor(yIn), Math.ceil(yIn)])) {
    for (const column of new Set([Math.floor(xIn), Math.ceil(xIn)])) {
      const weight = (1 - Math.abs(yIn - row)) * (1 - Math.abs(xIn - column));
      sum += weight * data[(plane * height + row) * width + column]!;
    }
  }
  return sum;
}

const arbitraryCase = fc.record({
  seed: fc.nat(),
  height: fc.integer({ min: 1, max: 14 }),
  width: fc.integer({ min: 1, max: 14 }),
  channels: fc.constantFrom(1, 3, 8, 11),
  samplingRatio: fc.constantFrom(0, 0, 1, 2, 3),
  aligned: fc.boolean(),
  mapHeight: fc.integer({ min: 1, max: 23 }),
  mapWidth: fc.integer({ min: 1, max: 23 }),
  rois: fc.nat({ max: 6 }),
});

/** RoIs inside, across and outside the border, without area, with negative sides. */
function setUp(chosen: typeof arbitraryCase extends fc.Arbitrary<infer T> ? T : never) {
  const { seed, mapHeight, mapWidth, channels, rois: n } = chosen;
  const data = randomFloats(seed, 2 * channels * mapHeight * mapWidth);
  const level: FeatureLevel = { data, height: mapHeight, width: mapWidth, stride: 4 };
  const corner = randomFloats(seed + 1, 2 * n, -20, 100);
  const size = randomFloats(seed + 2, 2 * n, -10, 90);
  const boxes = new Float32Array(4 * n);
  for (let r = 0; r < n; r++) {
    const [x, y] = corner.subarray(2 * r);
    boxes.set([x!, y!, x! + (r === 2 ? 0 : size[2 * r]!), y! + size[2 * r + 1]!], 4 * r);
  }
  const rois: Rois = { boxes, images: Int32Array.from({ length: n }, (_, r) => r % 2), levels: new Int32Array(n) };
  const gradient = randomFloats(seed + 3, n * channels * chosen.height * chosen.width);
  return { level, rois, gradient };
}

describe("RoIAlign", () => {
  for (const { place, open } of goldens("roi_align")) {
    for (const name of ["a7", "a14", "a7x5", "s2", "legacy", "legacy_s2"]) {
      it(`pools and differentiates like the reference: ${name}, ${place}`, function () {
        const { json, array } = open(this);
        const golden = json<Golden>("cases.json").cases.find((one) => one.name === name)!;
        const [height, width] = golden.output_size;
        const options = {
          height,
          width,
          channels: golden.input.shape[1],
          samplingRatio: golden.sampling_ratio,
          aligned: golden.aligned,
        };
        const level = featureLevel(golden.input, 1 / golden.spatial_scale);
        const rois = roisOf(array(`${name}.rois.npy`).data);
        const out = array(`${name}.out.npy`);
        for (const pooled of [roiAlign([level], rois, options), pooledByKernel([level], rois, options)]) {
          expect(largestDifference(out.of(pooled), out.expected)).to.be.below(1e-4);
        }
        const gradient = array(`${name}.grad.npy`);
        for (const backward of [roiAlignBackward, kernel]) {
          const target = zeros(level);
          backward(values(golden.grad_out), [target], rois, options);
          expect(largestDifference(gradient.of(target.data), gradient.expected)).to.be.below(5e-4);
        }
      });
    }

    it(`chooses levels and pools from all of them like the reference, ${place}`, function () {
      const { json, array } = open(this);
      const { feats, strides, level_rois, levels } = json<Golden>("cases.json").extractor;
      expect([...roiLevels(roisOf(flat(level_rois)).boxes, 4)]).to.deep.equal(levels);
      const stored = roisOf(array("extractor.rois.npy").data);
      const rois = { ...stored, levels: roiLevels(stored.boxes, 4) };
      const pyramid = feats.map((feature, l) => featureLevel(feature, strides[l]!));
      const options = { height: 7, width: 7, channels: feats[0]!.shape[1] };
      const out = array("extractor.out.npy");
      for (const pooled of [roiAlign(pyramid, rois, options), pooledByKernel(pyramid, rois, options)]) {
        expect(largestDifference(out.of(pooled), out.expected)).to.be.below(1e-4);
      }
    });
  }

  it("is the mean of bilinear samples, whatever the shapes", () => {
    fc.assert(
      fc.property(arbitraryCase, (chosen) => {
        const { level, rois } = setUp(chosen);
        expect(largestDifference(roiAlign([level], rois, chosen), naive(level, rois, chosen))).to.be.below(1e-5);
      }),
    );
  });

  it("has the gradient of finite differences", () => {
    fc.assert(
      fc.property(arbitraryCase, fc.nat(), (chosen, cell) => {
        const { level, rois, gradient } = setUp(chosen);
        const target = zeros(level);
        roiAlignBackward(gradient, [target], rois, chosen);
        const k = cell % level.data.length;
        const loss = () => roiAlign([level], rois, chosen).reduce((sum, value, i) => sum + value * gradient[i]!, 0);
        level.data[k] = 2; // RoIAlign is linear, so a large step is exact
        const above = loss();
        level.data[k] = -2;
        expect(target.data[k]).to.be.closeTo((above - loss()) / 4, 1e-4);
      }),
    );
  });

  it("pools the same with the kernel as in the plain version", () => {
    fc.assert(
      fc.property(arbitraryCase, (chosen) => {
        const { level, rois } = setUp(chosen);
        const plain = roiAlign([level], rois, chosen);
        expect(largestDifference(pooledByKernel([level], rois, chosen), plain)).to.be.below(1e-5);
      }),
      { numRuns: 300 },
    );
  });

  it("adds the same gradient with the kernel as in the plain version", () => {
    fc.assert(
      fc.property(arbitraryCase, (chosen) => {
        const { level, rois, gradient } = setUp(chosen);
        const plain = { ...level, data: level.data.slice() };
        const fast = { ...level, data: level.data.slice() };
        roiAlignBackward(gradient, [plain], rois, chosen);
        kernel(gradient, [fast], rois, chosen);
        expect(largestDifference(fast.data, plain.data)).to.be.below(1e-4);
      }),
      { numRuns: 300 },
    );
  });

  it("sends each RoI's gradient to its own level and image", () => {
    const channels = 10;
    const maps = [4, 8, 16].map((stride) => ({
      stride,
      height: 96 / stride,
      width: 128 / stride,
      data: new Float32Array((2 * channels * 96 * 128) / stride ** 2),
    }));
    const rows = Array.from({ length: 40 }, (_, r) => [r, 2 * r, 40 + 2 * r, 30 + 3 * r]);
    const rois: Rois = {
      boxes: flat(rows),
      images: Int32Array.from({ length: 40 }, (_, r) => r % 2),
      levels: Int32Array.from({ length: 40 }, (_, r) => r % 3),
    };
    const gradient = randomFloats(5, 40 * channels * 49);
    const options = { height: 7, width: 7, channels };
    const plain = maps.map(zeros);
    roiAlignBackward(gradient, plain, rois, options);
    kernel(gradient, maps, rois, options);
    maps.forEach((map, l) => {
      expect(largestDifference(map.data, plain[l]!.data)).to.be.below(1e-5);
      expect(map.data.some((x) => x !== 0)).to.equal(true);
    });
    const alone = maps.map(zeros);
    const second = { ...rois, images: rois.images.map(() => 1) };
    kernel(gradient, alone, second, options);
    for (const { data } of alone) expect(data.subarray(0, data.length / 2).every((x) => x === 0)).to.equal(true);
  });
});
