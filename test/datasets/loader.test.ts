import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { openCoco } from "../../lib/datasets/coco.js";
import { openImageLabels } from "../../lib/datasets/imageLabels.js";
import { ade20kFolders, openLabelMaps } from "../../lib/datasets/labelMaps.js";
import type { Batch } from "../../lib/datasets/loader/batch.js";
import { createLoader } from "../../lib/datasets/loader/loader.js";
import { paddedSize } from "../../lib/datasets/loader/padding.js";
import { planEpoch } from "../../lib/datasets/loader/plan.js";
import type { LoaderOptions } from "../../lib/datasets/loader/types.js";
import type { TransformInput } from "../../lib/datasets/transforms/index.js";
import type { Dataset } from "../../lib/datasets/types.js";
import { UserError } from "../../lib/errors.js";
import { encodePng } from "../../lib/images/encode.js";
import { IMAGENET_NORMALISATION } from "../../lib/pixels/normalise.js";
import { noiseImage } from "../pixels/images.js";
import { userMessage } from "../support/failure.js";
import { requireData } from "../support/goldens.js";

const HOOKS = new URL("./hooks.js", import.meta.url).href;

/** Runs a loader over a range of steps, disposing of it. */
async function collect<D extends Dataset>(options: LoaderOptions<D>, range: { startAt?: number; stopAt: number }) {
  const loader = createLoader(options);
  try {
    const batches = [];
    for await (const batch of loader.batches(range)) batches.push(batch);
    return batches;
  } finally {
    await loader.dispose();
  }
}

describe("planning an epoch", () => {
  const groups = Uint8Array.from({ length: 23 }, (_, i) => (i % 3 === 0 ? 1 : 0)); // 15 and 8
  const plan = { groups, batchSize: 4, shuffle: true, lastBatch: "fill" as const, seed: 7 };
  const flat = (batches: readonly Int32Array[]) => batches.flatMap((batch) => Array.from(batch));
  const all = Array.from({ length: 23 }, (_, i) => i);

  it("has every image, one group per batch, all batches full", () => {
    for (let epoch = 0; epoch < 5; epoch++) {
      const batches = planEpoch(plan, epoch);
      expect(batches).to.have.lengthOf(4 + 2);
      for (const batch of batches) {
        expect(batch).to.have.lengthOf(4);
        expect(new Set(Array.from(batch, (i) => groups[i])).size).to.equal(1);
      }
      expect(Array.from(new Set(flat(batches))).sort((a, b) => a - b)).to.deep.equal(all);
    }
  });

  it("differs from epoch to epoch and seed to seed, and is reproducible", () => {
    expect(planEpoch(plan, 1)).to.deep.equal(planEpoch(plan, 1));
    expect(planEpoch(plan, 1)).not.to.deep.equal(planEpoch(plan, 2));
    expect(planEpoch(plan, 1)).not.to.deep.equal(planEpoch({ ...plan, seed: 8 }, 1));
    const order = planEpoch(plan, 0).map((batch) => groups[batch[0]!]);
    expect(order.some((group, i) => i > 0 && group! < order[i - 1]!)).to.equal(true); // groups are mixed
  });

  it("keeps the order and a short last batch, or drops it", () => {
    const short = planEpoch({ ...plan, shuffle: false, lastBatch: "short", groups: new Uint8Array(10) }, 3);
    expect(flat(short)).to.deep.equal(all.slice(0, 10));
    expect(short.map((batch) => batch.length)).to.deep.equal([4, 4, 2]);
    expect(planEpoch({ ...plan, lastBatch: "drop" }, 0)).to.have.lengthOf(3 + 2);
  });

  it("fills a batch from a group smaller than it", () => {
    const [batch] = planEpoch({ ...plan, shuffle: false, groups: new Uint8Array(1) }, 0);
    expect(Array.from(batch!)).to.deep.equal([0, 0, 0, 0]);
  });
});

