import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { resolveConfig } from "../../lib/config/load.js";
import type { Sample } from "../../lib/datasets/types.js";
import { augmentedSamples } from "../../lib/datatools/show/augmented.js";
import { showData } from "../../lib/datatools/show/show.js";
import { decodeImage } from "../../lib/images/decode.js";
import { rleArea } from "../../lib/masks/rle.js";
import { readNormalised, writeNormalised } from "../../lib/pixels/normalise.js";
import { sourceOf } from "../../lib/tasks/kinds.js";
import { openSource } from "../../lib/tasks/sources.js";
import { accepted, refused } from "../cli/refused.js";
import { noiseImage } from "../pixels/images.js";
import { requireChromium, withPage } from "../support/browser.js";
import { userMessage } from "../support/failure.js";
import { makeShapes, type ShapesData, shapesConfig } from "../support/shapes.js";

describe("data show", () => {
  let data: ShapesData;
  before(async () => {
    data = await makeShapes(9);
  });
  after(() => rm(data.folder, { recursive: true }));

  const source = () => ({ kind: "coco", name: "shapes", annotations: data.annotations, images: data.images }) as const;
  const out = (name: string) => join(data.folder, name);

  it("recovers a normalised image's bytes exactly", () => {
    const image = noiseImage(13, 7);
    const options = {
      mean: [123.675, 116.28, 103.53],
      std: [58.395, 57.12, 57.375],
      paddedHeight: 8,
      paddedWidth: 16,
    } as const;
    const block = new Float32Array(10 + 3 * 8 * 16);
    writeNormalised(image, block, 10, options);
    const back = readNormalised(block, 10, options);
    for (let y = 0; y < 7; y++) {
      const row = back.data.subarray(y * 48, y * 48 + 39);
      expect(row).to.deep.equal(image.data.subarray(y * 39, (y + 1) * 39));
    }
    expect(Array.from(back.data.subarray(7 * 48, 7 * 48 + 3))).to.deep.equal([124, 116, 104]); // padding
  });

  it("draws the images chosen by a seed, in rows and columns", async () => {
    const first = await showData({ source: source(), output: out("a.png"), count: 5, columns: 3, height: 100 });
    expect(first.images).to.have.length(5);
    expect(first.images.every(({ objects }) => objects === 2)).to.equal(true);
    const sheet = await decodeImage(out("a.png"));
    expect(sheet.width).to.be.within(300, 360);
    expect(sheet.height).to.be.within(200, 290);
    const again = await showData({ source: source(), output: out("b.png"), count: 5, columns: 3, height: 100 });
    expect(again.images).to.deep.equal(first.images);
    expect((await readFile(out("a.png"))).equals(await readFile(out("b.png")))).to.equal(true);
    const other = await showData({ source: source(), output: out("c.jpg"), count: 5, seed: 1 });
    expect(other.images).to.not.deep.equal(first.images);
  });

  it("draws images of every class, however rare", async () => {
    const file = JSON.parse(await readFile(data.annotations, "utf8"));
    const categories = [...file.categories, { id: 99, name: "rare" }];
    const annotations = file.annotations.map((entry: { id: number }) =>
      entry.id === 5 ? { ...entry, category_id: 99 } : entry,
    );
    const path = join(data.folder, "rare.json");
    await writeFile(path, JSON.stringify({ ...file, annotations, categories }));
    for (const seed of [0, 1, 2, 3]) {
      const { images } = await showData({
        ...{ source: { ...source(), annotations: path }, output: out(`rare-${seed}.png`) },
        ...{ count: 2, seed, height: 64 },
      });
      expect(images.map(({ file: name }) => name)).to.include("2.png"); // two objects an image
    }
    const maps = {
      kind: "labelMaps" as const,
      name: "maps",
      images: data.images,
      labelMaps: data.labelMaps,
      classes: ["ground", "disc", "square"],
    };
    expect((await showData({ source: maps, output: out("maps.png"), count: 3, height: 64 })).images).to.have.length(3);
  });

  it("draws only images with a class", async () => {
    const dataset = await openSource(source());
    const expected = Array.from({ length: 9 }, (_, i) => i).filter((i) =>
      dataset.source(i).instances?.labels.includes(0),
    );
    const { images } = await showData({ source: source(), output: out("only.png"), count: 9, className: "disc" });
    expect(images.map(({ file }) => file)).to.deep.equal(expected.map((i) => `${i}.png`));
    expect(expected.length).to.be.lessThan(9);
    expect(await userMessage(() => showData({ source: source(), output: out("x.png"), className: "cat" }))).to.equal(
      'there is no class "cat"; the classes are disc, square',
    );
  });

  it("augmented: shows the loader's own batches, including padding", async () => {
    const plain = shapesConfig("detection", data, "run");
    const { config } = resolveConfig({
      ...plain,
      data: {
        ...plain.data,
        padding: { sizes: [{ width: 128, height: 96 }] },
        transforms: { train: [{ type: "randomFlip", probability: 1 }] },
      },
    } as typeof plain);
    const dataset = await openSource(await sourceOf(config, "train"));
    const samples: Sample[] = [];
    for await (const sample of augmentedSamples(dataset, config, { count: 3, seed: 0 })) samples.push(sample);
    expect(samples).to.have.length(3);
    for (const { image, meta, instances } of samples) {
      expect({ width: image.width, height: image.height }).to.deep.equal({ width: 128, height: 96 });
      const original = await decodeImage(join(data.images, meta.file));
      for (const [x, y] of [
        [0, 0],
        [10, 33],
        [63, 63],
      ] as const) {
        const [at, mirrored] = [(y * 128 + x) * 3, (y * 64 + 63 - x) * 3];
        expect(image.data.subarray(at, at + 3)).to.deep.equal(original.data.subarray(mirrored, mirrored + 3));
      }
      expect(instances?.masks.map((mask) => mask && [mask.width, mask.height])).to.deep.equal([
        [128, 96],
        [128, 96],
      ]);
      expect(rleArea(instances!.masks[0]!)).to.be.greaterThan(100);
    }
  });

  it("augmented: draws no image twice, and counts the existing ones", async () => {
    const { config } = resolveConfig(shapesConfig("detection", data, "run"));
    for (const batchSize of [2, 4]) {
      const augmented = { ...config, data: { ...config.data, batchSize } } as typeof config;
      const seen: string[] = [];
      const { images } = await showData({
        ...{ source: await sourceOf(config, "train"), output: out("all.png"), augmented, force: true },
        onEvent: (event) => {
          if (event.type === "progress") seen.push(`${event.done}/${event.total}`);
        },
      });
      expect(images.map(({ file }) => file)).to.have.members(Array.from({ length: 9 }, (_, i) => `${i}.png`));
      expect(seen).to.deep.equal(Array.from({ length: 9 }, (_, i) => `${i + 1}/9`));
    }
  });

  it("is a command; its page opens without a network", async function () {
    const config = out("config.yaml");
    await writeFile(config, JSON.stringify(shapesConfig("segmentation", data, "run")));
    const page = out("sheet.html");
    const { stdout } = await accepted(["data", "show", config, "--out", page, "--count", "4", "--augmented"]);
    expect(stdout).to.equal(`${page}: 4 images\n`);
    expect(await refused(["data", "show", config, "--out", page])).to.match(/sheet\.html: already exists;/);
    expect(await refused(["data", "show", config, "--out", "x.gif"], { code: 2 })).to.match(
      /x\.gif: the extension must be/,
    );
    const bare = ["--annotations", data.annotations, "--images", data.images, "--out", "x.png"];
    expect(await refused(["data", "show", ...bare, "--augmented"], { code: 2 })).to.match(
      /^--augmented needs a config/,
    );
    const json = await accepted([
      "data",
      "show",
      config,
      "--out",
      out("d.jpg"),
      "--count",
      "2",
      "--json",
      "--split",
      "val",
    ]);
    expect(JSON.parse(json.stdout).images).to.have.length(2);
    const chromium = requireChromium(this);
    await withPage({ chromium, file: page }, async ({ page, problems, requests }) => {
      expect({ problems, requests }).to.deep.equal({ problems: [], requests: [] });
      expect(await page.locator("figure img").count()).to.equal(4);
      expect(await page.locator("figcaption").first().textContent()).to.match(/^\d\.png$/);
    });
  });
});
