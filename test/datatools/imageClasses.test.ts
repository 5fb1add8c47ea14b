import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import fc from "fast-check";
import { resolveConfig } from "../../lib/config/load.js";
import { openImageLabels } from "../../lib/datasets/imageLabels.js";
import { labelListText, readLabelList } from "../../lib/datasets/labelList.js";
import { showData } from "../../lib/datatools/show/show.js";
import { splitData } from "../../lib/datatools/split/split.js";
import { dataStats } from "../../lib/datatools/stats/stats.js";
import type { ImageStats } from "../../lib/datatools/stats/types.js";
import { encodePng } from "../../lib/images/encode.js";
import { sourceOf } from "../../lib/tasks/kinds.js";
import { accepted, refused } from "../cli/refused.js";
import { noiseImage } from "../pixels/images.js";
import { requireChromium, withPage } from "../support/browser.js";
import { userMessage } from "../support/failure.js";
import { makeShapes, type ShapesData, shapesConfig } from "../support/shapes.js";

describe("data commands on images with one class each", () => {
  let folder = "";
  let images = "";
  let shapes: ShapesData;
  before(async () => {
    shapes = await makeShapes(12);
  });
  after(() => rm(shapes.folder, { recursive: true }));
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "densekit-classes-"));
    images = join(folder, "images");
    await add("cat", 8, [6, 4]);
    await add("dog", 2, [5, 9]);
    await mkdir(join(images, "owl"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function add(name: string, count: number, [width, height]: readonly [number, number]) {
    await mkdir(join(images, name), { recursive: true });
    const bytes = await encodePng(noiseImage(width, height));
    for (let i = 0; i < count; i++) await writeFile(join(images, name, `${i}.png`), bytes);
  }

  const source = (more: object = {}) => ({ kind: "imageLabels", name: "all", images: images, ...more }) as const;
  const list = async (text: string, name = "list.csv") => {
    const labels = join(folder, name);
    await writeFile(labels, text);
    return labels;
  };
  const out = (name: string) => join(folder, name);

  describe("stats", () => {
    const statsOf = async (more: object = {}) => (await dataStats({ sources: [source(more)] })).sets[0] as ImageStats;

    it("counts images per class, sizes and imbalance, and reports empty folders", async () => {
      const stats = await statsOf();
      expect(stats.classes).to.deep.equal([
        { name: "cat", images: 8, share: 0.8 },
        { name: "dog", images: 2, share: 0.2 },
        { name: "owl", images: 0, share: 0 },
      ]);
      expect(stats).to.deep.include({ kind: "images", images: 10, measured: 10, imbalance: 4, empty: ["owl"] });
      expect(stats.sizes).to.deep.equal([
        { width: 6, height: 4, images: 8 },
        { width: 5, height: 9, images: 2 },
      ]);
      expect(stats.perClass).to.include({ min: 0, max: 8, median: 2 });
    });

    it("counts only the selected images, and named classes without images", async () => {
      const stats = await statsOf({ limit: 9, classes: ["cat", "dog", "owl"] });
      expect(stats.classes.map((one) => one.images)).to.deep.equal([8, 1, 0]);
      expect(stats.empty).to.deep.equal(["owl"]);
      const labels = await list("file,label\ncat/0.png,tom\ncat/1.png,tom\n");
      expect(await statsOf({ labels })).to.deep.include({ images: 2, imbalance: 1, empty: [] });
    });

    it("names unreadable and missing files, and classes of only one split", async () => {
      const labels = await list("cat/0.png,cat\ncat/99.png,cat\n");
      expect(await userMessage(() => statsOf({ labels }))).to.match(/cat\/99\.png: this image of .*list\.csv/);
      const other = await list("dog/0.png,bird\n", "other.csv");
      expect(await userMessage(() => dataStats({ sources: [source(), source({ labels: other })] }))).to.match(
        /other\.csv: the class "bird" of dog\/0\.png is none of the 3 \(cat, dog, owl\)/,
      );
      expect(await userMessage(() => statsOf({ images: join(images, "owl") }))).to.match(
        /there are no images here; expected a folder for each class/,
      );
      await writeFile(join(images, "dog/1.png"), "no image");
      expect(await userMessage(() => statsOf())).to.match(/dog\/1\.png: cannot be decoded: /);
    });

    it("is a command that writes a page", async function () {
      const page = out("stats.html");
      const { stdout } = await accepted(["data", "stats", "--images", images, "--out", page]);
      expect(stdout).to.match(
        /^data: 10 images, 3 classes; the largest has 4 times as many images as the smallest; most common size 6 × 4\nclass +images +share\ncat +8 +80\.0 %\ndog +2 +20\.0 %\nowl +0 +0\.0 %\nnote: no images of owl\n/,
      );
      const config = out("config.yaml");
      await writeFile(config, JSON.stringify(shapesConfig("classification", shapes, "run")));
      const json = await accepted(["data", "stats", config, "--json"]);
      expect(JSON.parse(json.stdout).sets.map((set: ImageStats) => [set.name, set.images])).to.deep.equal([
        ["train", 24],
        ["val", 24],
      ]);
      const chromium = requireChromium(this);
      await withPage({ chromium, file: page }, async ({ page, problems, requests }) => {
        expect({ problems, requests }).to.deep.equal({ problems: [], requests: [] });
        expect(await page.locator("h2").allTextContents()).to.deep.equal(["data", "Classes", "data: images"]);
        expect(await page.locator("figure svg").count()).to.equal(3);
      });
    });
  });

  describe("show", () => {
    it("captions images with their classes, and draws those of one class", async () => {
      const { images } = await showData({ source: source(), output: out("a.png"), count: 10, height: 40 });
      expect(images.map(({ className }) => className)).to.deep.equal([...Array(8).fill("cat"), "dog", "dog"]);
      const only = await showData({ source: source(), output: out("b.png"), className: "dog" });
      expect(only.images.map(({ file }) => file)).to.deep.equal(["dog/0.png", "dog/1.png"]);
      const drawn = (className: string) => showData({ source: source(), output: out("c.png"), className });
      expect(await userMessage(() => drawn("bird"))).to.equal(
        'there is no class "bird"; the classes are cat, dog, owl',
      );
      expect(await userMessage(() => drawn("owl"))).to.equal('no image has the class "owl"');
    });

    it("augmented: shows the loader's own batches with their classes", async () => {
      const plain = shapesConfig("classification", shapes, "run");
      for (const sampling of ["all", "balanced"] as const) {
        const { config } = resolveConfig({ ...plain, data: { ...plain.data, sampling } } as typeof plain);
        const { images } = await showData({
          source: await sourceOf(config, "train"),
          output: out("a.jpg"),
          count: 4,
          augmented: config,
          force: true,
        });
        expect(images).to.have.length(4);
        for (const { file, className } of images) expect(file.split(/[\\/]/)[0]).to.equal(className);
      }
    });

    it("is a command; its page has a caption for each image", async () => {
      const page = out("sheet.html");
      const { stdout } = await accepted(["data", "show", "--images", images, "--only", "dog", "--out", page]);
      expect(stdout).to.equal(`${page}: 2 images\n`);
      expect(await readFile(page, "utf8")).to.match(/dog · dog\/0\.png/);
    });
  });

  describe("split", () => {
    const split = (more: object = {}, options: object = {}) =>
      splitData({ source: source(more), output: out("lists"), shares: { train: 0.5, val: 0.5 }, ...options });

    it("writes lists that keep each class's share and can be read again", async () => {
      const { sets, groups, empty } = await split();
      expect({ groups, empty }).to.deep.equal({ groups: 10, empty: ["owl"] });
      expect(sets.map(({ classes }) => classes)).to.deep.equal([
        { cat: 4, dog: 1, owl: 0 },
        { cat: 4, dog: 1, owl: 0 },
      ]);
      expect(sets.map(({ path }) => path)).to.deep.equal([out("lists/train.csv"), out("lists/val.csv")]);
      const parts = await Promise.all(sets.map(({ path }) => openImageLabels({ images: images, labels: path })));
      const files = parts.flatMap(({ images }) => images.map(({ file }) => file));
      const whole = await openImageLabels({ images: images });
      expect(files.sort()).to.deep.equal(whole.images.map(({ file }) => file));
      for (const part of parts) {
        part.images.forEach(({ file }, i) => {
          expect(file.startsWith(part.classes[part.labels[i]!]!)).to.equal(true);
        });
      }
      expect(await userMessage(() => split())).to.match(/lists\/train\.csv: already exists/);
      const first = await readFile(out("lists/train.csv"), "utf8");
      await split({}, { force: true });
      expect(await readFile(out("lists/train.csv"), "utf8")).to.equal(first);
    });

    it("keeps groups together, and replaces a list's numbers by class names", async () => {
      const { groups } = await split({}, { groupBy: "/(\\d)\\.png$" });
      expect(groups).to.equal(8);
      const names = await Promise.all(
        ["train", "val"].map(async (name) => await readFile(out(`lists/${name}.csv`), "utf8")),
      );
      for (const k of [0, 1]) expect(names.filter((text) => text.includes(`/${k}.png`))).to.have.length(1);
      const labels = await list("cat/0.png 1\ncat/1.png 1\ndog/0.png 0\ndog/1.png 0\n", "list.txt");
      const { sets } = await split({ labels, classes: ["dog", "cat"] }, { force: true });
      expect(sets.map(({ classes }) => classes)).to.deep.equal([
        { dog: 1, cat: 1 },
        { dog: 1, cat: 1 },
      ]);
      expect(await readFile(out("lists/val.csv"), "utf8")).to.match(
        /^file,label\ncat\/\d\.png,cat\ndog\/\d\.png,dog\n$/,
      );
    });

    it("refuses names that lead out of the folder before writing", async () => {
      await writeFile(join(folder, "x.png"), await encodePng(noiseImage(3, 3)));
      const labels = await list("../x.png,cat\ncat/0.png,cat\ndog/0.png,dog\n");
      expect(await userMessage(() => split({ labels }))).to.equal(
        `${labels}: the file name "../x.png" cannot be written: it leads out of its folder; ` +
          "names are relative to the images folder",
      );
      expect(existsSync(out("lists"))).to.equal(false);
    });

    it("accepts one class, and reports a part that would get nothing", async () => {
      await rm(join(images, "dog"), { recursive: true });
      expect((await split()).sets.map(({ images }) => images)).to.deep.equal([4, 4]);
      const labels = await list("cat/0.png,cat\n");
      expect(await userMessage(() => split({ labels }, { force: true }))).to.match(
        /list\.csv: "(train|val)" would get no image: there is only 1 image$/,
      );
    });

    it("writes any name so that it can be read again", async () => {
      const name = fc
        .string({ minLength: 1, unit: fc.constantFrom("a", " ", ",", '"', "é", "\n", "\t", "'", "#", "0") })
        .filter((text) => text.trim() !== "");
      await fc.assert(
        fc.asyncProperty(fc.uniqueArray(name, { minLength: 1, maxLength: 5 }), name, async (files, label) => {
          const given = files.map((file) => ({ file, label }));
          expect(await readLabelList(await list(labelListText(given)), images)).to.deep.equal(given);
        }),
        { numRuns: 200 },
      );
    });

    it("is a command", async () => {
      const args = ["data", "split", "--images", images, "--shares", "train=0.5,val=0.5", "--out", out("lists")];
      const { stdout } = await accepted(args);
      expect(stdout).to.match(/\ncat +4 \(50\.0 %\) +4 \(50\.0 %\)\ndog /);
      expect(stdout).to.match(/\nnote: no images of owl\ntrain: .*train\.csv\nval: .*val\.csv\n$/);
      const check = ["data", "check", "--images", images, "--labels", out("lists/train.csv")];
      const checked = await accepted([
        ...check,
        ...["--val-images", images, "--val-labels", out("lists/val.csv"), "--no-pixels"],
      ]);
      expect(checked.stdout).to.match(/^data: 5 images\nval: 5 images\n0 errors, 0 warnings\n$/);
    });
  });

  it("are given by --images alone or with --labels; other mixtures are refused", async () => {
    const wrong = (...args: string[]) => refused(["data", ...args], { code: 2 });
    expect(await wrong("check", "--images", "a", "--labels", "b", "--annotations", "c")).to.equal(
      "which data set? Give a config; or --images with --annotations (COCO JSON), with --label-maps (a folder), " +
        "with --labels (a list of classes), or alone (a folder for each class)",
    );
    expect(await wrong("stats", "--labels", "b")).to.match(/^which data set\?/);
    expect(await wrong("stats", "x.yaml", "--images", "b")).to.match(/^give a config or the paths of a data set/);
    expect(await wrong("check", "--annotations", "a", "--images", "b", "--val-images", "c")).to.equal(
      "which second data set? Give it like the first, with the same options prefixed --val-",
    );
    expect(await wrong("tile", "--images", images, "--out", out("t"))).to.equal(
      `${images}: data tile is for objects and label maps, not for classification`,
    );
    expect(await refused(["data", "stats", "--images", images, "--classes", "cat,dgo"])).to.match(
      /the class "dog" of dog\/0\.png is none of the 2 \(cat, dgo\); did you mean "dgo"\?/,
    );
  });
});