describe("padded sizes", () => {
  const images = [
    { width: 33, height: 20 },
    { width: 10, height: 64 },
  ];

  it("are the largest sides rounded up to a multiple, or the smallest preferred size that fits them", () => {
    expect(paddedSize(images, {})).to.deep.equal({ width: 64, height: 64 });
    expect(paddedSize(images, { multipleOf: 1 })).to.deep.equal({ width: 33, height: 64 });
    const [large, fitting, narrow] = [
      { width: 128, height: 128 },
      { width: 96, height: 64 },
      { width: 32, height: 512 },
    ];
    expect(paddedSize(images, { sizes: [large, fitting, narrow] })).to.deep.equal(fitting);
    expect(paddedSize(images, { sizes: [narrow] })).to.deep.equal({ width: 64, height: 64 });
  });
});

describe("loading detection batches", () => {
  const transforms: TransformInput[] = [
    { type: "randomScale", scale: [160, 120], ratioRange: [0.7, 1.3] },
    { type: "randomFlip" },
  ];
  let dataset: Awaited<ReturnType<typeof openCoco>>;
  let base: LoaderOptions<typeof dataset>;

  before(async function () {
    const root = requireData(this, "coco-mini");
    dataset = await openCoco({
      annotations: join(root, "annotations/instances_val2017.json"),
      images: join(root, "val2017"),
    });
    base = { dataset, transforms, batchSize: 2, seed: 3, shuffle: true };
  });

  it("gives the same batches with 0, 1 and 3 workers, across the end of an epoch", async () => {
    const { batchesPerEpoch } = createLoader(base);
    const range = { startAt: batchesPerEpoch - 3, stopAt: batchesPerEpoch + 3 };
    const expected = await collect(base, range);
    expect(expected).to.have.lengthOf(6);
    for (const workers of [1, 3])
      expect(await collect({ ...base, workers, prefetch: 4 }, range)).to.deep.equal(expected);
  });

  it("resumes with the batches of the uninterrupted run", async () => {
    const whole = await collect(base, { stopAt: 5 });
    expect(await collect(base, { startAt: 3, stopAt: 5 })).to.deep.equal(whole.slice(3));
  });

  it("normalises, pads with zeros and describes each image", async () => {
    const [batch] = await collect({ ...base, padding: { sizes: [{ width: 256, height: 256 }] } }, { stopAt: 1 });
    const { images, height, width, meta, instances, indices } = batch!;
    expect([height, width, images.length]).to.deep.equal([256, 256, 2 * 3 * 256 * 256]);
    for (const [i, one] of meta.entries()) {
      const info = dataset.images[indices[i]!]!;
      expect(one).to.include({ id: info.id, file: info.file, originalWidth: info.width, originalHeight: info.height });
      expect(one.width / info.width).to.be.closeTo(one.scaleFactor[0], 1e-9);
      const plane = images.subarray(i * 3 * 256 * 256, (i * 3 + 1) * 256 * 256);
      expect(plane[one.width]).to.equal(0);
      expect(plane[one.height * 256]).to.equal(0);
      const valid = plane.filter((_, p) => p % 256 < one.width && p / 256 < one.height);
      const red = valid.reduce((a, b) => a + b, 0) / valid.length;
      expect(red).to.be.within(-2.2, 2.7).and.not.equal(0);
      for (const mask of instances[i]!.masks)
        expect([mask!.height, mask!.width]).to.deep.equal([one.height, one.width]);
      const original = dataset.instances(indices[i]!);
      const boxWidth = (boxes: Float32Array) => boxes[2]! - boxes[0]!;
      if (original.labels.length > 0) {
        expect(boxWidth(instances[i]!.boxes)).to.be.closeTo(boxWidth(original.boxes) * one.scaleFactor[0], 0.01);
      }
    }
  });

  it("separates portrait from landscape images", async () => {
    const options = { ...base, batchSize: 3, grouping: "aspect" as const };
    const batches = await collect(options, { stopAt: createLoader(options).batchesPerEpoch });
    for (const { meta } of batches) {
      expect(new Set(meta.map((m) => m.originalWidth < m.originalHeight)).size).to.equal(1);
    }
    expect(new Set(batches.map(({ meta }) => meta[0]!.originalWidth < meta[0]!.originalHeight)).size).to.equal(2);
  });

  it("keeps annotations unchanged for evaluation, in order, each image once", async () => {
    const options = {
      ...base,
      shuffle: false,
      annotations: "original" as const,
      masks: false,
    };
    const batches = await collect(
      { ...options, batchSize: 5 },
      { stopAt: createLoader({ ...options, batchSize: 5 }).batchesPerEpoch },
    );
    const indices = batches.flatMap((batch) => Array.from(batch.indices));
    expect(indices).to.deep.equal(Array.from({ length: dataset.length }, (_, i) => i));
    const [first] = batches;
    expect(first!.meta[0]!.width).not.to.equal(first!.meta[0]!.originalWidth);
    expect(first!.instances[0]!.boxes).to.deep.equal(dataset.instances(0).boxes);
    expect(first!.instances[0]!.masks.every((mask) => mask === undefined)).to.equal(true);
  });

  it("distorts an image differently from epoch to epoch", async () => {
    const one = { ...base, shuffle: false, batchSize: dataset.length };
    const [first, second] = await collect(one, { stopAt: 2 });
    expect(first!.indices).to.deep.equal(second!.indices);
    expect(first!.meta.map((m) => m.flipped)).not.to.deep.equal(second!.meta.map((m) => m.flipped));
  });

  for (const workers of [0, 1]) {
    describe(`with ${workers} workers`, () => {
      it("runs the hook in the thread that makes the batch", async () => {
        const hook = { module: HOOKS, name: "countBoxes", options: 10 };
        const [batch] = await collect({ ...base, workers, hook }, { stopAt: 1 });
        expect(batch!.extra).to.deep.equal(Float32Array.from(batch!.instances, ({ labels }) => 10 * labels.length));
      });

      it("passes a user's error on with its message and exit code", async () => {
        const hook = { module: HOOKS, name: "refuse" };
        const error = await collect({ ...base, workers, hook }, { stopAt: 1 }).catch((e: unknown) => e);
        expect(error).to.be.instanceOf(UserError);
        expect(error).to.include({ exitCode: 2 });
        expect((error as UserError).message).to.match(/^no targets for .*\.jpg$/);
      });

      it("passes a bug on unchanged", async () => {
        const hook = { module: HOOKS, name: "breakDown" };
        const error = await collect({ ...base, workers, hook }, { stopAt: 1 }).catch((e: unknown) => e);
        expect(error).to.be.instanceOf(TypeError);
      });

      it("names the image that cannot be decoded, after the batches before it", async () => {
        const folder = await mkdtemp(join(tmpdir(), "densekit-loader-"));
        const images = [0, 1, 2].map((id) => ({ id, file_name: `${id}.png`, width: 8, height: 8 }));
        for (const { file_name: name } of images)
          await writeFile(join(folder, name), await encodePng(noiseImage(8, 8)));
        await writeFile(join(folder, "2.png"), "no image");
        await writeFile(
          join(folder, "a.json"),
          JSON.stringify({ images, annotations: [], categories: [{ id: 1, name: "cat" }] }),
        );
        const spoilt = await openCoco({ annotations: join(folder, "a.json"), images: folder });
        const loader = createLoader({ dataset: spoilt, transforms: [], batchSize: 1, seed: 1, workers });
        const seen: Batch[] = [];
        const message = await userMessage(async () => {
          for await (const batch of loader.epoch()) seen.push(batch);
        });
        await loader.dispose();
        expect(message).to.match(/2\.png: cannot be decoded/);
        expect(seen).to.have.lengthOf(2);
        await rm(folder, { recursive: true });
      });
    });
  }

  it("counts the time waited, and can be stopped early", async () => {
    const loader = createLoader({ ...base, workers: 1 });
    for await (const batch of loader.batches()) {
      expect(batch.images.length).to.be.above(0);
      break;
    }
    expect(loader.waitedMs).to.be.above(0);
    await loader.dispose();
  });

  it("gives the same batches in reused memory, which is taken back when the next batch is requested", async () => {
    const expected = await collect(base, { stopAt: 8 });
    const loader = createLoader({ ...base, workers: 2, prefetch: 1, reuse: true });
    let last: Batch | undefined;
    const buffers = new Set<number>();
    let i = 0;
    for await (const batch of loader.batches({ stopAt: 8 })) {
      expect(batch).to.deep.equal(expected[i++]);
      buffers.add(batch.images.buffer.byteLength);
      last = batch;
    }
    expect(last!.images.length).to.be.above(0);
    expect(buffers.size, "memory larger than its batch was used").to.be.below(8);
    await loader.dispose();
  });

  it("refuses invalid settings", async () => {
    for (const [bad, text] of [
      [{ batchSize: 0 }, "batchSize"],
      [{ workers: -1 }, "workers"],
      [{ prefetch: 1.5 }, "prefetch"],
      [{ batchSize: 1000, lastBatch: "drop" as const }, "do not fill a batch of 1000"],
    ] as const) {
      expect(await userMessage(() => createLoader({ ...base, ...bad }))).to.contain(text);
    }
  });
});

