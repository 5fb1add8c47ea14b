import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { listImagesBelow } from "../../lib/datasets/folders.js";
import { openImageLabels } from "../../lib/datasets/imageLabels.js";
import { type ConvertSource, convertData } from "../../lib/datatools/convert/convert.js";
import { safeName } from "../../lib/fileNames.js";
import { decodeImage } from "../../lib/images/decode.js";
import { encodeJpeg, encodePng } from "../../lib/images/encode.js";
import { cropImage } from "../../lib/pixels/geometry.js";
import { accepted, refused } from "../cli/refused.js";
import { noiseImage } from "../pixels/images.js";
import { userMessage } from "../support/failure.js";
import { requireData } from "../support/goldens.js";

const BOX = { left: 2, top: 1, width: 4, height: 5 };

describe("class folders of crops", () => {
  let folder = "";
  let out = "";
  const image = noiseImage(12, 8);
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "densekit-crops-"));
    out = join(folder, "made/classes");
    await mkdir(join(folder, "images/night"), { recursive: true });
    for (const name of ["scene", "night/scene"]) {
      await writeFile(join(folder, `images/${name}.png`), await encodePng(image));
    }
  });
  afterEach(() => rm(folder, { recursive: true }));

  interface Given {
    readonly names?: readonly string[];
    readonly files?: readonly string[];
    readonly boxes?: readonly (readonly [image: number, category: number, bbox: readonly number[], crowd?: 1])[];
  }

  async function coco({ names = ["cat", "dog"], files = ["scene.png", "night/scene.png"], boxes }: Given = {}) {
    const list = boxes ?? [
      [1, 2, [2, 1, 4, 5]],
      [1, 1, [0, 0, 3, 3]],
      [2, 2, [10, 6, 2, 2]],
      [2, 1, [0, 0, 12, 8], 1],
      [2, 1, [0, 0, 9, 2]],
    ];
    const input = join(folder, "in.json");
    const images = files.map((file_name, i) => ({ id: i + 1, file_name, width: 12, height: 8 }));
    const annotations = list.map(([image_id, category_id, bbox, iscrowd = 0], i) => {
      const mask = iscrowd === 1 ? { segmentation: { size: [8, 12], counts: [0, 96] } } : {};
      return { id: i + 1, image_id, category_id, bbox, iscrowd, area: 1, ...mask };
    });
    const categories = names.map((name, i) => ({ id: i + 1, name }));
    await writeFile(input, JSON.stringify({ images, annotations, categories }));
    return { format: "coco", input, images: join(folder, "images") } satisfies ConvertSource;
  }

  const crop = (from: ConvertSource, more: object = {}) =>
    convertData({ from, to: { format: "classes", output: out, ...more } });

  it("writes one image per box, with distinct names, and reports what it left out", async () => {
    const result = await crop(await coco(), { minSide: 3 });
    expect(result.crops).to.deep.equal({ written: 2, classes: { cat: 1, dog: 1 }, crowds: 1, small: 2 });
    expect(result.remarks).to.deep.equal([
      "1 crowd left out: not a single object",
      "2 boxes with a side below 3 pixels left out",
    ]);
    expect(result.images).to.equal(out);
    await crop(await coco(), { force: true });
    expect(await listImagesBelow(out)).to.deep.equal([
      "cat/scene-1-2.png",
      "cat/scene-2-3.png",
      "dog/scene-1-1.png",
      "dog/scene-2-1.png",
    ]);
    const dataset = await openImageLabels({ images: out });
    expect(dataset.classes).to.deep.equal(["cat", "dog"]);
    expect((await dataset.load(2)).image.data).to.deep.equal(cropImage(image, BOX).data);
  });

  it("includes a margin, as far as the image goes, and rounds fractional boxes to whole pixels", async () => {
    const boxes = [
      [1, 1, [2, 1, 4, 5]],
      [1, 1, [0.5, 0.5, 2, 2]],
    ] as const;
    await crop(await coco({ boxes }), { margin: 0.5 });
    const sizes = await Promise.all(
      (await listImagesBelow(out)).map(async (file) => {
        const { width, height } = await decodeImage(join(out, file));
        return [width, height];
      }),
    );
    expect(sizes).to.deep.equal([
      [8, 8], // 0–8, and −1.5–8.5 of 8 rows
      [4, 4], // −0.5–3.5
    ]);
  });

  it("writes JPEGs for JPEGs, detected by their content", async () => {
    await writeFile(join(folder, "images/scene.png"), await encodeJpeg(image));
    await crop(await coco({ boxes: [[1, 1, [0, 0, 5, 5]]] }));
    expect(await listImagesBelow(out)).to.deep.equal(["cat/scene-1-1.jpg"]);
  });

  it("makes names valid folder names, and refuses those that become equal or empty", async () => {
    const names = ["../../up", "CON"];
    const boxes = [
      [1, 1, [0, 0, 5, 5]],
      [1, 2, [0, 0, 5, 5]],
    ] as const;
    const result = await crop(await coco({ names, boxes }));
    expect(await listImagesBelow(out)).to.deep.equal(["_CON/scene-1-2.png", "__.._up/scene-1-1.png"]);
    expect(result.remarks).to.deep.equal([
      '2 class names changed to valid folder names ("../../up" → __.._up; "CON" → _CON)',
    ]);
    const same = { output: join(folder, "other") };
    expect(await userMessage(async () => crop(await coco({ names: ["a/b", "A_b"], boxes }), same))).to.equal(
      'the classes "a/b" and "A_b" would share one folder, A_b; rename one',
    );
    expect(await userMessage(async () => crop(await coco({ names: ["x", "y".repeat(300)], boxes }), same))).to.equal(
      `the class "${"y".repeat(40)}…" is too long for a folder name; rename it`,
    );
    expect(await userMessage(async () => crop(await coco({ names: ["x", " "], boxes }), same))).to.match(
      /the class " " cannot be a folder name; rename it/,
    );
    expect(await listImagesBelow(folder)).to.have.length(4);
    expect([safeName("nul.txt"), safeName("a. ."), safeName(".hidden"), safeName("a\u0000b")]).to.deep.equal([
      "_nul.txt",
      "a",
      "_hidden",
      "a_b",
    ]);
  });

  it("refuses images outside the folder, unreadable ones, other sizes, and sets without a box", async () => {
    const outside = await coco({ files: ["../images/scene.png"], boxes: [[1, 1, [0, 0, 5, 5]]] });
    expect(await userMessage(() => crop(outside))).to.match(
      /in\.json: image 1: the file name "\.\.\/images\/scene\.png" cannot be written: it leads out of its folder/,
    );
    const none = await coco({ boxes: [[1, 1, [0, 0, 12, 8], 1]] });
    expect(await userMessage(() => crop(none))).to.equal(
      `${join(folder, "images")}: no boxes are left to crop; 1 crowd left out: not a single object`,
    );
    await writeFile(join(folder, "images/night/scene.png"), "no image");
    expect(await userMessage(async () => crop(await coco()))).to.match(/night\/scene\.png: cannot be decoded/);
    await writeFile(join(folder, "images/scene.png"), await encodePng(noiseImage(9, 8)));
    expect(await userMessage(async () => crop(await coco(), { force: true }))).to.match(
      /images\/scene\.png: the image is 9×8, its annotation says 12×8/,
    );
    for (const [more, message] of [
      [{ margin: -1 }, /the margin must be at least 0/],
      [{ minSide: 0 }, /the minimum side must be at least 1 pixel/],
      [{ quality: 0 }, /the quality must lie in 1–100/],
    ] as const) {
      expect(await userMessage(async () => crop(await coco(), more))).to.match(message);
    }
  });

  it("limits the pixels that a small file asks for", async () => {
    await writeFile(join(folder, "images/large.png"), await encodePng(noiseImage(2000, 2000)));
    const input = join(folder, "large.json");
    const images = [{ id: 1, file_name: "large.png", width: 2000, height: 2000 }];
    const annotations = Array.from({ length: 200 }, (_, i) => ({
      id: i + 1,
      image_id: 1,
      category_id: 1,
      bbox: [0, 0, 2000, 2000],
      iscrowd: 0,
      area: 1,
    }));
    await writeFile(input, JSON.stringify({ images, annotations, categories: [{ id: 1, name: "all" }] }));
    expect(await userMessage(() => crop({ format: "coco", input, images: join(folder, "images") }))).to.match(
      /annotation \d+ of large\.png: up to here there is more work than allowed for a file of this size/,
    );
  });

  it("replaces its own crops, and refuses to mix with other images", async () => {
    await crop(await coco());
    expect(await userMessage(async () => crop(await coco()))).to.match(/made\/classes: already exists/);
    await crop(await coco({ boxes: [[1, 1, [0, 0, 5, 5]]] }), { force: true });
    expect(await listImagesBelow(out)).to.deep.equal(["cat/scene-1-1.png"]);
    expect((await openImageLabels({ images: out })).classes).to.deep.equal(["cat"]);
    await writeFile(join(out, "cat/own.png"), await encodePng(image));
    expect(await userMessage(async () => crop(await coco(), { force: true }))).to.match(
      /cat\/own\.png: data convert --crops did not write this, and --force replaces only what it wrote before/,
    );
  });

  it("works by the command line, from other formats too", async () => {
    await coco();
    const args = ["data", "convert", join(folder, "in.json"), "--from", "coco", "--images", join(folder, "images")];
    const { stdout } = await accepted([...args, "--crops", "--margin", "0.1", "--out", out]);
    expect(stdout).to.include("4 images of 2 images").and.to.include("note: 1 crowd left out");
    const told = await accepted([...args, "--to", "classes", "--out", join(folder, "again"), "--json"]);
    expect(JSON.parse(told.stdout).crops).to.deep.include({ written: 4, crowds: 1 });
    expect(await refused([...args, "--crops", "--to", "yolo", "--out", join(folder, "x")], { code: 2 })).to.match(
      /--crops means --to classes; omit it or --to yolo/,
    );
    expect(await refused([...args, "--to", "yolo", "--margin", "1", "--out", join(folder, "x")], { code: 2 })).to.match(
      /^--margin is for --to classes, not for --from coco --to yolo or yolo-polygons; leave it out$/,
    );
    const masks = join(folder, "masks");
    await mkdir(masks);
    const shape = {
      version: "5.0.0",
      shapes: [
        {
          label: "cat",
          shape_type: "rectangle",
          points: [
            [1, 1],
            [6, 7],
          ],
        },
      ],
      imagePath: "scene.png",
      imageWidth: 12,
      imageHeight: 8,
    };
    await writeFile(join(masks, "scene.json"), JSON.stringify(shape));
    const labelme = ["data", "convert", masks, "--from", "labelme", "--images", join(folder, "images")];
    await accepted([...labelme, "--crops", "--out", join(folder, "labelme")]);
    expect(await listImagesBelow(join(folder, "labelme"))).to.deep.equal(["cat/scene-1-1.png"]);
  });

  it("crops BCCD's boxes", async function () {
    const images = join(requireData(this, "bccd"), "val");
    const input = join(images, "../instances_val.json");
    const { crops } = await crop({ format: "coco", input, images }, { minSide: 16 });
    const { annotations } = JSON.parse(await readFile(input, "utf8")) as { annotations: unknown[] };
    expect(crops!.written + crops!.small).to.be.within(0.97 * annotations.length, annotations.length);
    const dataset = await openImageLabels({ images: out });
    expect(dataset.length).to.equal(crops!.written);
    expect(dataset.classes).to.deep.equal(["Platelets", "RBC", "WBC"]);
  });
});
