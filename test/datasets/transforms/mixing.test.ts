import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import fc from "fast-check";
import { augmentedSample, planSample } from "../../../lib/datasets/augment.js";
import { openCoco } from "../../../lib/datasets/coco.js";
import { padSample } from "../../../lib/datasets/geometry.js";
import { createLoader } from "../../../lib/datasets/loader/loader.js";
import { copyPaste, pasteObjects } from "../../../lib/datasets/transforms/copyPaste.js";
import { completeTransforms, type TransformInput } from "../../../lib/datasets/transforms/index.js";
import { joinFour, mosaic } from "../../../lib/datasets/transforms/mosaic.js";
import type { Sample } from "../../../lib/datasets/types.js";
import { decodeImage } from "../../../lib/images/decode.js";
import { encodeJpeg } from "../../../lib/images/encode.js";
import { decodeRle, rleArea, rleBoxXyxy } from "../../../lib/masks/rle.js";
import { resizeImage } from "../../../lib/pixels/resize.js";
import { Random } from "../../../lib/random.js";
import { meanDifference, smoothImage } from "../../pixels/images.js";
import { requireData } from "../../support/goldens.js";
import { askPython, requirePython } from "../../support/python.js";
import { makeSample } from "../samples.js";

const MIXING = completeTransforms([
  { type: "largeScaleJitter", width: 96, height: 80, ratioRange: [0.5, 1.5] },
  { type: "mosaic", width: 64, height: 64, probability: 0.6 },
  { type: "randomFlip" },
  { type: "copyPaste", probability: 0.7, maxObjects: 4 },
]);

describe("mixing images", () => {
  async function openMini(context: Mocha.Context) {
    const root = requireData(context, "coco-mini");
    return openCoco({ annotations: `${root}/annotations/instances_val2017.json`, images: `${root}/val2017` });
  }

  it("gives the same batches with 0, 1 and 3 workers, and from a resume on", async function () {
    const dataset = await openMini(this);
    const base = { dataset, transforms: MIXING, batchSize: 2, seed: 5, shuffle: true, masks: false };
    const collect = async (workers: number, startAt: number) => {
      const loader = createLoader({ ...base, workers });
      const batches = [];
      for await (const batch of loader.batches({ startAt, stopAt: 5 })) batches.push(batch);
      await loader.dispose();
      return batches;
    };
    const expected = await collect(0, 0);
    for (const workers of [1, 3]) expect(await collect(workers, 0)).to.deep.equal(expected);
    expect(await collect(2, 3)).to.deep.equal(expected.slice(3));
    expect(new Set(expected.map(({ width }) => width)).size, "with and without a mosaic").to.be.above(0);
    const sizes = new Set(expected.flatMap(({ meta }) => meta.map(({ width }) => width)));
    expect(sizes.size).to.be.above(1);
  });

  it("shows the network's input outside the loader", async function () {
    const dataset = await openMini(this);
    const [batch] = await (async () => {
      const loader = createLoader({ dataset, transforms: MIXING, batchSize: 3, seed: 2, shuffle: false });
      const seen = [];
      for await (const one of loader.batches({ startAt: 1, stopAt: 2 })) seen.push(one);
      return seen;
    })();
    for (const [i, index] of Array.from(batch!.indices).entries()) {
      const sample = await augmentedSample(dataset, index, { transforms: MIXING, seed: 2, position: 3 + i });
      expect(sample.instances).to.deep.equal(batch!.instances[i]);
      expect(sample.meta).to.deep.equal(batch!.meta[i]);
    }
  });

  it("chooses partners by the stream's name, through the previous steps, and only if needed", async function () {
    const dataset = await openMini(this);
    const plan = planSample(dataset, 3, MIXING, [1, "test"]);
    expect(planSample(dataset, 3, MIXING, [1, "test"])).to.deep.equal(plan);
    const plans = Array.from({ length: 200 }, (_, i) => planSample(dataset, 0, MIXING, [i]));
    const mosaics = plans.filter(({ partners }) => partners.has(1));
    expect(mosaics.length).to.be.within(90, 150);
    for (const { partners } of mosaics) expect(partners.get(1)).to.have.lengthOf(3);
    // A pasted image may itself be a mosaic.
    const pasted = plans.flatMap(({ partners }) => partners.get(3) ?? []);
    expect(pasted.length).to.be.within(110, 170);
    expect(pasted.some(({ partners }) => partners.has(1))).to.equal(true);
    expect(pasted.every(({ partners }) => !partners.has(3))).to.equal(true);
    expect(new Set(pasted.map(({ source }) => source.path)).size).to.be.above(10);
  });
});

