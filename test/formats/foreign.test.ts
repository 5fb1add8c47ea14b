import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { api } from "../../lib/cli/api.js";
import { resolveConfig } from "../../lib/config/load.js";
import { openCoco } from "../../lib/datasets/coco.js";
import type { DetectionDataset } from "../../lib/datasets/types.js";
import { checkData } from "../../lib/datatools/check/check.js";
import { convertData } from "../../lib/datatools/convert/convert.js";
import { cachedCoco } from "../../lib/formats/cache.js";
import type { ForeignSource } from "../../lib/formats/read.js";
import { encodeIndexedPng, encodePng } from "../../lib/images/encode.js";
import { sourceOf, sourcesOf } from "../../lib/tasks/kinds.js";
import { openSource } from "../../lib/tasks/sources.js";
import { accepted, refused } from "../cli/refused.js";
import { run } from "../cli/support.js";
import { noiseImage } from "../pixels/images.js";
import { userMessage } from "../support/failure.js";
import { decidedLines, trainQuietly } from "../support/runs.js";
import { makeShapes, type ShapesData, shapesConfig } from "../support/shapes.js";

const FORMATS = fileURLToPath(new URL("../../../test/datatools/formats/", import.meta.url));
const CACHE = "DENSEKIT_CACHE";

describe("training on annotations of other formats", () => {
  let folder = "";
  const before = process.env[CACHE];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "densekit-foreign-"));
    process.env[CACHE] = join(folder, "cache");
    await cp(FORMATS, folder, { recursive: true });
    const image = noiseImage(12, 8);
    for (const name of ["voc", "labelme", "cvat", "yolo/images/train", "yolo/images/val", "images", "maps"]) {
      await mkdir(join(folder, name), { recursive: true });
      await writeFile(join(folder, name, "scene.png"), await encodePng(image));
    }
    await writeFile(join(folder, "cvat/empty.png"), await encodePng(image));
    await rm(join(folder, "voc/BloodImage_00001.xml"));
    const map = { width: 12, height: 8, data: Uint8Array.from({ length: 96 }, (_, i) => (i < 36 ? 2 : 0)) };
    await writeFile(
      join(folder, "maps/scene.png"),
      encodeIndexedPng(map, [
        [0, 0, 0],
        [9, 9, 9],
        [90, 90, 90],
      ]),
    );
  });
  afterEach(async () => {
    if (before === undefined) delete process.env[CACHE];
    else process.env[CACHE] = before;
    await rm(folder, { recursive: true });
  });

  /** The data of a config of each type, and what `data convert` is told of its training set. */
  const sets = () =>
    [
      [
        {
          type: "yolo",
          train: { annotations: join(folder, "yolo") },
          val: { annotations: join(folder, "yolo/data.yaml") },
        },
        { format: "yolo", input: join(folder, "yolo") },
      ],
      [
        { type: "voc", ...both({ annotations: join(folder, "voc") }), difficult: "crowd" },
        { format: "voc", input: join(folder, "voc"), difficult: "crowd" },
      ],
      [
        { type: "labelme", ...both({ annotations: join(folder, "labelme") }) },
        { format: "labelme", input: join(folder, "labelme") },
      ],
      [
        { type: "cvat", ...both({ annotations: join(folder, "cvat/annotations.xml") }) },
        { format: "cvat", input: join(folder, "cvat/annotations.xml") },
      ],
      [
        {
          type: "masks",
          ...both({ annotations: join(folder, "maps"), images: join(folder, "images") }),
          layout: "instances",
          names: ["cell"],
        },
        {
          format: "masks",
          input: join(folder, "maps"),
          images: join(folder, "images"),
          layout: "instances",
          classes: ["cell"],
        },
      ],
    ] as const satisfies readonly (readonly [object, ForeignSource])[];
  const both = <T extends object>(split: T) => ({ train: split, val: split });

  const configOf = (data: object) =>
    resolveConfig({
      task: "detection",
      model: {
        backbone: { type: "efficientformer", variant: "nano" },
        neck: { type: "fpn", channels: 32 },
        head: { type: "maskRcnn" },
      },
      data,
      training: { steps: 1, optimizer: { type: "adamw", lr: 1e-3 }, schedule: { type: "constant" } },
    }).config;
  const open = async (data: object, split: "train" | "val" = "train", classes?: readonly string[]) =>
    (await openSource(await sourceOf(configOf(data), split, classes))) as DetectionDataset;
  const annotated = ({ images, classes, length, instances }: DetectionDataset) => ({
    images,
    classes,
    objects: Array.from({ length }, (_, i) => instances(i)),
  });

  it("gives what data convert writes, of every format", async () => {
    for (const [data, from] of sets()) {
      const output = join(folder, `${from.format}.json`);
      const { images, remarks } = await convertData({ from, to: { format: "coco", output } });
      const dataset = await open(data);
      expect(annotated(dataset), from.format).to.deep.equal(annotated(await openCoco({ annotations: output, images })));
      expect(dataset.report.conversion ?? [], from.format).to.deep.equal(remarks);
      expect(await readFile(dataset.annotations, "utf8"), from.format).to.equal(await readFile(output, "utf8"));
      expect(dataset.annotations.startsWith(join(folder, "cache"))).to.equal(true);
    }
  });

  it("converts once, and again when a file, an option or a name changes", async () => {
    for (const [, from] of sets()) {
      const first = await cachedCoco(from);
      const { ino } = await stat(first.annotations);
      const again = await cachedCoco(from);
      expect(again, from.format).to.deep.equal(first);
      expect((await stat(again.annotations)).ino, from.format).to.equal(ino);
    }
    const [[, yolo], [, voc]] = sets();
    const labels = join(folder, "yolo/labels/train/scene.txt");
    const old = await cachedCoco(yolo);
    const text = await readFile(labels, "utf8");
    await writeFile(labels, text.replace("0.25 0.25", "0.25 0.50"));
    await utimes(labels, new Date(), new Date(Date.now() + 5000));
    const fresh = await cachedCoco(yolo);
    expect(fresh.annotations).to.not.equal(old.annotations);
    expect(await readFile(fresh.annotations, "utf8")).to.not.equal(await readFile(old.annotations, "utf8"));
    await writeFile(join(folder, "yolo/images/train/more.png"), await encodePng(noiseImage(12, 8)));
    expect((await cachedCoco(yolo)).remarks).to.deep.equal(["1 image without a label file taken as background"]);
    const drop = await cachedCoco({ ...voc, difficult: "drop" });
    expect(drop.annotations).to.not.equal((await cachedCoco(voc)).annotations);
  });

  it("is whole whoever writes at the same time, and made again where it is damaged or gone", async () => {
    const [[, yolo]] = sets();
    const all = await Promise.all(Array.from({ length: 4 }, () => cachedCoco(yolo)));
    const text = await readFile(all[0]!.annotations, "utf8");
    for (const set of all) expect(set).to.deep.equal(all[0]);
    const names = await readdir(join(folder, "cache/annotations"));
    expect(names, "nothing but the two files").to.have.length(2);
    for (const name of names) await writeFile(join(folder, "cache/annotations", name), '{"images": ');
    await cachedCoco(yolo);
    expect(await readFile(all[0]!.annotations, "utf8")).to.equal(text);
    await rm(all[0]!.annotations);
    await cachedCoco(yolo);
    expect(await readFile(all[0]!.annotations, "utf8")).to.equal(text);
  });

  it("says what is wrong as data convert does, with the config's keys", async () => {
    const [[yolo], , , , [masks]] = sets();
    const yaml = join(folder, "yolo/data.yaml");
    const val = { annotations: yaml, split: "test" };
    expect(await userMessage(() => open({ ...yolo, val }, "val"))).to.equal(
      `${yaml}: there is no split "test"; choose one with data.val.split; keys: train, val`,
    );
    const { names: _, ...nameless } = masks;
    expect(await userMessage(() => open({ ...nameless, names: ["a", "b"] }))).to.equal(
      "which class do the objects have? Give one name with data.names, or data.train.classMaps, or data.classDivisor (2 classes are given)",
    );
    await writeFile(join(folder, "yolo/labels/train/scene.txt"), "0 1.5 0.5 1 1\n");
    expect(await userMessage(() => open(yolo))).to.equal(
      `${join(folder, "yolo/labels/train/scene.txt")}:1: 1.5 is out of range: coordinates are fractions of 0–1 of the image's sides; ` +
        "data.clip clips to the image",
    );
    process.env[CACHE] = join(folder, "images/scene.png");
    expect(await userMessage(() => open(masks))).to.equal(
      `cannot write ${await cacheFile(masks)}: a part of the path is not a folder; annotations converted from ${join(folder, "maps")} ` +
        "are kept there; DENSEKIT_CACHE names another folder",
    );
  });

  /** The annotations in the cache, had they been written. */
  async function cacheFile(data: object): Promise<string> {
    const wrong = process.env[CACHE]!;
    process.env[CACHE] = join(folder, "cache");
    const { annotations } = await open(data);
    process.env[CACHE] = wrong;
    return annotations.replace(join(folder, "cache"), wrong);
  }

  it("takes the classes of a config, in its order, and tells a name that nothing has", async () => {
    const [, [voc], , [cvat]] = sets();
    expect((await open({ ...voc, classes: ["person", "dog & cat"] })).classes).to.deep.equal(["person", "dog & cat"]);
    const some = await open({ ...cvat, classes: ["dog"] });
    expect(some.classes).to.deep.equal(["dog"]);
    expect(some.report.otherClasses).to.be.greaterThan(0);
    expect(await userMessage(() => open({ ...voc, classes: ["persons"] }))).to.equal(
      `${join(folder, "voc")}: it has no class "persons"; did you mean "person"?`,
    );
    const [[yolo]] = sets();
    expect(await userMessage(() => open(yolo, "val", ["person", "bird"]))).to.equal(
      `${join(folder, "yolo/data.yaml")}: it has no class "bird"; it has person, dog`,
    );
  });

  it("judges on a validation set in which some class does not occur", async () => {
    const [, [voc]] = sets();
    const xml = await readFile(join(folder, "voc/scene.xml"), "utf8");
    const val = join(folder, "val");
    await mkdir(val);
    await writeFile(join(val, "scene.xml"), xml.replace("<name>person<", "<name>dog &amp; cat<"));
    await writeFile(join(val, "scene.png"), await encodePng(noiseImage(12, 8, 7)));
    const data = { ...voc, val: { annotations: val } };
    const { classes } = await open(data);
    const dataset = await open(data, "val", classes);
    expect(dataset.classes).to.deep.equal(["dog & cat", "person"]);
    expect(Array.from(dataset.instances(0).labels)).to.deep.equal([0, 0]);
    const { errors, problems } = await checkData({ sources: await sourcesOf(configOf(data), ["train", "val"]) });
    expect(errors, JSON.stringify(problems)).to.equal(0);
    const same = await checkData({ sources: await sourcesOf(configOf(voc), ["train", "val"]) });
    expect(same.problems.find(({ kind }) => kind === "leakage")).to.include({
      file: join(folder, "voc"),
      message: "val is the same data set as train; metrics on it measure memorisation",
    });
  });

  it("finds what conversion corrects", async () => {
    const [[yolo]] = sets();
    await writeFile(join(folder, "yolo/images/train/more.png"), await encodePng(noiseImage(12, 8)));
    const { problems } = await checkData({ sources: await sourcesOf(configOf(yolo), ["train"]), pixels: false });
    expect(problems.filter(({ kind }) => kind === "conversion")).to.deep.equal([
      {
        severity: "warning",
        kind: "conversion",
        set: "train",
        file: join(folder, "yolo"),
        message: "1 image without a label file taken as background",
      },
    ]);
  });

  describe("from the command line", function () {
    this.timeout(180_000);
    let shapes: ShapesData;
    let config = "";
    beforeEach(async () => {
      shapes = await makeShapes(4);
      const yolo = join(folder, "shapes");
      for (const split of ["train", "val"]) {
        await convertData({
          from: { format: "coco", input: shapes.annotations, images: shapes.images },
          to: { format: "yolo", output: yolo, shapes: "polygons", split },
        });
      }
      const { data, ...rest } = shapesConfig("detection", shapes, join(folder, "run"));
      const { type: _, train: __, val: ___, ...shared } = data as Record<string, unknown>;
      config = join(folder, "config.yaml");
      const own = { type: "yolo", ...both({ annotations: "shapes" }), ...shared };
      await writeFile(config, JSON.stringify({ ...rest, data: own }));
    });
    afterEach(() => rm(shapes.folder, { recursive: true }));

    it("trains and evaluates as on the converted files, to the last bit", async () => {
      const { output, images } = await convertData({
        from: { format: "yolo", input: join(folder, "shapes") },
        to: { format: "coco", output: join(folder, "train.json") },
      });
      const split = both({ annotations: output, images });
      const input = shapesConfig("detection", shapes, join(folder, "coco-run"));
      await trainQuietly({ ...input, data: { ...input.data, ...split } } as typeof input, ["training.steps=2"]);
      const { stderr } = await accepted(["train", config, "--set", "training.steps=2"]);
      expect(stderr).to.match(
        /shapes: read as yolo; the same as a COCO file: \S+cache\/annotations\/yolo-[0-9a-f]{32}\.json/,
      );
      expect(decidedLines(join(folder, "run"))).to.deep.equal(decidedLines(join(folder, "coco-run")));
      // A machine that has only the validation set.
      await rm(join(folder, "shapes/images/train"), { recursive: true });
      expect((await accepted(["evaluate", join(folder, "run"), "--json"])).stdout).to.match(/boxAP/);
    });

    it("checks, counts and shows", async () => {
      // The same images twice: that is what there is to find.
      const { stdout } = await run(["data", "check", config], { api });
      expect(stdout).to.match(/train: 4 images, 8 objects\nval: 4 images, 8 objects\n4 errors, 0 warnings/);
      expect((await accepted(["data", "stats", config, "--split", "train"])).stdout).to.match(
        /train: 4 images, 8 objects/,
      );
      const sheet = join(folder, "sheet.png");
      await accepted(["data", "show", config, "--augmented", "--out", sheet]);
      expect((await stat(sheet)).size).to.be.greaterThan(1000);
      expect(await refused(["data", "check", config, "--set", "data.train.annotations=nowhere"])).to.match(
        /^cannot read \S*nowhere: no such file or folder$/,
      );
    });
  });
});