describe("loading segmentation batches", () => {
  it("stacks label maps, 255 where padded, and agrees with the image's flips", async function () {
    const root = requireData(this, "facade");
    const dataset = await openLabelMaps({ ...ade20kFolders(root, "validation"), reduceZeroLabel: true });
    const transforms: TransformInput[] = [
      { type: "randomScale", scale: [256, 128], ratioRange: [0.5, 2] },
      { type: "randomCrop", width: 128, height: 128, maxClassShare: 0.75 },
      { type: "randomFlip" },
    ];
    const base = {
      dataset,
      transforms,
      batchSize: 4,
      seed: 1,
      shuffle: true,
      padding: { sizes: [{ width: 128, height: 128 }] },
    };
    const batches = await collect(base, { stopAt: 3 });
    expect(await collect({ ...base, workers: 2 }, { stopAt: 3 })).to.deep.equal(batches);
    let padded = 0;
    for (const { labels, meta, height, width } of batches) {
      expect([height, width, labels.length]).to.deep.equal([128, 128, 4 * 128 * 128]);
      for (const [i, one] of meta.entries()) {
        const map = labels.subarray(i * 128 * 128, (i + 1) * 128 * 128);
        expect(map.every((v) => v < 10 || v === 255)).to.equal(true);
        expect(map.every((v, p) => (p % 128 < one.width && p / 128 < one.height) || v === 255)).to.equal(true);
        if (one.width < 128) padded++;
      }
    }
    expect(padded).to.be.above(0);
  });

  it("gives the original label maps for evaluation", async function () {
    const root = requireData(this, "ade20k-samples");
    const dataset = await openLabelMaps({ ...ade20kFolders(root, "validation"), reduceZeroLabel: true });
    const transforms: TransformInput[] = [{ type: "resize", scale: [512, 128], multipleOf: 32 }];
    const [batch] = await collect(
      { dataset, transforms, batchSize: 3, seed: 1, annotations: "original" },
      { stopAt: 1 },
    );
    expect(batch!.labels).to.have.lengthOf(0);
    for (const [i, map] of batch!.labelMaps.entries()) expect(map).to.deep.equal(await dataset.loadLabelMap(i));
    expect(batch!.meta.every((m) => m.height % 32 === 0 && m.width % 32 === 0)).to.equal(true);
  });
});

describe("loading classification batches", () => {
  it("gives labels", async () => {
    const root = await mkdtemp(join(tmpdir(), "densekit-loader-classes-"));
    for (const name of ["a", "b"]) {
      await mkdir(join(root, name));
      await writeFile(join(root, name, "1.png"), await encodePng(noiseImage(8, 8)));
    }
    const dataset = await openImageLabels({ images: root });
    const transforms: TransformInput[] = [{ type: "centreCrop", resize: 8, size: 8 }];
    const [batch] = await collect(
      { dataset, transforms, batchSize: 2, seed: 1, padding: { multipleOf: 8 } },
      { stopAt: 1 },
    );
    expect(Array.from(batch!.labels)).to.deep.equal([0, 1]);
    const { mean, std } = IMAGENET_NORMALISATION;
    expect(batch!.images[0]).to.be.closeTo((noiseImage(8, 8).data[0]! - mean[0]) / std[0], 1e-6);
    await rm(root, { recursive: true });
  });
});