describe("decoding at a smaller scale", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "densekit-reduced-"));
    const image = resizeImage(smoothImage(225, 165), { width: 900, height: 660 }); // no fine patterns to lose
    await writeFile(join(folder, "1.jpg"), await encodeJpeg(image, { quality: 95 }));
    const box = { id: 1, image_id: 1, category_id: 1, bbox: [90, 66, 450, 330], area: 148500, iscrowd: 0 };
    const segmentation = [[90, 66, 540, 66, 540, 396, 90, 396]];
    const images = [{ id: 1, file_name: "1.jpg", width: 900, height: 660 }];
    const file = { images, annotations: [{ ...box, segmentation }], categories: [{ id: 1, name: "thing" }] };
    await writeFile(join(folder, "a.json"), JSON.stringify(file));
  });
  after(() => rm(folder, { recursive: true }));

  it("changes neither sizes nor annotations, and only smooths the image", async () => {
    const dataset = await openCoco({ annotations: join(folder, "a.json"), images: folder });
    const cases: readonly (readonly TransformInput[])[] = [
      [{ type: "resize", scale: [200, 150] }, { type: "randomFlip" }],
      [
        { type: "randomScale", scale: [300, 220], ratioRange: [0.4, 0.9] },
        { type: "randomCrop", width: 90, height: 90 },
      ],
      [{ type: "randomResize", scales: [[120, 80], [300, 80]] }], // biome-ignore format: a row
      [{ type: "largeScaleJitter", width: 200, height: 200, ratioRange: [0.3, 1.2] }],
      [{ type: "randomCrop", width: 700, height: 500 }],
    ];
    for (const transforms of cases) {
      for (let seed = 0; seed < 4; seed++) {
        const [full, reduced] = await Promise.all(
          (["full", "reduced"] as const).map((decode) => augmentedSample(dataset, 0, { transforms, seed, decode })),
        );
        expect({ ...reduced!, image: 0 }).to.deep.equal({ ...full!, image: 0 });
        expect(meanDifference(reduced!.image, full!.image), JSON.stringify(transforms)).to.be.below(1.5);
      }
    }
  });

  it("happens only if half the size or less is enough, and never below the size needed", async () => {
    const bytes = await readFile(join(folder, "1.jpg"));
    const whole = await decodeImage(bytes);
    const decoded = (width: number, height: number) => decodeImage(bytes, { atLeast: () => ({ width, height }) });
    expect(await decoded(460, 300)).to.deep.equal(whole);
    expect(await decoded(100, 331)).to.deep.equal(whole);
    const third = await decoded(300, 220);
    expect([third.width, third.height, third.data.length]).to.deep.equal([900, 660, 900 * 660 * 3]);
    expect(third.data).not.to.deep.equal(whole.data);
    expect(meanDifference(third, whole)).to.be.below(4);
    const plain = await decodeImage(bytes, { codec: "javascript", atLeast: () => ({ width: 10, height: 10 }) });
    expect(plain).to.deep.equal(await decodeImage(bytes, { codec: "javascript" }));
  });
});

