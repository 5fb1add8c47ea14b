import { expect } from "chai";
import { colourJitter, drawJitter } from "../../../lib/datasets/transforms/colourJitter.js";
import { applyTransforms, completeTransforms, type TransformInput } from "../../../lib/datasets/transforms/index.js";
import { jitteredSize, jitterScale, largeScaleJitter } from "../../../lib/datasets/transforms/largeScaleJitter.js";
import { cropToCentred, isAllowed } from "../../../lib/datasets/transforms/minIouCrop.js";
import { drawDistortion, photometricDistortion } from "../../../lib/datasets/transforms/photometricDistortion.js";
import { augment, drawOperations, OPERATIONS, randAugment } from "../../../lib/datasets/transforms/randAugment.js";
import { eraseSample } from "../../../lib/datasets/transforms/randomErasing.js";
import { drawScale, randomResize } from "../../../lib/datasets/transforms/randomResize.js";
import type { Sample } from "../../../lib/datasets/types.js";
import { decodeRle } from "../../../lib/masks/rle.js";
import { Random } from "../../../lib/random.js";
import { userMessage } from "../../support/failure.js";
import { makeSample } from "../samples.js";

/** What is drawn from seeds 0 … n − 1. */
const draws = <T>(n: number, draw: (random: Random) => T): T[] =>
  Array.from({ length: n }, (_, seed) => draw(Random.of(seed, "rules")));

const apply = (sample: Sample, step: TransformInput, random: Random): Sample =>
  applyTransforms(sample, completeTransforms([step]), random);

const share = (values: readonly boolean[]): number => values.filter(Boolean).length / values.length;

describe("multi-scale resizing", () => {
  const scales = [
    [1333, 480],
    [1300, 800],
  ] satisfies [number, number][];

  it("draws all scales equally often", () => {
    const drawn = draws(400, (random) => drawScale({ scales, sampling: "choice" }, random));
    expect(new Set<unknown>(drawn)).to.deep.equal(new Set(scales));
    expect(share(drawn.map((one) => one === scales[0]))).to.be.within(0.4, 0.6);
  });

  it("draws whole sides from the range, ends included, independently", () => {
    const spec = randomResize.schema.parse({ type: "randomResize", scales: [[12, 5], [10, 8]], sampling: "range" }); // biome-ignore format: a row
    const drawn = draws(300, (random) => drawScale(spec, random).join());
    const expected = [10, 11, 12].flatMap((long) => [5, 6, 7, 8].map((short) => `${long},${short}`));
    expect(new Set(drawn)).to.deep.equal(new Set(expected));
  });
});

describe("large-scale jitter", () => {
  const spec = largeScaleJitter.schema.parse({ type: "largeScaleJitter", width: 100, height: 80 });

  it("is relative to the scale at which the image just fits", () => {
    expect(jitteredSize({ width: 640, height: 480 }, spec, 1)).to.deep.equal({ width: 100, height: 75 });
    expect(jitteredSize({ width: 300, height: 480 }, spec, 0.5)).to.deep.equal({ width: 25, height: 40 });
    expect(jitteredSize({ width: 640, height: 480 }, spec, 2)).to.deep.equal({ width: 200, height: 150 });
  });

  it("crops or pads to the size, with the window anywhere", () => {
    const sample = makeSample(50, 40, 3);
    const places = [0, 0.5, 0.999].map((x) => jitterScale(sample, spec, { factor: 1.5, place: [x, 0.999] }));
    for (const { image, meta } of places) {
      expect([image.width, image.height, meta.width, meta.height]).to.deep.equal([100, 80, 100, 80]);
    }
    expect(new Set(places.map(({ image }) => image.data.join())).size).to.equal(3);
    const small = jitterScale(sample, spec, { factor: 0.5, place: [0, 0] });
    expect([small.image.width, small.image.height, small.meta.width, small.meta.height]).to.deep.equal([
      100, 80, 50, 40,
    ]);
    expect(Array.from(small.image.data.subarray(50 * 3, 51 * 3))).to.deep.equal([124, 116, 104]);
    expect([small.labelMap!.data[49], small.labelMap!.data[50]]).to.deep.equal([sample.labelMap!.data[49], 255]);
  });
});

