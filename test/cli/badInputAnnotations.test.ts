import { existsSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { encode } from "fast-png";
import { encodeIndexedPng } from "../../lib/images/encode.js";
import { makeShapes, type ShapesData, shapesConfig } from "../support/shapes.js";
import { accepted, refused, set } from "./refused.js";

interface Coco {
  images: Record<string, unknown>[];
  annotations: Record<string, unknown>[];
  categories: Record<string, unknown>[];
}

describe("bad input: annotations of objects", () => {
  let data: ShapesData;
  let config: string;
  let valid: string;
  let spoilt: string;
  let run: string;
  before(async () => {
    data = await makeShapes(3);
    run = join(data.folder, "run");
    config = join(data.folder, "config.yaml");
    writeFileSync(config, JSON.stringify(shapesConfig("detection", data, run))); // JSON is YAML
    valid = readFileSync(data.annotations, "utf8");
    spoilt = join(data.folder, "spoilt.json");
  });
  afterEach(() => rmSync(run, { recursive: true, force: true }));
  after(() => rmSync(data.folder, { recursive: true }));

  const write = (spoil: (json: Coco) => unknown): void => {
    const json: Coco = JSON.parse(valid);
    spoil(json);
    writeFileSync(spoilt, JSON.stringify(json));
  };
  const train = (split: "train" | "val", ...overrides: string[]) =>
    refused(["train", config, ...set(`data.${split}.annotations=${spoilt}`, ...overrides)]);

  const cases: [name: string, spoil: (json: Coco) => unknown, message: RegExp][] = [
    [
      "an unknown category",
      (json) => (json.annotations[1]!.category_id = 7),
      /: annotation 2: category_id 7 is not in the list of categories$/,
    ],
    [
      "an unknown image",
      (json) => (json.annotations[1]!.image_id = 7),
      /: annotation 2: image_id 7 is not in the list of images$/,
    ],
    [
      "a polygon of two points",
      (json) => (json.annotations[1]!.segmentation = [[1, 2, 3, 4]]),
      /: annotation 2: polygon has 4 numbers; a polygon needs at least 3 points/,
    ],
    [
      "NaN as a text",
      (json) => (json.annotations[1]!.bbox = ["NaN", 1, 2, 3]),
      /: annotation 2: bbox holds "NaN", which is not a finite number$/,
    ],
    [
      "NaN written as null",
      (json) => (json.annotations[1]!.segmentation = [[1, 2, Number.NaN, 4, 5, 6]]),
      /: annotation 2: polygon holds null, which is not a finite number$/,
    ],
    [
      "NaN as an area",
      (json) => (json.annotations[1]!.area = Number.NaN),
      /: annotation 2: area is null, which is not/,
    ],
    [
      "an id twice",
      (json) => (json.annotations[1]!.id = 1),
      /: annotation 1: this id occurs twice; .* must be unique$/,
    ],
    ["no images", (json) => (json.images = json.annotations = []), /: the data set is empty: it lists no images$/],
    ["no categories", (json) => (json.categories = json.annotations = []), /: the list of categories is empty$/],
    [
      "an image that is missing",
      (json) => (json.images[1]!.file_name = "1.jpg"),
      /images\/1\.jpg: this image of .*spoilt\.json \(image 11\) is missing; there is 1\.png$/,
    ],
  ];
  for (const [name, spoil, message] of cases) {
    it(`names file and annotation of ${name}, in either split`, async () => {
      write(spoil);
      const told = await train("train");
      expect(told).to.match(message).and.contain(data.folder);
      expect(existsSync(run)).to.equal(false);
      expect(await train("val")).to.equal(told);
    });
  }

  it("names the annotation with a bare NaN, which is not JSON", async () => {
    writeFileSync(spoilt, valid.replace(/"bbox":\[[\d.]+,/, '"bbox":[NaN,'));
    expect(await train("train")).to.equal(`${spoilt}: annotation 1: bbox holds NaN, which is not a finite number`);
  });

  it("names an annotation file that is missing, cut short or of another kind", async () => {
    rmSync(spoilt, { force: true });
    expect(await train("train")).to.equal(
      `cannot read ${spoilt}: no such file or folder; data.train.annotations of the config names it. ` +
        "Name your own with --set data.train.annotations=... or in a config; the configs shipped with densekit " +
        `look for data sets in DENSEKIT_DATA (${process.env.DENSEKIT_DATA || "not set: ./data"})`,
    );
    writeFileSync(spoilt, valid);
    truncateSync(spoilt, 200);
    expect(await train("train")).to.contain(`${spoilt}: not valid JSON: `);
    writeFileSync(spoilt, "[]");
    expect(await train("train")).to.contain(
      `${spoilt}: a COCO file is an object with images, annotations and categories`,
    );
  });

  it("refuses a data set with nothing left", async () => {
    write((json) => (json.annotations = []));
    expect(await train("train", "data.dropEmpty=true")).to.contain("no image has an object of the classes chosen");
    expect(await train("train", "data.classes=[disk]")).to.contain('there is no category "disk"');
  });

  it("names an image whose size differs from its annotation, and does not train", async () => {
    write((json) => Object.assign(json.images[1]!, { width: 60, height: 60 }));
    const told = await train("train", "data.batchSize=3");
    expect(told).to.match(/1\.png: the image is 64×64, its annotation says 60×60; do they belong together\?$/);
    expect(existsSync(join(run, "checkpoints"))).to.equal(false);
  });

  it("clips boxes that reach outside their images, and counts them", async () => {
    write((json) => {
      json.annotations[0]!.bbox = [-20, 10, 50, 30];
      json.annotations[1]!.bbox = [40, 40, 100, 100];
    });
    const { stderr } = await accepted([
      ...["train", config],
      ...set(`data.train.annotations=${spoilt}`, "training.steps=1", "data.val.limit=1"),
    ]);
    expect(stderr).to.contain(`${spoilt}: 2 boxes reached outside their images and were clipped\n`);
  });
});

describe("bad input: label maps", () => {
  let data: ShapesData;
  let config: string;
  let run: string;
  let map: string;
  beforeEach(async () => {
    data = await makeShapes(2);
    run = join(data.folder, "run");
    config = join(data.folder, "config.yaml");
    map = join(data.labelMaps, "1.png");
    writeFileSync(config, JSON.stringify(shapesConfig("segmentation", data, run)));
  });
  afterEach(() => rmSync(data.folder, { recursive: true }));

  const train = (...overrides: string[]) => refused(["train", config, ...set(...overrides)]);
  const labels = (value: number, side = 64) =>
    encodeIndexedPng({ width: side, height: side, data: new Uint8Array(side * side).fill(value) }, [[0, 0, 0]]);
  const png = (channels: number, depth: 8 | 16) => {
    const samples = new (depth === 8 ? Uint8Array : Uint16Array)(64 * 64 * channels);
    return encode({ width: 64, height: 64, data: samples, depth, channels });
  };

  const cases: [name: string, bytes: () => Uint8Array, message: RegExp][] = [
    [
      "three channels",
      () => png(3, 8),
      /must hold one class index per pixel, this PNG holds colours \(3 channels\); save it/,
    ],
    [
      "16 bits",
      () => png(1, 16),
      /a label map must have 8 bits, this PNG has 16; save it as 8-bit grey or indexed PNG$/,
    ],
    ["another size", () => labels(0, 32), /1\.png: the image is 64×64, its label map .*1\.png says 32×32; do they/],
    ["a value out of range", () => labels(3), /label 3 at x = 0, y = 0 is out of range: 3 classes have labels 0–2/],
    ["half its bytes", () => labels(0).subarray(0, 60), /1\.png: cannot be decoded: .*; is the file complete\?$/],
    [
      "another format",
      () => Buffer.from("no image, but long enough"),
      /must be a PNG of one channel; this is not a PNG$/,
    ],
  ];
  for (const [name, bytes, message] of cases) {
    it(`names a label map with ${name}`, async () => {
      writeFileSync(map, bytes());
      const told = await train("data.batchSize=2");
      expect(told).to.match(message).and.contain(data.folder);
      expect(existsSync(join(run, "checkpoints"))).to.equal(false);
    });
  }

  it("names a label map that is missing, and a folder without images, in either split", async () => {
    rmSync(map);
    const told = await train();
    expect(told).to.contain(`its label map ${map} is missing`);
    const empty = join(data.folder, "empty");
    mkdirSync(empty);
    for (const split of ["train", "val"]) {
      const message = `${empty}: there are no images in this folder`;
      const other = `data.${split === "train" ? "val" : "train"}.limit=1`;
      if (split === "val") writeFileSync(map, labels(0));
      expect(await train(`data.${split}.images=${empty}`, other)).to.equal(message);
    }
    const none = join(data.folder, "none");
    expect(await train(`data.train.images=${none}`)).to.contain(
      `cannot read ${none}: no such file or folder; data.train.images of the config names it`,
    );
  });

  it("continues with images that have no labelled pixel", async () => {
    for (const name of ["0.png", "1.png"]) writeFileSync(join(data.labelMaps, name), labels(255));
    const outcome = await accepted(["train", config, ...set("training.steps=2")]);
    expect(outcome.stderr).to.contain("step 2/2  loss 0.0000");
  });
});
