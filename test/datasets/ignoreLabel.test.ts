import { readdirSync, readFileSync, rmSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { resolveConfig } from "../../lib/config/load.js";
import type { ConfigInput } from "../../lib/config/schema.js";
import { augmentedSample } from "../../lib/datasets/augment.js";
import { openLabelMaps } from "../../lib/datasets/labelMaps.js";
import { checkData } from "../../lib/datatools/check/check.js";
import { convertData } from "../../lib/datatools/convert/convert.js";
import { pixelStats } from "../../lib/datatools/stats/pixels.js";
import { decodeLabelMap } from "../../lib/images/decode.js";
import { encodeIndexedPng } from "../../lib/images/encode.js";
import { confusionOf } from "../../lib/metrics/labels/confusion.js";
import { sourceOf } from "../../lib/tasks/kinds.js";
import { run } from "../cli/support.js";
import { userMessage } from "../support/failure.js";
import { trainQuietly } from "../support/runs.js";
import { makeShapes, type ShapesData, shapesConfig } from "../support/shapes.js";

const CLASSES = ["ground", "disc", "square"];

describe("data.ignoreLabel", function () {
  this.timeout(120_000);
  let data: ShapesData;
  /** The same maps, with the ground ignored by 255, and by 7. */
  const folders: Record<255 | 7, string> = { 255: "", 7: "" };

  before(async () => {
    data = await makeShapes(4);
    for (const ignored of [255, 7] as const) {
      folders[ignored] = join(data.folder, `by-${ignored}`);
      await mkdir(folders[ignored]);
      for (const name of readdirSync(data.labelMaps)) {
        const map = await decodeLabelMap(join(data.labelMaps, name));
        const stored = { ...map, data: map.data.map((label) => (label === 0 ? ignored : label)) };
        await writeFile(join(folders[ignored], name), encodeIndexedPng(stored, []));
      }
    }
  });
  after(() => rm(data.folder, { recursive: true }));

  const source = (ignoreLabel: 255 | 7) => ({
    kind: "labelMaps" as const,
    name: "all",
    images: data.images,
    labelMaps: folders[ignoreLabel],
    classes: CLASSES,
    ignoreLabel,
  });

  it("is read so that transforms fill and leave out the same pixels", async () => {
    const [usual, other] = [await openLabelMaps(source(255)), await openLabelMaps(source(7))];
    const { config } = resolveConfig(shapesConfig("segmentation", data, join(data.folder, "x")), {
      overrides: [
        "data.transforms.train=[{type: mosaic, width: 48, height: 48}, {type: randomErasing, probability: 1}, {type: randomCrop, width: 80, height: 80, maxClassShare: 0.75}, {type: pad, width: 160, height: 160}]",
      ],
    });
    for (const index of [0, 1, 2, 3]) {
      const options = { transforms: config.data.transforms.train, seed: 5 };
      const sample = await augmentedSample(other, index, options);
      expect(sample).to.deep.equal(await augmentedSample(usual, index, options));
      expect(new Set(sample.labelMap!.data)).to.include(255).and.not.include(7);
    }
  });

  it("is used in training, validation and metrics", async () => {
    const results = [255, 7].map(async (ignoreLabel) => {
      const output = join(data.folder, `run-${ignoreLabel}`);
      const config = shapesConfig("segmentation", { ...data, labelMaps: folders[ignoreLabel as 7] }, output);
      const withLabel = { ...config, data: { ...config.data, ignoreLabel } } as ConfigInput;
      const { result, events } = await trainQuietly(withLabel, ["training.steps=3"]);
      const losses = events.flatMap((event) => (event.type === "step" ? [event.losses] : []));
      return { metrics: result.metrics, losses };
    });
    const [usual, other] = await Promise.all(results);
    expect(other).to.deep.equal(usual);
    expect(usual!.losses).to.have.length(3);
    for (const ignoreLabel of [255, 7]) rmSync(join(data.folder, `run-${ignoreLabel}`), { recursive: true });
  });

  it("is a whole number from 0 to 255 in configs, and is passed to the data set", async () => {
    const config = (value: string) =>
      resolveConfig(shapesConfig("segmentation", data, "x"), { overrides: [`data.ignoreLabel=${value}`] }).config;
    expect(await sourceOf(config("7"), "val")).to.include({ ignoreLabel: 7 });
    for (const wrong of ["256", "-1", "1.5", "none"]) expect(() => config(wrong), wrong).to.throw(/data\.ignoreLabel/);
  });

  it("is known to the data commands", async () => {
    const message = await userMessage(async () => {
      const dataset = await openLabelMaps({ ...source(7), ignoreLabel: 9 });
      await dataset.loadLabelMap(0);
    });
    expect(message).to.match(
      /label 7 at x = \d+, y = \d+ is out of range: 3 classes have labels 0–2, and 9 for ignored pixels; check the class list, reduceZeroLabel and ignoreLabel$/,
    );
    expect((await checkData({ sources: [source(7)] })).errors).to.equal(0);
    const { ignoreLabel: _, ...unsaid } = source(7);
    expect((await checkData({ sources: [unsaid] })).errors).to.equal(4);
    const stats = async (from: 255 | 7) => (await pixelStats(await openLabelMaps(source(from)), "all", {})).stats;
    expect(await stats(7)).to.deep.equal(await stats(255));
    const paths = ["--label-maps", folders[7], "--images", data.images, "--classes", CLASSES.join()];
    expect((await run(["data", "check", ...paths, "--ignore-label", "7"])).code).to.equal(0);
    expect((await run(["data", "check", ...paths, "--ignore-label", "256"])).stderr).to.contain(
      "It must be a whole number from 0 to 255.",
    );
  });

  it("is not an object when masks are converted", async () => {
    const converted = async (ignoreLabel: 255 | 7) => {
      const output = join(data.folder, `converted-${ignoreLabel}.json`);
      const input = folders[ignoreLabel];
      const from = { format: "masks", layout: "classes", input, images: data.images, classes: CLASSES } as const;
      await convertData({ from: { ...from, ignoreLabel }, to: { format: "coco", output } });
      return readFileSync(output, "utf8");
    };
    expect(await converted(7)).to.equal(await converted(255));
  });

  it("means the stored label, even if label 0 is reduced", () => {
    const map = (...values: number[]) => ({ width: 4, height: 1, data: Uint8Array.from(values) });
    const options = { classes: 8, reduceZeroLabel: true, ignoreIndex: 7 };
    const matrix = confusionOf({ prediction: map(0, 0, 6, 7), label: map(0, 1, 7, 8), ...options });
    expect(matrix.ignored).to.equal(2);
    expect(matrix.counts[7 * 8 + 7]).to.equal(1);
  });
});
