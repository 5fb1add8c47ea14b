import { readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import fc from "fast-check";
import { resolveConfig } from "../../lib/config/load.js";
import { bestAnchor } from "../../lib/datatools/stats/anchors.js";
import { spreadOf } from "../../lib/datatools/stats/spread.js";
import { dataStats } from "../../lib/datatools/stats/stats.js";
import type { ObjectStats, PixelStats } from "../../lib/datatools/stats/types.js";
import { makeAnchors, validAnchors } from "../../lib/regions/anchors.js";
import { overlap } from "../../lib/regions/iou.js";
import { sourceOf } from "../../lib/tasks/kinds.js";
import { accepted, refused } from "../cli/refused.js";
import { requireChromium, withPage } from "../support/browser.js";
import { makeShapes, type ShapesData, shapesConfig } from "../support/shapes.js";

describe("data stats", () => {
  let data: ShapesData;
  before(async () => {
    data = await makeShapes(6);
  });
  after(() => rm(data.folder, { recursive: true }));

  it("finds the best anchor without trying the whole grid", () => {
    const grid = { strides: [4, 8, 16, 32], scale: 2, ratios: [0.5, 1, 2] };
    const [width, height] = [100, 60];
    const anchors = makeAnchors({ height: 64, width: 128, strides: grid.strides, scales: [2], ratios: grid.ratios });
    const valid = validAnchors(anchors, { height, width });
    const side = (most: number) => fc.double({ min: 0, max: most, noNaN: true });
    fc.assert(
      fc.property(side(width), side(width), side(height), side(height), (xa, xb, ya, yb) => {
        const box = [Math.min(xa, xb), Math.min(ya, yb), Math.max(xa, xb), Math.max(ya, yb)] as const;
        fc.pre(box[2] - box[0] > 0.5 && box[3] - box[1] > 0.5);
        const truth = Float32Array.from(box);
        let best = 0;
        for (let i = 0; i < anchors.count; i++) {
          if (valid[i] === 1) best = Math.max(best, overlap(anchors.boxes, 4 * i, truth, 0, "iou"));
        }
        expect(bestAnchor(box, { width, height }, grid).iou).to.be.closeTo(best, 1e-5);
      }),
      { numRuns: 500 },
    );
  });

  it("gives quantiles of values, interpolated between neighbours", () => {
    expect(spreadOf([4, 1, 3, 2])).to.deep.equal({ min: 1, p10: 1.3, median: 2.5, mean: 2.5, p90: 3.7, max: 4 });
    expect(spreadOf([])).to.include({ median: 0, max: 0 });
  });

  it("counts objects, images and sizes, with crowds separate", async () => {
    const json = JSON.parse(await readFile(data.annotations, "utf8"));
    const box = ([image_id, category_id, side, iscrowd]: readonly [number, number, number, number]) => ({
      id: json.annotations.length + 1,
      image_id,
      category_id,
      iscrowd,
      bbox: [0, 0, side, side],
      area: side * side,
    });
    json.annotations = [];
    for (const entry of [
      [10, 3, 10, 0],
      [10, 3, 20, 0],
      [10, 4, 40, 0],
      [11, 4, 60, 0],
      [12, 3, 50, 1],
    ] as const)
      json.annotations.push(box(entry));
    const annotations = join(data.folder, "counted.json");
    await writeFile(annotations, JSON.stringify(json));
    const { sets, anchors } = await dataStats({
      sources: [{ kind: "coco", name: "all", annotations, images: data.images }],
    });
    expect(anchors).to.equal(undefined);
    const [stats] = sets as [ObjectStats];
    expect(stats.classes).to.deep.equal([
      { name: "disc", objects: 2, images: 1, share: 0.5, medianSide: 15 },
      { name: "square", objects: 2, images: 2, share: 0.5, medianSide: 50 },
    ]);
    expect(stats.areas).to.deep.equal({ small: 0.5, medium: 0.5, large: 0 });
    expect(stats.report).to.include({ images: 6, imagesWithoutObjects: 4, crowds: 1 });
    expect(stats.perImage).to.include({ max: 3, mean: 4 / 6 });
    expect(stats.sizes).to.deep.equal([{ width: 64, height: 64, images: 6 }]);
  });

  it("counts the pixels of label maps", async () => {
    const { labelMaps, images } = data;
    const { sets } = await dataStats({
      sources: [
        { kind: "labelMaps", name: "all", labelMaps, images, classes: ["disc", "square"], reduceZeroLabel: true },
      ],
    });
    const [stats] = sets as [PixelStats];
    expect(stats.classes.reduce((sum, { share }) => sum + share, 0)).to.be.closeTo(1, 1e-12);
    expect(stats.ignored).to.be.within(0.5, 0.95);
    expect(stats.images).to.equal(6);
  });

  it("tries a config's anchors on the boxes of training", async () => {
    const doubled = shapesConfig("detection", data, "run");
    const { config } = resolveConfig({
      ...doubled,
      data: { ...doubled.data, transforms: { train: [{ type: "resize", scale: [128, 128] }] } },
    } as typeof doubled);
    const { anchors } = await dataStats({ sources: [await sourceOf(config, "train")], config });
    expect(anchors).to.include({ images: 6, positiveIou: 0.7, minPositiveIou: 0.3 });
    expect(anchors?.all.boxes).to.equal(12);
    // Sides of 16–28 pixels become 32–56: anchors of 32 and 64 pixels (strides 16 and 32, scale 2) fit best.
    expect(anchors?.byStride.filter(({ boxes }) => boxes > 0).map(({ stride }) => stride)).to.deep.equal([16, 32]);
    expect(anchors?.byRatio.find(({ ratio }) => ratio === 1)?.boxes).to.equal(12);
    expect(anchors?.byArea.map(({ boxes }) => boxes)).to.deep.equal([0, 12, 0]);
    const { anchors: few } = await dataStats({ sources: [await sourceOf(config, "train")], config, anchorImages: 2 });
    expect(few?.images).to.equal(2);
  });

  it("tells of objects that it does not count", async () => {
    const file = JSON.parse(await readFile(data.annotations, "utf8"));
    const [first, ...others] = file.annotations;
    const thin = { ...first, bbox: [first.bbox[0], first.bbox[1], 0.5, 10], segmentation: undefined };
    const path = join(data.folder, "thin.json");
    await writeFile(path, JSON.stringify({ ...file, annotations: [thin, ...others] }));
    const page = join(data.folder, "thin.html");
    const { stdout } = await accepted(["data", "stats", "--annotations", path, "--images", data.images, "--out", page]);
    expect(stdout).to.match(/^data: 6 images, 11 objects, 0 crowds; /);
    expect(stdout).to.contain("\nnote: 1 object with a box thinner than a pixel was left out");
    expect(await readFile(page, "utf8")).to.contain("left out, boxes thinner than a pixel");
  });

  it("is a command that writes a page with plots and tables, which opens without a network", async function () {
    const config = join(data.folder, "config.yaml");
    const page = join(data.folder, "stats.html");
    await writeFile(config, JSON.stringify(shapesConfig("detection", data, "run")));
    const { stdout } = await accepted(["data", "stats", config, "--out", page]);
    expect(stdout).to.match(/^train: 6 images, 12 objects, 0 crowds; small /);
    expect(stdout).to.match(/\nanchors on 6 training images\nbest anchor +boxes +median IoU +IoU ≥ 0\.7 +IoU ≥ 0\.3\n/);
    expect(await refused(["data", "stats", config, "--out", page])).to.match(/stats\.html: already exists;/);
    expect(await refused(["data", "stats", config, "--out", "x.png"], { code: 2 })).to.match(
      /extension must be \.html$/,
    );
    const json = await accepted(["data", "stats", config, "--split", "val", "--json"]);
    expect(JSON.parse(json.stdout).sets.map(({ name }: { name: string }) => name)).to.deep.equal(["val"]);
    expect((await stat(page)).size).to.be.lessThan(1_000_000);
    const chromium = requireChromium(this);
    await withPage({ chromium, file: page }, async ({ page, problems, requests }) => {
      expect({ problems, requests }).to.deep.equal({ problems: [], requests: [] });
      const headings = await page.locator("h2").allTextContents();
      expect(headings).to.deep.equal(["train", "val", "Classes", "train: objects", "val: objects", "Anchors"]);
      expect(await page.locator("figure svg").count()).to.equal(1 + 4 + 4 + 1);
      expect(await page.locator("figure svg path").count()).to.be.greaterThan(50);
      expect(await page.locator("td", { hasText: /^disc$/ }).count()).to.equal(3);
      expect(await page.evaluate("document.documentElement.scrollWidth > innerWidth")).to.equal(false);
    });
  });
});