describe("copying objects", () => {
  it("covers objects beneath and drops those mostly hidden", () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 8, max: 50 }), fc.integer({ min: 8, max: 50 }), (seed, width, height) => {
        const [below, other] = [makeSample(40, 30, 4, seed), makeSample(width, height, 3, seed + 1)];
        const above = { ...other, instances: { ...other.instances!, ids: Float64Array.of(7, 8, 9) } };
        const options = { maxBoxShift: 2, minVisible: 60 };
        const result = pasteObjects(below, above, [2, 0], options);
        const cover = unionOf(above, [2, 0], 40, 30);
        for (let i = 0; i < 40 * 30; i++) {
          const [x, y] = [i % 40, Math.floor(i / 40)];
          const from =
            cover[i] === 1 ? above.image.data.subarray((y * width + x) * 3) : below.image.data.subarray(i * 3);
          for (let c = 0; c < 3; c++) expect(result.image.data[i * 3 + c]).to.equal(from[c]);
        }
        const ids = Array.from(result.instances!.ids);
        below.instances!.masks.forEach((mask, k) => {
          const seen = decodeRle(mask!).map((inside, i) => (cover[i] === 1 ? 0 : inside));
          const area = seen.reduce((a, b) => a + b, 0);
          const place = ids.indexOf(below.instances!.ids[k]!);
          const before = below.instances!.boxes.subarray(k * 4, k * 4 + 4);
          const box = area === 0 ? [] : boxOf(seen, 40);
          const moved = Math.max(...box.map((edge, c) => Math.abs(edge - before[c]!)));
          expect(place >= 0, `object ${k} stays`).to.equal(area > 0 && (area > 60 || moved <= 2));
          if (place < 0) return;
          expect(decodeRle(result.instances!.masks[place]!)).to.deep.equal(seen);
          expect(Array.from(result.instances!.boxes.subarray(place * 4, place * 4 + 4))).to.deep.equal(box);
        });
        for (const mask of result.instances!.masks) expect(rleArea(mask!)).to.be.above(0);
      }),
      { numRuns: 40 },
    );
  });

  it("makes padding under pasted objects part of the image", () => {
    const [below, above] = [makeSample(20, 20, 1), makeSample(40, 40, 2, 5)];
    const padded = padSample(below, { width: 40, height: 40 });
    expect(padded.meta).to.include({ width: 20, height: 20 });
    expect(pasteObjects(padded, above, [0], copyPaste.schema.parse({ type: "copyPaste" })).meta).to.include({
      width: 40,
      height: 40,
      originalWidth: 20,
    });
  });

  it("does not paste crowds and objects without a mask", () => {
    const above = makeSample(30, 30, 2, 3);
    const { instances } = above;
    const crowd = { ...above, instances: { ...instances!, crowd: Uint8Array.of(1, 1) } };
    const boxesOnly = { ...above, instances: { ...instances!, masks: [undefined, undefined] } };
    const below = makeSample(30, 30, 2, 4);
    const paste = (other: Sample, seed: number, minVisible = 300) =>
      copyPaste.apply(below, copyPaste.schema.parse({ type: "copyPaste", minVisible }), Random.of(seed), [other]);
    for (let seed = 0; seed < 20; seed++) {
      for (const other of [crowd, boxesOnly]) {
        expect(paste(other, seed)).to.equal(below);
      }
    }
    const counts = Array.from({ length: 60 }, (_, seed) => paste(above, seed, 0).instances!.ids.length);
    expect(new Set(counts).size).to.be.above(1);
  });
});