describe("the IoU-aware crop", () => {
  const boxes = Float32Array.of(10, 10, 30, 30, 40, 40, 50, 50);
  const window = { left: 5, top: 5, width: 30, height: 30 };

  it("needs the overlap with every box, and a centre inside", () => {
    expect(isAllowed(boxes.subarray(0, 4), window, 400 / 900 - 1e-6)).to.equal(true);
    expect(isAllowed(boxes.subarray(0, 4), window, 400 / 900 + 1e-6)).to.equal(false);
    expect(isAllowed(boxes, window, 0.1)).to.equal(false); // the second box is not overlapped at all
    expect(isAllowed(boxes, window, 0)).to.equal(true);
    expect(isAllowed(boxes.subarray(4), window, 0)).to.equal(false); // no centre
    expect(isAllowed(new Float32Array(0), window, 0.9)).to.equal(true);
  });

  it("drops objects whose centre is outside, and clips the boxes of the others", () => {
    const sample = makeSample(60, 60, 2);
    const given = { ...sample, instances: { ...sample.instances!, boxes } };
    const { instances, image } = cropToCentred(given, { left: 15, top: 12, width: 31, height: 30 });
    expect([image.width, image.height]).to.deep.equal([31, 30]);
    expect(Array.from(instances!.boxes)).to.deep.equal([0, 0, 15, 18]); // the second one's centre is 45, 45
    expect(Array.from(instances!.ids)).to.deep.equal([100]);
  });

  it("sometimes leaves the image whole, and keeps sides and shape within bounds", () => {
    const sample = makeSample(60, 50, 2, 3);
    const results = draws(300, (random) => apply(sample, { type: "minIouCrop" }, random));
    expect(share(results.map((one) => one === sample))).to.be.within(1 / 9, 0.6); // failed draws are repeated
    for (const { image, instances } of results) {
      expect(image.width).to.be.at.least(60 * 0.3 - 1);
      expect(image.height / image.width).to.be.within(0.45, 2.15); // before cutting to whole pixels ½–2
      expect(instances!.labels.length).to.be.above(0);
    }
  });
});

describe("random erasing", () => {
  it("covers areas and shapes within the ranges, with the given probability", () => {
    const sample = makeSample(80, 60, 0);
    const spec: TransformInput = { type: "randomErasing", fill: [300, 300, 300], probability: 0.3 };
    const covered = draws(300, (random) => apply(sample, spec, random).labelMap!).map((map) => {
      const places = Array.from(map.data.keys()).filter((i) => map.data[i] === 255);
      const columns = new Set(places.map((i) => i % 80)).size;
      return { area: places.length, columns, rows: places.length / Math.max(columns, 1) };
    });
    expect(share(covered.map(({ area }) => area > 0))).to.be.within(0.22, 0.38);
    for (const { area, columns, rows } of covered.filter(({ area }) => area > 0)) {
      expect(area / 4800).to.be.within(0.018, 0.35);
      expect(rows / columns).to.be.within(0.25, 3.9); // sides are rounded
    }
  });

  it("removes pixels, labels and masks, and objects that are almost fully covered", () => {
    const sample = makeSample(20, 20, 1);
    const instances = { ...sample.instances!, boxes: Float32Array.of(0, 0, 10, 10) };
    const window = { left: 0, top: 0, width: 10, height: 8 };
    const options = { fill: [1, 2, 3] as const, maxCovered: 0.9 };
    const half = eraseSample({ ...sample, instances: { ...instances, masks: [undefined] } }, window, options);
    expect(half.instances!.labels.length).to.equal(1);
    const strict = eraseSample({ ...sample, instances: { ...instances, masks: [undefined] } }, window, {
      ...options,
      maxCovered: 0.8,
    });
    expect(strict.instances!.labels.length).to.equal(0);
    const { image, labelMap, instances: kept } = eraseSample(sample, window, options);
    const drawn = sample.instances!.masks.map((mask) => decodeRle(mask!));
    const left = kept!.masks.map((mask) => decodeRle(mask!));
    for (let i = 0; i < 400; i++) {
      const inside = i % 20 < 10 && i < 160;
      expect(labelMap!.data[i]).to.equal(inside ? 255 : sample.labelMap!.data[i]);
      expect(image.data[i * 3 + 2]).to.equal(inside ? 3 : sample.image.data[i * 3 + 2]);
      if (left.length === 1) expect(left[0]![i]).to.equal(inside ? 0 : drawn[0]![i]);
    }
  });

  it("fills with noise determined by the seed", () => {
    const sample = makeSample(30, 30, 0);
    const noisy = (seed: number) =>
      apply(sample, { type: "randomErasing", fill: "noise", probability: 1 }, Random.of(seed)).image.data;
    expect(noisy(1)).to.deep.equal(noisy(1)).and.not.to.deep.equal(noisy(2));
  });
});

