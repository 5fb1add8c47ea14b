import { cp, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { encode } from "fast-png";
import { openCoco } from "../../lib/datasets/coco.js";
import { checkData } from "../../lib/datatools/check/check.js";
import { inOrder } from "../../lib/datatools/check/order.js";
import type { CheckResult, Problem } from "../../lib/datatools/check/types.js";
import { decodeImage } from "../../lib/images/decode.js";
import { encodeIndexedPng, encodeJpeg, encodePng } from "../../lib/images/encode.js";
import { accepted } from "../cli/refused.js";
import { run } from "../cli/support.js";
import { noiseImage, smoothImage } from "../pixels/images.js";
import { userMessage } from "../support/failure.js";
import { requireData } from "../support/goldens.js";
import { makeShapes, type ShapesData } from "../support/shapes.js";

interface Json {
  images: Record<string, unknown>[];
  annotations: Record<string, unknown>[];
  categories: Record<string, unknown>[];
}

describe("data check", () => {
  let data: ShapesData;
  let valid: string;
  beforeEach(async () => {
    data = await makeShapes(4);
    valid = await readFile(data.annotations, "utf8");
  });
  afterEach(() => rm(data.folder, { recursive: true }));

  const coco = (name = "train", annotations = data.annotations, images = data.images) =>
    ({ kind: "coco", name, annotations, images }) as const;

  /** "severity kind entry-or-file: message", without the folder. */
  const told = ({ problems }: CheckResult): string[] =>
    problems.map(({ severity, kind, file, entry, message }) =>
      `${severity} ${kind} ${entry ?? file}: ${message}`.replaceAll(`${data.folder}/`, ""),
    );

  const problem = (severity: Problem["severity"], kind: Problem["kind"], entry: string): Problem => ({
    ...{ severity, kind, entry },
    ...{ set: "train", file: "f", message: "m" },
  });

  it("finds nothing in a sound set", async () => {
    const result = await checkData({ sources: [coco()] });
    expect(result).to.deep.equal({
      sets: [{ name: "train", images: 4, annotations: 8 }],
      errors: 0,
      warnings: 0,
      problems: [],
    });
  });

  it("finds every problem of a COCO file in one run", async () => {
    const json: Json = JSON.parse(valid);
    const objects = json.annotations;
    const square = (x: number, y: number, side: number) => [[x, y, x + side, y, x + side, y + side, x, y + side]];
    objects[0]!.category_id = 99;
    objects[1]!.image_id = 77;
    objects[2]!.id = 2;
    Object.assign(objects[3]!, { bbox: [10, 10, 0, 5], segmentation: [[1, 2, 3, 4]] }); // two faults of one object
    Object.assign(objects[4]!, { bbox: [70, 10, 5, 5], segmentation: undefined });
    Object.assign(objects[5]!, { bbox: [50, 50, 20, 10], segmentation: square(50, 50, 20) });
    Object.assign(objects[6]!, { segmentation: { size: [64, 64], counts: [5, 5] } });
    Object.assign(objects[7]!, { bbox: [20, 20, 12, 12], segmentation: square(1, 1, 12) }); // corners for a size
    const on = (image_id: number, rest: object) => ({ id: 100 + objects.length, image_id, category_id: 3, ...rest });
    objects.push(on(10, { bbox: [5, 5, 8, 8], segmentation: [[5, 5, 9, 9, 13, 13]] }));
    objects.push(on(10, { bbox: [5, 5, 8, 8] }));
    objects.push(on(10, { bbox: [5, 5, 0.5, 8] }));
    objects.push(on(10, { bbox: [5, 5, "8", 8] }));
    objects.push({ image_id: 10, category_id: 3, bbox: [1, 1, 9, 9] });
    json.images.push({ id: 10, file_name: "3.png", width: 64, height: 64 });
    json.images.push({ id: 50, file_name: "gone.png", width: 64, height: 64 });
    json.images.push({ id: 51, file_name: "2.png", width: 64, height: 64 });
    json.images.push({ id: 52, file_name: "3.png" });
    Object.assign(json.images[1]!, { width: 60 });
    json.categories.push({ id: 9 }, { id: 3, name: "again" }, { id: 12, name: "rare" });
    await writeFile(data.annotations, JSON.stringify(json));
    await writeFile(join(data.images, "0.png"), (await readFile(join(data.images, "0.png"))).subarray(0, 300));
    await writeFile(join(data.images, "extra.png"), await encodePng(noiseImage(8, 8)));
    const result = await checkData({ sources: [coco()] });
    const expected = [
      /^error category category number 3: name is missing$/,
      /^error id instances\.json: category id 3 occurs twice$/,
      /^error id image 10: this id occurs twice/,
      /^error size image 52: width is missing$/,
      /^error category annotation 1: category_id 99 is not in the list/,
      /^error image annotation 2: image_id 77 is not in the list/,
      /^error id annotation 2: this id occurs twice/,
      /^error mask annotation 4: polygon has 4 numbers; a polygon needs at least 3 points/,
      /^error box annotation 4: the box is empty: 0 × 5 pixels/,
      /^error box annotation 5: the box lies outside its image of 64 × 64: x 70 to 75, y 10 to 15$/,
      /^error mask annotation 7: the run lengths cover 10 pixels, but 64 × 64/,
      /^error mask annotation 108: polygon is degenerate: its points enclose no area$/,
      /^error box annotation 111: bbox holds "8", which is not a finite number$/,
      /^error id annotation number 13: id is missing$/,
      /^error image image 50: the file is missing; check the images folder$/,
      /^error file images\/0\.png: cannot be decoded: /,
      /^error size images\/1\.png: the image is 64×64, its annotation says 60×64/,
      /^warning box annotation 6: the box reaches 6 pixels outside its image; it is clipped$/,
      /^warning mask annotation 6: a polygon reaches 6 pixels outside its image; it is clipped$/,
      /^warning area annotation 6: area is \d+, but the box covers 200 pixels, its mask 196 pixels; metrics by size use the area$/,
      /^warning area annotation 8: area is \d+, but the box covers 144 pixels, its mask 144 pixels; metrics by size use the area$/,
      /^warning box annotation 8: bbox \[20, 20, 12, 12\] is not the mask's, \[1, 1, 12, 12\]; bbox is x, y, width/,
      /^warning mask annotation 108: the mask covers no pixel/,
      /^warning box annotation 110: the box is thinner than a pixel: 0\.5 × 8 pixels/,
      /^warning mask instances\.json: 4 of \d+ objects have no mask \(annotations 5, 109, 110, \?\): they do not count/,
      /^warning duplicate annotation 109: same class and box as annotation 108/,
      /^warning duplicate image 51: 2\.png is also image 12$/,
      /^warning unused instances\.json: 1 of 3 classes has no object: rare$/,
      /^warning unused images: 1 image of this folder is not in instances\.json, such as extra\.png$/,
    ];
    const list = told(result);
    for (const pattern of expected) {
      expect(
        list.filter((line) => pattern.test(line)),
        `${pattern} in\n${list.join("\n")}`,
      ).to.have.length(1);
    }
    expect(list.filter((line) => !expected.some((pattern) => pattern.test(line)))).to.deep.equal([]);
    expect(result.errors).to.equal(17);
    expect(result.problems.find(({ entry }) => entry === "image 50")?.file).to.equal(join(data.images, "gone.png"));
  });

  it("reports the value of a wrong field and what it should be, once", async () => {
    const json: Json = JSON.parse(valid);
    json.categories[0]!.name = 3;
    json.images[0]!.file_name = 5;
    json.images[1]!.file_name = "";
    json.images[2]!.width = "64";
    json.annotations[7]!.category_id = "2";
    await writeFile(data.annotations, JSON.stringify(json));
    expect(
      told(await checkData({ sources: [coco()], pixels: false })).filter((line) => line.startsWith("error")),
    ).to.deep.equal([
      'error size image 12: width is "64", which is not a finite number',
      'error category annotation 8: "category_id" is the text "2", but COCO\'s ids are numbers; write it without quotes',
      'error category category number 1: name must be a text, not 3; write it in quotes, "3"',
      'error image image 10: file_name must be a text, not 5; write it in quotes, "5"',
      "error image image 11: file_name is empty",
    ]);
  });

  it("reports a faulty image once, and nothing about its objects", async () => {
    const json: Json = JSON.parse(valid);
    const faulty = json.images[0]!;
    delete faulty.width;
    await writeFile(data.annotations, JSON.stringify(json));
    const result = await checkData({ sources: [coco()], pixels: false });
    expect(told(result).filter((line) => line.startsWith("error"))).to.deep.equal([
      `error size image ${faulty.id}: width is missing`,
    ]);
    json.annotations[0]!.image_id = 77;
    await writeFile(data.annotations, JSON.stringify(json));
    expect(
      told(await checkData({ sources: [coco()], pixels: false })).filter((line) => line.startsWith("error")),
    ).to.have.length(2);
  });

  it("recognises COCO's other kinds of files", async () => {
    const json: Json = JSON.parse(valid);
    const captions = json.annotations.map(({ id, image_id }) => ({ id, image_id, caption: "three shapes" }));
    const panoptic = json.annotations.map(({ image_id }) => ({ image_id, file_name: "0.png", segments_info: [] }));
    for (const [annotations, kind] of [
      [captions, "file of captions"],
      [panoptic, "panoptic file"],
    ] as const) {
      await writeFile(data.annotations, JSON.stringify({ ...json, annotations }));
      const reason = `this is a ${kind}, but one of instances is needed, with boxes or masks`;
      expect(
        told(await checkData({ sources: [coco()], pixels: false })).filter((line) => line.startsWith("error")),
      ).to.deep.equal([`error file instances.json: ${reason}`]);
      expect(await userMessage(() => openCoco(coco()))).to.equal(`${data.annotations}: ${reason}`);
    }
  });

  it("counts all problems, and lists a limited number of each kind", async () => {
    const json: Json = JSON.parse(valid);
    const many = Array.from({ length: 12_000 }, (_, i) => ({
      ...json.annotations[0],
      id: 100 + i,
      bbox: [1, 1, -2, 3],
    }));
    await writeFile(data.annotations, JSON.stringify({ ...json, annotations: [...json.annotations, ...many] }));
    const { errors, problems } = await checkData({ sources: [coco()], pixels: false });
    expect(errors).to.equal(12_000);
    const boxes = problems.filter(({ severity, kind }) => severity === "error" && kind === "box");
    expect(boxes).to.have.length(10_001);
    expect(boxes.map(({ message }) => message)).to.include("2000 more of this kind are not listed");
  });

  it("continues if a file, a list or a folder is missing", async () => {
    await writeFile(data.annotations, "{");
    expect(told(await checkData({ sources: [coco()] }))[0]).to.match(/^error file instances\.json: not valid JSON/);
    await rm(data.annotations);
    expect(told(await checkData({ sources: [coco()] }))).to.deep.equal([
      "error file instances.json: cannot be read: no such file or folder",
    ]);
    await writeFile(data.annotations, valid.replace(/"categories":.*\}$/, '"categories":[]}'));
    await rename(data.images, join(data.folder, "elsewhere"));
    const list = told(await checkData({ sources: [coco()] }));
    expect(list[0]).to.equal("error category instances.json: the list of categories is empty");
    expect(list.at(-1)).to.match(/^error file images: cannot be read: no such file or folder$/);
  });

  it("finds training images in the validation set by their pixels, even if compressed again", async () => {
    const val = join(data.folder, "val");
    await mkdir(val);
    const { data: rgb } = await decodeImage(join(data.images, "1.png"));
    await writeFile(join(val, "copy.png"), encode({ width: 64, height: 64, data: rgb, channels: 3, depth: 8 })); // other bytes
    const smooth = smoothImage(64, 64);
    await writeFile(join(data.images, "2.png"), await encodePng(smooth));
    await writeFile(join(val, "again.jpg"), await encodeJpeg(smooth, { quality: 60 }));
    await writeFile(join(val, "other.png"), await encodePng(noiseImage(64, 64)));
    const bytes = await Promise.all([join(val, "copy.png"), join(data.images, "1.png")].map((path) => readFile(path)));
    expect(bytes[0]!.equals(bytes[1]!)).to.equal(false);
    const json: Json = JSON.parse(valid);
    const names = ["copy.png", "again.jpg", "other.png"];
    json.images = names.map((file_name, i) => ({ id: i, file_name, width: 64, height: 64 }));
    json.annotations = [
      { id: 1, image_id: 0, category_id: 3, bbox: [1, 1, 5, 5] },
      { id: 2, image_id: 0, category_id: 4, bbox: [1, 1, 5, 5] },
    ];
    const valFile = join(data.folder, "val.json");
    await writeFile(valFile, JSON.stringify(json));
    const sources = [coco(), coco("val", valFile, val)];
    expect(told(await checkData({ sources }))).to.deep.equal([
      "error leakage val/copy.png: also in train, pixel for pixel: images/1.png; metrics on it are meaningless",
      "warning leakage val/again.jpg: nearly the same image as one in train: images/2.png",
    ]);
    expect((await checkData({ sources, pixels: false })).problems).to.deep.equal([]);
    expect(told(await checkData({ sources: [coco(), coco("val")] }))).to.deep.equal([
      "warning leakage instances.json: val is the same data set as train; metrics on it measure memorisation",
    ]);
    await cp(join(data.images, "1.png"), join(data.images, "3.png"));
    expect(told(await checkData({ sources: [coco()] }))).to.deep.equal([
      "warning duplicate images/3.png: the same image as 1.png, pixel for pixel",
    ]);
  });

  it("reads a second set with the classes of the first", async () => {
    const json: Json = JSON.parse(valid);
    json.categories[0]!.name = "plate";
    const valFile = join(data.folder, "val.json");
    await writeFile(valFile, JSON.stringify(json));
    const list = told(await checkData({ sources: [coco(), coco("val", valFile)], pixels: false }));
    expect(list).to.include('error category val.json: there is no category "disc" in this file; it has plate, square');
  });

  it("finds every problem of label maps in one run", async () => {
    const path = (name: string) => join(data.labelMaps, name);
    const map = { width: 64, height: 64, data: new Uint8Array(64 * 64) };
    map.data.fill(7, 100, 110).fill(9, 130, 131);
    await writeFile(path("0.png"), encodeIndexedPng(map, []));
    await writeFile(path("1.png"), encodeIndexedPng({ width: 32, height: 64, data: new Uint8Array(2048) }, []));
    await writeFile(path("2.png"), await encodePng(noiseImage(64, 64)));
    await rename(path("3.png"), path("orphan.png"));
    const result = await checkData({
      sources: [
        { kind: "labelMaps", name: "train", images: data.images, labelMaps: data.labelMaps, classes: ["a", "b"] },
      ],
    });
    const list = told(result).sort();
    const expected = [
      /^error label labelMaps\/0\.png: label 7 at x = 36, y = 1 is out of range: 2 classes have labels 0–1.*\(10 pixels\)$/,
      /^error label labelMaps\/0\.png: label 9 at x = 2, y = 2 is out of range.*\(1 pixel\)$/,
      /^error label map images\/3\.png: its label map labelMaps\/3\.png is missing$/,
      /^error file labelMaps\/2\.png: a label map must hold one class index per pixel.*3 channels/,
      /^error size images\/1\.png: the image is 64×64, its label map labelMaps\/1\.png says 32×64/,
      /^warning unused labelMaps: 1 label map has no image, such as orphan\.png$/,
      /^warning unused labelMaps: 1 of 2 classes has no pixel: b$/,
    ];
    for (const pattern of expected)
      expect(
        list.filter((line) => pattern.test(line)),
        list.join("\n"),
      ).to.have.length(1);
    expect(list).to.have.length(expected.length);
  });

  it("lists the rarest kinds first, whichever image is decoded first", async () => {
    const shuffled: Problem[] = [
      ...["10", "9", "2"].map((id) => problem("error", "box", `annotation ${id}`)),
      problem("warning", "unused", "b"),
      problem("error", "size", "image 1"),
      problem("error", "size", "image 2"),
      ...["x", "y"].map((name) => problem("error", "file", name)),
      problem("warning", "area", "annotation 1"),
    ];
    const expected = ["file x", "file y", "size image 1", "size image 2"];
    expected.push("box annotation 2", "box annotation 9", "box annotation 10", "area annotation 1", "unused b");
    for (const list of [shuffled, [...shuffled].reverse()]) {
      expect(inOrder(list).map(({ kind, entry }) => `${kind} ${entry}`)).to.deep.equal(expected);
    }
  });

  it("compares area with the object's shape", async () => {
    const areas = async (area: number | undefined, rest: object = {}) => {
      const json: Json = JSON.parse(valid);
      Object.assign(json.annotations[0]!, { bbox: [10, 10, 20, 20], segmentation: ring, area, ...rest });
      await writeFile(data.annotations, JSON.stringify(json));
      return told(await checkData({ sources: [coco()], pixels: false })).filter((line) => line.includes("area"));
    };
    const ring = [[10, 10, 30, 10, 30, 30, 10, 30, 10, 28, 28, 28, 28, 12, 10, 12]]; // 112 of 400 pixels
    for (const fitting of [112, 400, 250, undefined, 70, 470]) expect(await areas(fitting), `${fitting}`).to.be.empty;
    for (const wrong of [0, -112, 40, 1000]) {
      expect(await areas(wrong)).to.deep.equal([
        `warning area annotation 1: area is ${wrong}, but the box covers 400 pixels, its mask 112 pixels; metrics by size use the area`,
      ]);
    }
    const boxAlone = { segmentation: undefined };
    expect(await areas(400, boxAlone)).to.be.empty;
    expect(await areas(112, boxAlone)).to.deep.equal([
      "warning area annotation 1: area is 112, but the box covers 400 pixels; metrics by size use the area",
    ]);
  });

  it("lists a missing folder once", async () => {
    const gone = join(data.folder, "gone");
    const list = told(
      await checkData({ sources: [{ kind: "labelMaps", name: "a", images: gone, labelMaps: data.labelMaps }] }),
    );
    expect(list).to.deep.equal(["error file gone: cannot be read: no such file or folder"]);
    expect(told(await checkData({ sources: [coco("a", data.annotations, gone)] }))).to.deep.equal(list);
  });

  it("prints problems in groups, or as JSON, and exits with 1 where there are errors", async () => {
    const args = ["data", "check", "--annotations", data.annotations, "--images", data.images];
    const sound = await accepted(args);
    expect(sound.stdout).to.equal("data: 4 images, 8 objects\n0 errors, 0 warnings\n");
    const json: Json = JSON.parse(valid);
    for (const annotation of json.annotations) annotation.category_id = 8;
    for (let i = 0; i < 4; i++) json.annotations.push({ ...json.annotations[0], id: 50 + i, bbox: [1, 1, 3 + i, 0] });
    await writeFile(data.annotations, JSON.stringify(json));
    const { code, stdout, stderr } = await run(args);
    expect(code).to.equal(1);
    expect(stdout).to.match(
      /^error: box, data \(4\)\n( {2}\S.*\n){4}\nerror: category, data \(12\)\n( {2}\S.*\n){10} {2}and 2 more; --all lists them\n\n/,
    );
    expect(stdout).to.match(/\n16 errors, \d warnings?\n$/);
    expect(stderr).to.match(/\n16 errors found; fix them before training\n$/);
    expect((await run([...args, "--all"])).stdout).to.not.contain("more; --all");
    const asJson = await run([...args, "--json"]);
    expect(asJson.code).to.equal(1);
    expect(JSON.parse(asJson.stdout)).to.include({ errors: 16 });
  });

  it("explains faulty command lines", async () => {
    for (const [args, message] of [
      [[], /which data set\? Give a config; or --images with/],
      [["--annotations", "a.json"], /which data set\?/],
      [["--annotations", "a", "--label-maps", "b", "--images", "c"], /which data set\?/],
      [["x.yaml", "--annotations", "a"], /a config or the paths of a data set, not both/],
    ] as const) {
      const { code, stdout, stderr } = await run(["data", "check", ...args]);
      expect({ code, stdout }).to.deep.equal({ code: 2, stdout: "" });
      expect(stderr).to.match(message);
    }
  });

  it("finds no error in real sets", async function () {
    for (const [name, annotations, images] of [
      ["bccd", "instances_val.json", "val"],
      ["fruits-nuts", "instances_val.json", "val"],
      ["coco-mini", "annotations/instances_val2017.json", "val2017"],
    ] as const) {
      const folder = requireData(this, name);
      const { errors } = await checkData({
        sources: [coco(name, join(folder, annotations), join(folder, images))],
      });
      expect(errors, name).to.equal(0);
    }
  });
});