describe("mosaics", () => {
  it("are composed like MMDetection's, in NumPy", function () {
    this.timeout(60_000);
    const python = requirePython(this, ["numpy"]);
    const spec = mosaic.schema.parse({ type: "mosaic", width: 40, height: 32 });
    const jobs = Array.from({ length: 12 }, (_, seed) => {
      const random = Random.of(seed, "mosaic");
      // Already of the target size, so that interpolation does not matter; all fill one of the sides.
      const samples = [0, 1, 2, 3].map((i) => {
        const [width, height] = random.next() < 0.5 ? [40, 8 + random.integer(25)] : [8 + random.integer(33), 32];
        return makeSample(width!, height!, 3, seed * 4 + i);
      });
      return { samples, centre: { x: 20 + random.integer(41), y: 16 + random.integer(33) } };
    });
    const answers = askPython<object, { image: number[]; boxes: number[][] }>(
      python,
      MOSAIC,
      jobs.map(({ samples, centre }) => ({
        centre: [centre.x, centre.y],
        samples: samples.map(({ image, instances }) => ({
          ...image,
          data: Array.from(image.data),
          boxes: Array.from(instances!.boxes),
        })),
      })),
    );
    jobs.forEach(({ samples, centre }, i) => {
      const joined = joinFour(samples, spec, centre);
      expect(Array.from(joined.image.data)).to.deep.equal(answers[i]!.image);
      const { boxes, masks } = joined.instances!;
      expect(Array.from(masks, (_, k) => Array.from(boxes.subarray(k * 4, k * 4 + 4)))).to.deep.equal(
        answers[i]!.boxes,
      );
      expect(masks.map((mask) => rleBoxXyxy(mask!))).to.deep.equal(answers[i]!.boxes);
    });
  });
});

/** Transcribed from mmdet/datasets/transforms/transforms.py, Mosaic.mosaic_transform and _mosaic_combine. */
const MOSAIC = `
import sys, json
import numpy as np
W, H = 40, 32
for line in sys.stdin:
    job = json.loads(line)
    cx, cy = job["centre"]
    canvas = np.full((2 * H, 2 * W, 3), 114, np.uint8)
    boxes = []
    for i, s in enumerate(job["samples"]):
        img = np.array(s["data"], np.uint8).reshape(s["height"], s["width"], 3)
        h, w = img.shape[:2]
        if i == 0:
            x1, y1, x2, y2 = max(cx - w, 0), max(cy - h, 0), cx, cy
            crop = w - (x2 - x1), h - (y2 - y1), w, h
        elif i == 1:
            x1, y1, x2, y2 = cx, max(cy - h, 0), min(cx + w, W * 2), cy
            crop = 0, h - (y2 - y1), min(w, x2 - x1), h
        elif i == 2:
            x1, y1, x2, y2 = max(cx - w, 0), cy, cx, min(H * 2, cy + h)
            crop = w - (x2 - x1), 0, w, min(y2 - y1, h)
        else:
            x1, y1, x2, y2 = cx, cy, min(cx + w, W * 2), min(H * 2, cy + h)
            crop = 0, 0, min(w, x2 - x1), min(y2 - y1, h)
        canvas[y1:y2, x1:x2] = img[crop[1]:crop[3], crop[0]:crop[2]]
        b = np.array(s["boxes"], np.float64).reshape(-1, 4) + np.tile([x1 - crop[0], y1 - crop[1]], 2)
        boxes.append(b)
    b = np.concatenate(boxes)
    b[:, 0::2] = b[:, 0::2].clip(0, 2 * W); b[:, 1::2] = b[:, 1::2].clip(0, 2 * H)
    b = b[(b[:, 2] > b[:, 0]) & (b[:, 3] > b[:, 1])]
    print(json.dumps({"image": canvas.ravel().tolist(), "boxes": b.tolist()}))
`;

/** [height, width] 1 where one of the chosen objects is, cut or padded to the size. */
function unionOf(sample: Sample, chosen: readonly number[], width: number, height: number): Uint8Array {
  const masks = chosen.map((i) => decodeRle(sample.instances!.masks[i]!));
  return Uint8Array.from({ length: width * height }, (_, i) => {
    const [x, y] = [i % width, Math.floor(i / width)];
    if (x >= sample.image.width || y >= sample.image.height) return 0;
    return Math.max(...masks.map((mask) => mask[y * sample.image.width + x]!));
  });
}

function boxOf(bitmap: Uint8Array, width: number): number[] {
  const inside = Array.from(bitmap.keys()).filter((i) => bitmap[i] === 1);
  const xs = inside.map((i) => i % width);
  const ys = inside.map((i) => Math.floor(i / width));
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs) + 1, Math.max(...ys) + 1];
}
