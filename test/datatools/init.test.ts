import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { api } from "../../lib/cli/api.js";
import { loadConfig } from "../../lib/config/load.js";
import { convertData } from "../../lib/datatools/convert/convert.js";
import { initConfig } from "../../lib/datatools/init/init.js";
import { recipeOf } from "../../lib/datatools/init/recipe.js";
import { encodeIndexedPng } from "../../lib/images/encode.js";
import { sourceOf } from "../../lib/tasks/kinds.js";
import { openSource } from "../../lib/tasks/sources.js";
import { train } from "../../lib/training/train.js";
import { run } from "../cli/support.js";
import { userMessage } from "../support/failure.js";
import { makeShapes, type ShapesData } from "../support/shapes.js";

const COUNT = 10;

describe("a config for one's own data", function () {
  this.timeout(60_000);
  let shapes: ShapesData;
  let folder: string;
  before(async () => {
    shapes = await makeShapes(COUNT);
    folder = join(shapes.folder, "mine");
  });
  const cache = process.env.DENSEKIT_CACHE;
  beforeEach(() => {
    mkdirSync(folder);
    process.env.DENSEKIT_CACHE = join(shapes.folder, "cache");
  });
  afterEach(() => rm(folder, { recursive: true }));
  after(() => {
    if (cache === undefined) delete process.env.DENSEKIT_CACHE;
    else process.env.DENSEKIT_CACHE = cache;
    return rm(shapes.folder, { recursive: true });
  });

  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  /** Copies images of the set, from the first number to before the second. */
  const images = (to: string, from = 0, end = COUNT, source = shapes.images): void => {
    mkdirSync(join(folder, to), { recursive: true });
    for (let i = from; i < end; i++) copyFileSync(join(source, `${i}.png`), join(folder, to, `${i}.png`));
  };
  const coco = (from = 0, end = COUNT): string => {
    const file = JSON.parse(readFileSync(shapes.annotations, "utf8"));
    const isIn = (id: number) => id >= 10 + from && id < 10 + end;
    return JSON.stringify({
      ...file,
      images: file.images.filter(({ id }: { id: number }) => isIn(id)),
      annotations: file.annotations.filter((entry: { image_id: number }) => isIn(entry.image_id)),
    });
  };
  const voc = (name: string) =>
    `<annotation><filename>${name}.png</filename><object><name>disc</name><bndbox><xmin>5</xmin><ymin>5</ymin><xmax>30</xmax><ymax>30</ymax></bndbox></object></annotation>`;
  const numbers = (from = 0, end = COUNT) => Array.from({ length: end - from }, (_, i) => from + i);
  const toYolo = async () => {
    for (const [split, from, end] of [
      ["train", 0, 8],
      ["val", 8, COUNT],
    ] as const) {
      images(`source/${split}`, from, end);
      write(`source/${split}.json`, coco(from, end));
      await convertData({
        from: {
          format: "coco",
          input: join(folder, `source/${split}.json`),
          images: join(folder, `source/${split}`),
        },
        to: { format: "yolo", output: join(folder, "yolo"), shapes: "boxes", split },
      });
    }
    await rm(join(folder, "source"), { recursive: true });
  };

  /** Each form of data, as it is met. */
  const FORMS: Readonly<Record<string, { make(): unknown; train: number; val: number; title: string }>> = {
    "coco, divided": {
      make() {
        for (const [name, from, end] of [
          ["train2017", 0, 8],
          ["val2017", 8, COUNT],
        ] as const) {
          images(name, from, end);
          write(`annotations/instances_${name}.json`, coco(from, end));
        }
      },
      ...{
        train: 8,
        val: 2,
        title: "COCO JSON: annotations/instances_train2017.json, annotations/instances_val2017.json",
      },
    },
    "coco, whole": {
      make() {
        images("images");
        write("labels.json", coco());
      },
      ...{ train: 8, val: 2, title: "COCO JSON: labels.json" },
    },
    yolo: { make: toYolo, train: 8, val: 2, title: "YOLO: yolo/data.yaml" },
    "voc, with lists": {
      make() {
        images("JPEGImages");
        for (const i of numbers()) write(`Annotations/${i}.xml`, voc(`${i}`));
        write("ImageSets/Main/train.txt", numbers(0, 7).join("\n"));
        write("ImageSets/Main/val.txt", numbers(7).join("\n"));
      },
      ...{ train: 7, val: 3, title: "VOC: ., divided by ImageSets/Main" },
    },
    "voc, in folders": {
      make() {
        images("train", 0, 8);
        images("valid", 8);
        for (const i of numbers(0, 8)) write(`train/${i}.xml`, voc(`${i}`));
        for (const i of numbers(8)) write(`valid/${i}.xml`, voc(`${i}`));
      },
      ...{ train: 8, val: 2, title: "VOC's XML: train, valid" },
    },
    labelme: {
      make() {
        images(".");
        const points = [
          [5, 5],
          [30, 30],
        ];
        for (const i of numbers()) {
          const shape = { label: "disc", points, shape_type: "rectangle" };
          const size = { imageWidth: 64, imageHeight: 64 };
          write(`${i}.json`, JSON.stringify({ shapes: [shape], imagePath: `${i}.png`, ...size }));
        }
      },
      ...{ train: 8, val: 2, title: "LabelMe's JSON: ." },
    },
    cvat: {
      make() {
        images("images");
        const box = '<box label="disc" xtl="5" ytl="5" xbr="30" ybr="30"/>';
        const entries = numbers().map((i) => `<image name="${i}.png" width="64" height="64">${box}</image>`);
        write("annotations.xml", `<annotations>${entries.join("")}</annotations>`);
      },
      ...{ train: 8, val: 2, title: "CVAT's XML: annotations.xml" },
    },
    "label maps, divided": {
      make() {
        images("images/train", 0, 8);
        images("masks/train", 0, 8, shapes.labelMaps);
        images("images/val", 8);
        images("masks/val", 8, COUNT, shapes.labelMaps);
      },
      ...{ train: 8, val: 2, title: "label maps: images/train, images/val" },
    },
    "label maps, whole": {
      make() {
        images("images");
        mkdirSync(join(folder, "labels"));
        for (const i of numbers()) {
          copyFileSync(join(shapes.labelMaps, `${i}.png`), join(folder, `labels/${i}_mask.png`));
        }
      },
      ...{ train: 8, val: 2, title: "label maps: images" },
    },
    "class folders, divided": {
      make() {
        for (const [i, kind] of ["disc", "square"].entries()) {
          images(`train/${kind}`, 5 * i, 5 * i + 3);
          images(`test/${kind}`, 5 * i + 3, 5 * i + 5);
        }
      },
      ...{ train: 6, val: 4, title: "a folder for each class: train, test" },
    },
    "class folders, whole": {
      make() {
        images("disc", 0, 5);
        images("square", 5);
      },
      ...{ train: 8, val: 2, title: "a folder for each class: ." },
    },
  };

  for (const [name, { make, train: training, val, title }] of Object.entries(FORMS)) {
    it(`is written for ${name}`, async () => {
      await make();
      const out = join(folder, "config", "my.yaml");
      const result = await initConfig({ data: folder, out });
      expect(result).to.deep.include({ title, images: { train: training, val } });
      const { config } = loadConfig(out);
      for (const [split, count] of [
        ["train", training],
        ["val", val],
      ] as const) {
        const dataset = await openSource(await sourceOf(config, split));
        expect(dataset.length).to.equal(count);
        expect((await dataset.load(0)).image).to.include({ width: 64, height: 64 });
        expect(dataset.classes).to.deep.equal(
          config.task === "segmentation"
            ? ["class0", "class1", "class2"]
            : /voc|labelme|cvat/.test(name)
              ? ["disc"]
              : ["disc", "square"],
        );
      }
      const prepared = existsSync(join(folder, "config", "my-prepared"));
      expect(prepared).to.equal(/whole|labelme|cvat/.test(name));
      const [, type = name.includes("coco") || prepared ? "coco" : undefined] = /^(yolo|voc)/.exec(name) ?? [];
      if (config.task === "detection") expect(config.data.type).to.equal(type);
      expect(readdirSync(join(folder, "config")).filter((file) => file.startsWith("."))).to.deep.equal([]);
    });
  }

  it("names the folder of CVAT's images where it is not the default one", async () => {
    for (const [part, from, end] of [
      ["train", 0, 8],
      ["val", 8, COUNT],
    ] as const) {
      images(part, from, end);
      const box = '<box label="disc" xtl="5" ytl="5" xbr="30" ybr="30"/>';
      const entries = numbers(from, end).map((i) => `<image name="${i}.png" width="64" height="64">${box}</image>`);
      write(`${part}.xml`, `<annotations>${entries.join("")}</annotations>`);
    }
    const out = join(folder, "my.yaml");
    expect((await initConfig({ data: folder, out })).images).to.deep.equal({ train: 8, val: 2 });
    const { data } = loadConfig(out).config;
    if (data.type !== "cvat") throw new Error(`data of the type ${data.type}`);
    expect([data.train.images, data.val.images]).to.deep.equal([join(folder, "train"), join(folder, "val")]);
  });

  it("trains as it is", async () => {
    images("images");
    images("masks", 0, COUNT, shapes.labelMaps);
    const out = join(folder, "my.yaml");
    await initConfig({ data: folder, out });
    const overrides = ["training.steps=1", "data.workers=0", `output=${join(folder, "run")}`];
    const { config } = loadConfig(out, { overrides });
    expect(config.data.transforms.train[0]).to.deep.include({ type: "resize", scale: [64, 64] });
    const { weights } = await train({ config });
    expect(existsSync(weights)).to.equal(true);
  });

  it("finds the images of a file beside its folder", async () => {
    images("images");
    write("annotations/instances.json", coco());
    const out = join(folder, "my.yaml");
    const { title } = await initConfig({ data: join(folder, "annotations", "instances.json"), out });
    expect(title).to.equal("COCO JSON: annotations/instances.json");
    expect(loadConfig(out).config.data.train).to.include({ images: join(folder, "images") });
  });

  it("chooses size, batch and steps by the data", () => {
    const facts = { images: 100, long: 4000, short: 3000, object: 400 };
    const of = (more: object) => recipeOf("detection", "nano", { ...facts, ...more });
    expect(of({})).to.deep.include({ scale: [640, 480], batchSize: 2, steps: 3000, evaluateEvery: 300, epochs: 60 });
    expect(of({})).to.not.have.property("anchorScale");
    expect(of({ images: 5 })).to.include({ steps: 1000, evaluateEvery: 100 });
    expect(of({ images: 1 })).to.include({ batchSize: 1 });
    expect(of({ images: 2000 })).to.include({ steps: 20_000, epochs: 20 });
    expect(of({ images: 100_000 })).to.include({ steps: 600_000, epochs: 12 });
    // Small objects: larger images, and smaller anchors where that does not suffice.
    expect(of({ object: 120 }).scale).to.deep.equal([800, 600]);
    expect(of({ object: 40 })).to.deep.include({ scale: [1024, 768], anchorScale: 4 });
    expect(of({ long: 300, short: 200, object: 30 }).scale).to.deep.equal([300, 200]);
    expect(recipeOf("classification", "small", { ...facts, short: 50 })).to.deep.include({
      ...{ scale: [64, 64], batchSize: 16, pretrained: true, extend: ["classifier", "resnet-18"] },
    });
  });

  it("is refused where nothing or too much is found, or the data has errors, and nothing is left", async () => {
    const refusal = (more: object = {}) =>
      userMessage(() => initConfig({ data: folder, out: join(folder, "my.yaml"), ...more }));
    images("photos");
    expect(await refusal()).to.equal(
      `${folder}: no data set is recognised (10 images found): COCO JSON, a YOLO data.yaml, VOC's or CVAT's XML, LabelMe's JSON, ` +
        "label maps (images and annotations in two folders), or a folder for each class",
    );
    expect(await refusal({ data: join(folder, "none") })).to.equal(
      `cannot read ${join(folder, "none")}: no such file or folder`,
    );
    write("labels.json", coco());
    write("more.json", coco(0, 3));
    expect(await refusal()).to.equal(
      `${folder}: there are several data sets; name one by its folder or its file\n  COCO JSON: labels.json\n  COCO JSON: more.json`,
    );
    expect(await refusal({ data: shapes.folder })).to.contain(
      "name one by --from (format in the API): coco, label-maps\n  COCO JSON: instances.json\n",
    );
    expect(await refusal({ format: "yolo" })).to.equal(
      `${folder}: no yolo here, but COCO JSON: labels.json; COCO JSON: more.json`,
    );
    write("labels.json", coco().replace(/"bbox":\[\d+/, '"bbox":[-900'));
    const faulty = await refusal({ data: join(folder, "labels.json") });
    expect(faulty.replaceAll(folder, "F")).to.match(
      /^F\/labels\.json: 1 error in the data; nothing was written\. Fix them, then run it again:\n {2}F\/labels\.json: annotation 1: the box lies outside/,
    );
    expect(readdirSync(folder).sort()).to.deep.equal(["labels.json", "more.json", "photos"]);
    write("more.json", "{");
    write("labels.json", '{"images": [], "annotations": [], "categories": []}');
    expect(await refusal()).to.contain("labels.json: it lists no images");
    await rm(join(folder, "labels.json"));
    await rm(join(folder, "more.json"));
    mkdirSync(join(folder, "masks"));
    for (const i of numbers()) {
      const data = Uint8Array.from({ length: 4096 }, (_, k) => (k < 2000 ? 0 : 255));
      writeFileSync(join(folder, "masks", `${i}.png`), encodeIndexedPng({ width: 64, height: 64, data }, []));
    }
    expect(await refusal()).to.contain("masks: the pixels are 0 and 255 alone, and 255 means no class");
  });

  it("asks on a terminal for what the command line leaves open, and for nothing else", async () => {
    images("photos");
    write("labels.json", coco());
    write("more.json", coco(0, 5));
    const asked = async (answers: readonly string[], ...args: readonly string[]) => {
      const left = [...answers];
      const questions: string[] = [];
      const ask = async (question: string) => {
        questions.push(question);
        return left.shift() ?? expect.fail(`a question too many: ${question}`);
      };
      const outcome = await run(["init", folder, ...args], { api, ask });
      return { ...outcome, questions, left };
    };
    const name = join(folder, "other");
    const { code, stdout, stderr, questions, left } = await asked(["more.json", "2", "nano", name]);
    expect({ code, left }, stderr).to.deep.equal({ code: 0, left: [] });
    expect(questions).to.deep.equal(["[1] ", "[1] ", "[1] ", "Which file? [mine.yaml] "]);
    expect(stderr)
      .to.contain("Which data?\n  1. COCO JSON: labels.json\n  2. COCO JSON: more.json\n")
      .and.contain("a number from 1 to 2, please\n");
    expect(stdout).to.contain("COCO JSON: more.json: 4 images to train on, 1 to validate\n").and.contain("other.yaml");
    const again = await asked(["1"], "--size", "nano", "--out", `${name}.yaml`);
    expect(again.stderr).to.contain("other.yaml: already exists");
    const forced = await asked(["1"], "--size", "nano", "--out", `${name}.yaml`, "--force");
    expect(forced).to.include({ code: 0 });
    expect(forced.stdout).to.contain("8 images to train on");
    expect((await asked([], "--out", "my.json", "--size", "nano")).stderr).to.equal(
      "--out my.json: a config's name ends in .yaml\n",
    );
    expect((await run(["init", folder, "--json"], { api })).stderr).to.contain("there are several data sets");
  });
});