describe("random colour changes", () => {
  it("jitter: every order, factors within 1 ± strength, without those switched off", () => {
    const spec = colourJitter.schema.parse({ type: "colourJitter", brightness: 0.4, contrast: 1.5, hue: 0.1 });
    const drawn = draws(600, (random) => drawJitter(spec, random));
    expect(new Set(drawn.map((changes) => changes.map(([kind]) => kind).join())).size).to.equal(6);
    for (const [kind, amount] of drawn.flat()) {
      const [low, high] = { brightness: [0.6, 1.4], contrast: [0, 2.5], saturation: [1, 1], hue: [-0.1, 0.1] }[kind]!;
      expect(amount).to.be.within(low!, high!);
    }
    expect(
      share(drawn.map((changes) => changes.some(([kind, amount]) => kind === "contrast" && amount < 0.25))),
    ).to.be.within(0.05, 0.16);
  });

  it("photometric distortion: each with one half, contrast first with one half, hue by 2° from −36 to 34", () => {
    const spec = photometricDistortion.schema.parse({ type: "photometricDistortion" });
    const drawn = draws(2000, (random) => drawDistortion(spec, random));
    for (const key of ["brightness", "contrast", "saturation", "hue"] as const) {
      expect(share(drawn.map((one) => one[key] !== undefined)), key).to.be.within(0.46, 0.54);
    }
    const contrasts = drawn.flatMap(({ contrast }) => (contrast === undefined ? [] : [contrast]));
    expect(share(contrasts.map(({ first }) => first))).to.be.within(0.45, 0.55);
    const hues = drawn.flatMap(({ hue }) => (hue === undefined ? [] : [hue]));
    expect(new Set(hues)).to.deep.equal(new Set(Array.from({ length: 36 }, (_, i) => 2 * i - 36)));
    for (const { brightness = 0, saturation = 1 } of drawn) {
      expect(brightness).to.be.within(-32, 32);
      expect(saturation).to.be.within(0.5, 1.5);
    }
  });

  it("RandAugment: all operations equally often, without those that move pixels if asked", () => {
    const names = draws(1400, (random) => drawOperations({ operations: 3, geometric: true }, random)).flat();
    const kinds = Object.keys(OPERATIONS);
    expect(kinds).to.have.lengthOf(14);
    for (const kind of kinds) expect(names.filter(({ name }) => name === kind).length, kind).to.be.within(220, 380);
    const flat = draws(300, (random) => drawOperations({ operations: 2, geometric: false }, random)).flat();
    expect(new Set(flat.map(({ name }) => name)).size).to.equal(9);
    expect(flat.some(({ name }) => /Shear|Translate|Rotate/.test(name))).to.equal(false);
  });

  it("RandAugment refuses images whose boxes would stay behind", async () => {
    const sample = makeSample(8, 8, 1);
    const spec = randAugment.schema.parse({ type: "randAugment", operations: 4 });
    const moving = { ...spec, geometric: true };
    expect(await userMessage(() => augment(sample, moving, Random.of(1)))).to.equal(
      "a.jpg: randAugment moves pixels, but not the boxes, masks or labels on them; " +
        "set geometric: false for colour changes only",
    );
    const { instances: _, labelMap: __, ...bare } = sample;
    expect(augment(bare, moving, Random.of(3)).image).not.to.equal(bare.image);
    expect(augment(sample, spec, Random.of(3)).instances).to.equal(sample.instances);
  });
});
