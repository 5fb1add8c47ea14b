import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { encode } from "fast-png";
import { parse } from "yaml";
import { openCoco } from "../../lib/datasets/coco.js";
import { openLabelMaps } from "../../lib/datasets/labelMaps.js";
import type { DetectionDataset } from "../../lib/datasets/types.js";
import { type ConvertSource, convertData } from "../../lib/datatools/convert/convert.js";
import { encodeIndexedPng, encodeJpeg, encodePng } from "../../lib/images/encode.js";
import { decodeRle, encodeRle } from "../../lib/masks/rle.js";
import { compressRle } from "../../lib/masks/strings.js";
import { RECORD_FILE } from "../../lib/outputRecord.js";
import { accepted } from "../cli/refused.js";
import { run } from "../cli/support.js";
import { noiseImage } from "../pixels/images.js";
import { userMessage } from "../support/failure.js";
import { readJson, requireData } from "../support/goldens.js";

const FORMATS = fileURLToPath(new URL("../../../test/datatools/formats/", import.meta.url));

/** An object's class, box x1 y1 x2 y2, and mask in rows of "." and "#". */
type Seen = readonly [name: string, box: readonly number[], mask?: string];

describe("data convert", () => {
  let folder = "";
  let out = "";
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "densekit-convert-"));
    out = join(folder, "out.json");
    await cp(FORMATS, folder, { recursive: true });
    const image = noiseImage(12, 8);
    for (const name of ["voc", "labelme", "cvat", "yolo/images/train", "yolo/images/val", "images"]) {
      await mkdir(join(folder, name), { recursive: true });
      await writeFile(join(folder, name, "scene.png"), await encodePng(image));
    }
    await writeFile(join(folder, "cvat/empty.png"), await encodePng(image));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const convert = (from: ConvertSource, more: object = {}) =>
    convertData({ from, to: { format: "coco", output: out, ...more } });

  const open = (images: string) => openCoco({ annotations: out, images: join(folder, images) });

  function objectsOf(dataset: DetectionDataset, index = 0): Seen[] {
    const { boxes, labels, masks } = dataset.instances(index);
    return Array.from(labels, (label, i): Seen => {
      const box = Array.from(boxes.subarray(4 * i, 4 * i + 4));
      const mask = masks[i];
      if (mask === undefined) return [dataset.classes[label]!, box];
      const pixels = Array.from(decodeRle(mask), (value) => (value === 1 ? "#" : ".")).join("");
      const rows = Array.from({ length: mask.height }, (_, y) => pixels.slice(y * mask.width, (y + 1) * mask.width));
      return [dataset.classes[label]!, box, rows.join("\n")];
    });
  }

  /** The mask of a 12 × 8 image in which these windows x1 y1 x2 y2 are set. */
  function drawn(...windows: (readonly [number, number, number, number])[]): string {
    const at = (x: number, y: number) => windows.some(([x1, y1, x2, y2]) => x >= x1 && x < x2 && y >= y1 && y < y2);
    const rows = Array.from({ length: 8 }, (_, y) => Array.from({ length: 12 }, (_, x) => (at(x, y) ? "#" : ".")));
    return rows.map((row) => row.join("")).join("\n");
  }

  describe("from Pascal VOC", () => {
    const voc = (more: object = {}): ConvertSource => ({ format: "voc", input: join(folder, "voc"), ...more });
    beforeEach(() => rm(join(folder, "voc/BloodImage_00001.xml")));

    it("reads corners as the first and the last pixel, counted from 1", async () => {
      const result = await convert(voc());
      expect(result).to.include({ imageCount: 1, objects: 2, withoutMask: 2 });
      expect(objectsOf(await open("voc"))).to.deep.equal([
        ["person", [0, 0, 12, 8]],
        ["dog & cat", [3, 2, 4, 3]],
      ]);
      expect(result.classes).to.deep.equal(["dog & cat", "person"]);
      expect(readJson<{ images: object[] }>(out).images).to.deep.equal([
        { id: 1, file_name: "scene.png", width: 12, height: 8 }, // the existing file, although the XML says .jpg
      ]);
    });

    it("reads corners as edges, and leaves difficult objects out or makes them crowds, if asked to", async () => {
      await convert(voc({ corners: "edges", classes: ["person", "dog & cat"] }));
      expect(objectsOf(await open("voc"))).to.deep.equal([["person", [1, 1, 12, 8]]]); // the other one has no area
      const dropped = await convert(voc({ difficult: "drop" }), { force: true });
      expect(dropped.remarks).to.deep.equal(["1 difficult object left out"]);
      await convert(voc({ difficult: "crowd" }), { force: true });
      expect(Array.from((await open("voc")).instances(0).crowd)).to.deep.equal([0, 1]);
    });

    it("reads a development kit's folders and lists, and the image's size if the XML has none", async () => {
      const kit = join(folder, "VOC2012");
      for (const name of ["Annotations", "JPEGImages"]) await mkdir(join(kit, name), { recursive: true });
      const xml = await readFile(join(folder, "voc/scene.xml"), "utf8");
      await writeFile(join(kit, "Annotations/scene.xml"), xml.replace(/<size>.*<\/size>/, ""));
      await writeFile(join(kit, "Annotations/other.xml"), "not read");
      await writeFile(join(kit, "JPEGImages/scene.jpg"), await encodeJpeg(noiseImage(12, 8)));
      await writeFile(join(kit, "list.txt"), "scene  1\n\n");
      const result = await convert({ format: "voc", input: kit, list: join(kit, "list.txt") });
      expect(result.images).to.equal(join(kit, "JPEGImages"));
      expect(objectsOf(await open("VOC2012/JPEGImages"))[0]).to.deep.equal(["person", [0, 0, 12, 8]]);
    });

    it("names boxes whose corners are swapped", async () => {
      const path = join(folder, "voc/scene.xml");
      await writeFile(path, (await readFile(path, "utf8")).replace("<xmax>12<", "<xmax>-3<"));
      expect((await convert(voc())).remarks).to.deep.equal([
        `1 box with swapped corners left out (${path}: object 1 ("person"): xmin 1, xmax -3)`,
      ]);
    });

    it("reads other encodings named in the XML", async () => {
      const xml = (await readFile(join(folder, "voc/scene.xml"), "utf8")).replace("person", "Mädchen");
      const latin = Buffer.from(xml.replace("UTF-8", "ISO-8859-1"), "latin1");
      await writeFile(join(folder, "voc/scene.xml"), latin);
      expect((await convert(voc())).classes).to.include("Mädchen");
      await writeFile(join(folder, "voc/scene.xml"), Buffer.from(xml, "latin1"));
      expect(await userMessage(() => convert(voc(), { force: true }))).to.match(/scene\.xml: the text is not UTF-8/);
    });

    it("converts a file of BCCD as ../shared/data/bccd was converted by others", async function () {
      const images = join(requireData(this, "bccd"), "train");
      await cp(join(FORMATS, "voc/BloodImage_00001.xml"), join(folder, "bccd/BloodImage_00001.xml"));
      await convert({ format: "voc", input: join(folder, "bccd"), images });
      interface Json {
        images: { id: number; file_name: string; width: number; height: number }[];
        annotations: { image_id: number; bbox: number[]; area: number; category_id: number }[];
        categories: { id: number; name: string }[];
      }
      const boxes = ({ images, annotations, categories }: Json) => {
        const { id } = images.find(({ file_name }) => file_name === "BloodImage_00001.jpg")!;
        const name = new Map(categories.map((category) => [category.id, category.name]));
        return annotations
          .filter(({ image_id }) => image_id === id)
          .map(({ bbox, area, category_id }) => `${name.get(category_id)} ${bbox} ${area}`)
          .sort();
      };
      const own = boxes(readJson<Json>(out));
      expect(own).to.have.length.greaterThan(10);
      expect(own).to.deep.equal(boxes(readJson<Json>(join(images, "../instances_train.json"))));
    });

    it("names file and object of malformed entries", async () => {
      const path = join(folder, "voc/scene.xml");
      const xml = await readFile(path, "utf8");
      for (const [spoilt, message] of [
        [xml.replace("</object>", ""), /scene\.xml:\d+(:\d+)?: not well-formed XML: /],
        [xml.slice(0, 300), /scene\.xml:\d+(:\d+)?: not well-formed XML: /],
        ["", /scene\.xml:\d+(:\d+)?: not well-formed XML: /],
        [
          "<annotations/>",
          /scene\.xml: the root element is <annotations>, not <annotation>; is this another format\?$/,
        ],
        [xml.replace("<xmax>12</xmax>", ""), /scene\.xml: object 1 \("person"\): xmax is missing$/],
        [xml.replace("<xmax>12<", "<xmax>twelve<"), /object 1 \("person"\): xmax is "twelve", which is no number$/],
        [xml.replace("<name>person</name>", ""), /scene\.xml: object 1: the object has no name$/],
        [xml.replaceAll(/<bndbox>.*<\/bndbox>/g, ""), /object 1 \("person"\): the object has no bndbox$/],
      ] as const) {
        await writeFile(path, spoilt);
        expect(await userMessage(() => convert(voc()))).to.match(message);
      }
      await writeFile(path, xml);
      expect(await userMessage(() => convert(voc({ classes: ["person"] })))).to.match(
        /there are objects of the class "dog & cat", which --classes does not name$/,
      );
      await rm(join(folder, "voc/scene.png"));
      expect(await userMessage(() => convert(voc()))).to.match(/scene\.xml: its image, "scene\.jpg", is not in .*voc;/);
      await rm(path);
      expect(await userMessage(() => convert(voc()))).to.match(
        /voc: there are no annotations \(\*\.xml\) in this folder$/,
      );
    });
  });

  describe("from YOLO", () => {
    const yolo = (more: object = {}): ConvertSource => ({ format: "yolo", input: join(folder, "yolo"), ...more });

    it("reads boxes as centre and size in fractions", async () => {
      const result = await convert(yolo());
      expect(result).to.deep.include({ classes: ["person", "dog"], remarks: [], withoutMask: 2 });
      expect(objectsOf(await open("yolo/images/train"))).to.deep.equal([
        ["person", [0, 0, 12, 8]],
        ["dog", [3, 1, 6, 3]],
      ]);
    });

    it("reads polygons as corners in fractions", async () => {
      await convert(yolo({ split: "val" }));
      expect(objectsOf(await open("yolo/images/val"))).to.deep.equal([["dog", [3, 2, 9, 6], drawn([3, 2, 9, 6])]]);
    });

    it("reads lists of names and of images, and treats images without labels as background", async () => {
      await writeFile(join(folder, "yolo/images/train/bare.png"), await encodePng(noiseImage(5, 5)));
      await writeFile(join(folder, "yolo/train.txt"), "./images/train/scene.png\nimages/train/bare.png\n");
      await writeFile(join(folder, "yolo/data.yaml"), "train: train.txt\nnc: 2\nnames: [person, dog]\n");
      const { remarks } = await convert(yolo());
      expect(remarks).to.deep.equal(["1 image without a label file taken as background"]);
      const dataset = await open("yolo/images/train");
      expect(dataset.images.map(({ file }) => file)).to.deep.equal(["bare.png", "scene.png"]);
      expect(dataset.report).to.include({ imagesWithoutObjects: 1, objects: 2 });
    });

    it("names file and line of malformed entries", async () => {
      const labels = join(folder, "yolo/labels/train/scene.txt");
      for (const [line, message] of [
        ["0 0.5 0.5 1.2 1", /scene\.txt:2: 1\.2 is out of range: coordinates are fractions of 0–1/],
        ["0 0.5 -0.1 1 1", /scene\.txt:2: -0\.1 is out of range/],
        ["0 0.5 nan 1 1", /scene\.txt:2: nan is not a number$/],
        ["2 0.5 0.5 1 1", /scene\.txt:2: the class is 2; the 2 names are numbered 0–1$/],
        ["person 0.5 0.5 1 1", /scene\.txt:2: the class is person; /],
        ["0 0.5 0.5 1", /scene\.txt:2: 4 numbers; a line is a class with 4/],
        ["0 0.5 0.5 1 1 0.9", /scene\.txt:2: 6 numbers; /],
      ] as const) {
        await writeFile(labels, `0 0.5 0.5 1 1\n${line}\n`);
        expect(await userMessage(() => convert(yolo())), line).to.match(message);
      }
      await writeFile(labels, Buffer.from([0x30, 0x20, 0xff, 0xfe]));
      expect(await userMessage(() => convert(yolo()))).to.match(/scene\.txt: the text is not UTF-8; save it as UTF-8$/);
      await rm(labels);
      expect(await userMessage(() => convert(yolo()))).to.match(
        /no image has a label file; .*labels\/train\/scene\.txt$/,
      );
    });

    it("speaks of one class in the singular", async () => {
      const labels = join(folder, "yolo/labels/train/scene.txt");
      await writeFile(join(folder, "yolo/data.yaml"), "train: images/train\nnames: [person]\n");
      await writeFile(labels, "1 0.5 0.5 1 1\n");
      expect(await userMessage(() => convert(yolo()))).to.match(/the class is 1; the only name has number 0$/);
      await writeFile(join(folder, "yolo/data.yaml"), "train: images/train\nnc: 2\nnames: [person]\n");
      expect(await userMessage(() => convert(yolo()))).to.match(/nc is 2, but there is 1 name$/);
    });

    it("clips values slightly outside, and any others if asked to", async () => {
      const labels = join(folder, "yolo/labels/train/scene.txt");
      await writeFile(labels, "0 0.5 0.5 1.0005 1\n1 0.25 -0.0009 0.5 0.25 0.5 1.001\n");
      const hair = await convert(yolo());
      expect(hair.objects).to.equal(2);
      expect(hair.remarks).to.deep.equal([
        `2 lines with values outside 0–1 clipped to their images (${labels}:1; ${labels}:2)`,
      ]);
      await writeFile(labels, "0 1.1 0.5 0.4 1\n");
      expect(await userMessage(() => convert(yolo(), { force: true }))).to.match(
        /scene\.txt:1: 1\.1 is out of range: .*; --clip clips to the image$/,
      );
      await convert(yolo({ clip: true }), { force: true });
      const [[, box]] = objectsOf(await open("yolo/images/train")) as [Seen];
      expect(box.map((edge) => Math.round(edge * 100) / 100)).to.deep.equal([10.8, 0, 12, 8]);
      await writeFile(labels, "0 nan 0.5 0.4 1\n");
      expect(await userMessage(() => convert(yolo({ clip: true }), { force: true }))).to.match(/nan is not a number$/);
    });

    it("names faults in data.yaml", async () => {
      for (const [yaml, message] of [
        ["train: [", /data\.yaml:\d+:\d+: not valid YAML: /],
        ["train: images/train", /data\.yaml: names is missing or not a list/],
        ["just words", /data\.yaml: names is missing or not a list/],
        ["train: images/train\nnames: []", /data\.yaml: names is empty$/],
        ["train: images/train\nnames: [a, a]", /data\.yaml: names has "a" twice$/],
        [
          "train: images/train\nnames: {0: a, 2: b}",
          /data\.yaml: names must number the classes 0, 1, 2, …; it has 0, 2$/,
        ],
        ["train: images/train\nnc: 3\nnames: [a, b]", /data\.yaml: nc is 3, but there are 2 names$/],
        ["val: images/val\nnames: [a]", /there is no split "train"; choose one with --split; keys: val$/],
        ["train: nowhere\nnames: [a]", /data\.yaml: nowhere: no such file or folder in /],
        ["train: labels/train\nnames: [a]", /data\.yaml: labels\/train: there are no images here$/],
      ] as const) {
        await writeFile(join(folder, "yolo/data.yaml"), yaml);
        expect(await userMessage(() => convert(yolo())), yaml).to.match(message);
      }
      await rm(join(folder, "yolo/data.yaml"));
      expect(await userMessage(() => convert(yolo()))).to.match(/yolo: there is no data\.yaml; /);
      expect(await userMessage(() => convert(yolo({ input: "/none.yaml" })))).to.match(/cannot read .*no such file/);
    });
  });

  describe("from LabelMe", () => {
    const labelme = (more: object = {}): ConvertSource => ({
      format: "labelme",
      input: join(folder, "labelme"),
      ...more,
    });

    it("reads polygons, rectangles, groups, masks and circles", async () => {
      const { remarks } = await convert(labelme());
      expect(remarks).to.deep.equal(
        ['shape of the type "point" left out: not an object', 'shape of the type "line" left out: not an object'].map(
          (text) => `1 ${text}`,
        ),
      );
      const [polygon, rectangle, group, mask, circle, ...rest] = objectsOf(await open("labelme"));
      expect(rest).to.deep.equal([]);
      expect(polygon).to.deep.equal(["person", [1, 1, 5, 4], drawn([1, 1, 5, 4])]);
      expect(rectangle).to.deep.equal(["dog", [8, 5, 11, 7]]);
      expect(group).to.deep.equal(["dog", [0, 5, 6, 7], drawn([0, 5, 2, 7], [4, 5, 6, 7])]);
      expect(mask).to.deep.equal(["person", [8, 1, 11, 3], drawn([8, 1, 10, 2], [9, 2, 11, 3])]);
      const [, box, pixels] = circle!;
      expect(box.map((edge) => Math.round(edge * 10) / 10)).to.deep.equal([1, 1, 5, 5]);
      expect(pixels).to.equal(drawn([2, 1, 4, 2], [1, 2, 5, 4], [2, 4, 4, 5]));
    });

    it("names file and shape of malformed entries", async () => {
      const path = join(folder, "labelme/scene.json");
      const text = await readFile(path, "utf8");
      for (const [spoilt, message] of [
        [text.slice(0, 100), /scene\.json: not valid JSON: /],
        ["[]", /scene\.json: the file: .*; is this a LabelMe file\?$/],
        ["{}", /scene\.json: shapes: .*; is this a LabelMe file\?$/],
        [text.replace('"label": "dog"', '"label": 7'), /scene\.json: shapes\.1\.label: /],
        [text.replace(/\[\s*1,\s*1\s*\],/, '["a", 1],'), /scene\.json: shapes\.0\.points\.0\.0: /],
        [text.replace(/"mask": "[^"]*"/, '"mask": "AAAA"'), /shape 5 \("person"\): its mask: cannot be decoded/],
      ] as const) {
        await writeFile(path, spoilt);
        expect(await userMessage(() => convert(labelme())), spoilt.slice(0, 300)).to.match(message);
      }
      await writeFile(path, Buffer.from(text.replace("person", "Mädchen"), "latin1"));
      expect(await userMessage(() => convert(labelme()))).to.match(/scene\.json: the text is not UTF-8/);
      await writeFile(path, text.replace(/"shapes": \[[\s\S]*\],\n {2}"imagePath"/, '"shapes": [],\n"imagePath"'));
      expect(await userMessage(() => convert(labelme()))).to.match(/labelme: there are no objects$/);
    });
  });

  describe("from CVAT", () => {
    const cvat = (more: object = {}): ConvertSource => ({
      format: "cvat",
      input: join(folder, "cvat/annotations.xml"),
      ...more,
    });

    it("reads boxes, polygons, masks, groups, turned boxes and ellipses", async () => {
      const result = await convert(cvat());
      expect(result.classes).to.deep.equal(["person", "dog", "nobody"]);
      expect(result.remarks.map((text) => text.slice(0, 28))).to.deep.equal([
        '1 shape of the type "polylin',
        '1 shape of the type "points"',
      ]);
      const dataset = await open("cvat");
      const [box, polygon, mask, group, turned, ellipse] = objectsOf(dataset);
      expect(box).to.deep.equal(["person", [1, 2, 4.5, 6]]);
      expect(polygon).to.deep.equal(["dog", [1, 1, 5, 4], drawn([1, 1, 5, 4])]);
      expect(mask).to.deep.equal(["dog", [8, 1, 11, 3], drawn([8, 1, 10, 2], [9, 2, 11, 3])]);
      expect(group).to.deep.equal(["dog", [0, 5, 6, 7], drawn([0, 5, 2, 7], [4, 5, 6, 7])]);
      expect(turned).to.deep.equal(["dog", [5, 2, 7, 6], drawn([5, 2, 7, 6])]);
      expect(ellipse!.slice(0, 2)).to.deep.equal(["person", [3, 2, 9, 6]]);
      expect(ellipse![2]).to.equal(drawn([4, 2, 8, 3], [3, 3, 9, 5], [4, 5, 8, 6]));
      expect(dataset.instances(1).labels).to.have.length(0);
    });

    it("names file, image and shape of malformed entries", async () => {
      const path = join(folder, "cvat/annotations.xml");
      const text = await readFile(path, "utf8");
      for (const [spoilt, message] of [
        [text.slice(0, 900), /annotations\.xml:\d+:\d+: not well-formed XML/],
        [text.replaceAll(/<image[\s\S]*<\/image>/g, ""), /annotations\.xml: it lists no images$/],
        [
          text.replaceAll(/<image[\s\S]*<\/image>/g, "<track/>"),
          /it holds tracks of a video; export it as "CVAT for images 1\.1"$/,
        ],
        [
          text.replace('rle="0, 2, 2, 2"', 'rle="0, 2, 2, 3"'),
          /image 1: mask 1: the run lengths cover 7 pixels, but 3 × 2 has 6$/,
        ],
        [
          text.replace('rle="0, 2, 2, 2"', 'rle="0, 2, x"'),
          /image 1: mask 1: a run length is " x", which is no number$/,
        ],
        [text.replace("5.00,1.00;", "5.00;"), /image 1: polygon 1: y of a point is missing$/],
        [text.replace('xtl="1.00"', ""), /image 1: box 1: xtl is missing$/],
        [text.replace('label="person"', ""), /image 1: box 1: the attribute label is missing$/],
      ] as const) {
        await writeFile(path, spoilt);
        expect(await userMessage(() => convert(cvat()))).to.match(message);
      }
      await writeFile(path, text.replace('label="dog"', 'label="cow"'));
      expect(await userMessage(() => convert(cvat({ classes: ["person", "dog"] })))).to.match(
        /there are objects of the class "cow", which --classes does not name$/,
      );
    });

    const one = (shapes: string, attributes = 'name="a.png" width="64" height="48"') =>
      "<annotations><meta><task><labels><label><name>cat</name></label><label><name>dog</name></label></labels></task>" +
      `</meta><image id="0" ${attributes}>${shapes}</image></annotations>`;

    it("leaves out polygons with too few points, keeps labels the task does not list, and reports both", async () => {
      const shapes =
        '<polygon label="cat" points="10,10;20,10"/><polygon label="dog" points="10,10;20,10;20,20"/>' +
        '<box label="bird" xtl="10" ytl="10" xbr="30" ybr="20"/><box label="cat" xtl="30" ytl="10" xbr="10" ybr="20"/>' +
        '<box label="cat" xtl="10" ytl="10" xbr="10" ybr="20"/>';
      await writeFile(join(folder, "cvat/annotations.xml"), one(shapes));
      const { classes, objects, remarks } = await convert(cvat());
      expect({ classes, objects }).to.deep.equal({ classes: ["cat", "dog", "bird"], objects: 2 });
      const at = (shape: string) => `${join(folder, "cvat/annotations.xml")}: image 1: ${shape}`;
      expect(remarks).to.deep.equal([
        `1 polygon with fewer than 3 points left out (${at("polygon 1")})`,
        `1 box with swapped corners left out (${at("box 2")}: x from 30 to 10)`,
        `1 box without area in its image left out (${at("box 3")})`,
        "1 label kept that the task does not list (bird)",
      ]);
    });

    it("refuses impossible sizes, radii and windows, and names that lead elsewhere", async () => {
      for (const [xml, message] of [
        [
          one('<ellipse label="cat" cx="5" cy="5" rx="1e9" ry="2"/>'),
          /ellipse 1: a radius is 1000000000; radii go from 0 to 1048576 pixels$/,
        ],
        [one('<ellipse label="cat" cx="5" cy="5" rx="-3" ry="2"/>'), /ellipse 1: a radius is -3; /],
        [
          one('<mask label="cat" rle="0,1" left="0" top="0" width="-4" height="2"/>'),
          /mask 1: a mask's window must have whole numbers.*width -4/,
        ],
        [
          one('<mask label="cat" rle="0,1" left="0" top="0" width="60000" height="60000"/>'),
          /at most 134217728 pixels, not /,
        ],
        [
          one('<polygon label="cat" points="0,0;1e300,0;5,5"/>'),
          /polygon 1: polygon coordinate 2 is 1e\+300; they go from /,
        ],
        [
          one("", 'name="a.png" width="1e9" height="4"'),
          /image 1: the image's size is 1000000000 × 4; a side has at most 65535 pixels/,
        ],
        [
          one("", 'name="a.png" width="-5" height="4"'),
          /image 1: width and height must be whole numbers of at least 1, not -5 and 4$/,
        ],
        [
          one('<box label="cat" xtl="1" ytl="1" xbr="9" ybr="9"/>', 'name="../a.png" width="9" height="9"'),
          /image 1: the file name "\.\.\/a\.png" cannot be written: it leads out of its folder/,
        ],
      ] as const) {
        await writeFile(join(folder, "cvat/annotations.xml"), xml);
        expect(await userMessage(() => convert(cvat())), xml).to.match(message);
      }
    });
  });

  describe("from masks", () => {
    const map = (draw: (x: number, y: number) => number) =>
      Uint8Array.from({ length: 96 }, (_, i) => draw(i % 12, Math.floor(i / 12)));
    const masks = (more: object): ConvertSource =>
      ({ format: "masks", input: join(folder, "masks"), images: join(folder, "images"), ...more }) as ConvertSource;
    const inside = (x: number, y: number, x1: number, y1: number, x2: number, y2: number) =>
      x >= x1 && x < x2 && y >= y1 && y < y2;
    const write = async (name: string, data: Uint8Array) => {
      await mkdir(join(folder, name, ".."), { recursive: true });
      await writeFile(join(folder, name), encodeIndexedPng({ width: 12, height: 8, data }, []));
    };

    it("reads pixels as object numbers, with classes from VOC's class maps", async () => {
      const objects = map((x, y) => (inside(x, y, 1, 1, 4, 4) ? 2 : inside(x, y, 6, 2, 9, 7) ? 1 : x === 5 ? 255 : 0));
      await write("masks/scene.png", objects);
      await convert(masks({ layout: "instances", classes: ["cell"] }));
      expect(objectsOf(await open("images"))).to.deep.equal([
        ["cell", [6, 2, 9, 7], drawn([6, 2, 9, 7])],
        ["cell", [1, 1, 4, 4], drawn([1, 1, 4, 4])],
      ]);
      await write(
        "classes/scene.png",
        map((x) => (x < 5 ? 1 : x < 7 ? 255 : 2)),
      );
      await convert(masks({ layout: "instances", classes: ["ground", "a", "b"], classMaps: join(folder, "classes") }), {
        force: true,
      });
      expect(objectsOf(await open("images")).map(([name]) => name)).to.deep.equal(["b", "a"]);
    });

    it("reads 16-bit numbers that contain the class, like Cityscapes'", async () => {
      await mkdir(join(folder, "masks"));
      const data = Uint16Array.from(
        map((x) => x),
        (x) => (x < 3 ? 1001 : x < 7 ? 2000 : 0),
      );
      await writeFile(
        join(folder, "masks/scene_ids.png"),
        encode({ width: 12, height: 8, data, depth: 16, channels: 1 }),
      );
      await convert(
        masks({
          layout: "instances",
          classes: ["a", "b"],
          reduceZeroLabel: true,
          classDivisor: 1000,
          suffix: "_ids.png",
        }),
      );
      expect(objectsOf(await open("images"))).to.deep.equal([
        ["a", [0, 0, 3, 8], drawn([0, 0, 3, 8])],
        ["b", [3, 0, 7, 8], drawn([3, 0, 7, 8])],
      ]);
    });

    it("treats connected regions of a class as objects", async () => {
      const values = map((x, y) =>
        inside(x, y, 0, 0, 2, 2) || inside(x, y, 2, 2, 4, 4) ? 1 : inside(x, y, 8, 0, 10, 3) ? 1 : y === 6 ? 2 : 0,
      );
      await write("masks/scene.png", values);
      await convert(masks({ layout: "classes", classes: ["ground", "spot", "line"] }));
      expect(objectsOf(await open("images"))).to.deep.equal([
        ["spot", [0, 0, 4, 4], drawn([0, 0, 2, 2], [2, 2, 4, 4])], // touching by a corner
        ["spot", [8, 0, 10, 3], drawn([8, 0, 10, 3])],
        ["line", [0, 6, 12, 7], drawn([0, 6, 12, 7])],
      ]);
      const { remarks } = await convert(
        masks({ layout: "classes", classes: ["spot", "line"], reduceZeroLabel: true, minArea: 7 }),
        {
          force: true,
        },
      );
      expect(remarks).to.deep.equal([
        "labels: 1 is spot, 2 is line; 0 is not an object",
        "1 object with fewer than 7 pixels left out",
      ]);
    });

    it("names labels like a config of label maps, and refuses lists of another length", async () => {
      const values = map((x) => Math.floor(x / 3)); // 0, 1, 2, 3
      await write("masks/scene.png", values);
      const names = ["background", "date", "fig", "hazelnut"];
      const told = (more: object) => userMessage(() => convert(masks({ layout: "classes", ...more })));
      const { classes, remarks } = await convert(masks({ layout: "classes", classes: names }));
      expect(classes).to.deep.equal(["date", "fig", "hazelnut"]);
      expect(remarks).to.deep.equal([
        "labels: 0 is background, 1 is date, 2 is fig, 3 is hazelnut; 0 is not an object",
      ]);
      const given = openLabelMaps({
        images: join(folder, "images"),
        labelMaps: join(folder, "masks"),
        classes: names,
      });
      const { data } = await (await given).loadLabelMap(0);
      const found = objectsOf(await open("images")).map(([name, box]) => [name, names[data[box[0]!]!]]);
      expect(found).to.deep.equal(names.slice(1).map((name) => [name, name]));
      const wrong = "scene\\.png: label 3 has no name: by the class list";
      expect(await told({ classes: names.slice(1) })).to.match(
        new RegExp(
          `${wrong} 0 is date, 1 is fig, 2 is hazelnut; name them all, or if 0 means no class, use --reduce-zero-label$`,
        ),
      );
      expect(await told({ classes: names.slice(1, 3), reduceZeroLabel: true })).to.match(
        new RegExp(`${wrong} 1 is date, 2 is fig; name them all except 0$`),
      );
      expect(await told({ classes: names, reduceZeroLabel: true })).to.match(
        /masks: the highest label is 3, but by the class list 1 is background, .*, 4 is hazelnut; is a name too many at the beginning, or --reduce-zero-label\? If these files have none of hazelnut, give the names as a table by --object-info, which may have more$/,
      );
      const table = join(folder, "objectInfo.txt");
      await writeFile(table, "Idx\tName\n1\tdate\n2\tfig\n3\thazelnut\n4\tcashew\n");
      const result = await convert(masks({ layout: "classes", objectInfo: table, reduceZeroLabel: true }), {
        force: true,
      });
      expect(result.classes).to.deep.equal(["date", "fig", "hazelnut", "cashew"]);
    });

    it("reads each PNG as an object, with image and class from its name or folders", async () => {
      const left = map((x) => (x < 3 ? 1 : 0));
      await write("masks/scene_cell_1.png", left);
      await write(
        "masks/scene/more/nucleus_12.png",
        map((x) => (x > 9 ? 1 : 0)),
      );
      await writeFile(
        join(folder, "masks/scene_cell_1.png"),
        await encodePng({
          width: 12,
          height: 8,
          data: Uint8Array.from({ length: 288 }, (_, i) => (left[Math.floor(i / 3)] ? 255 : 0)),
        }),
      );
      await convert(masks({ layout: "objects" }));
      expect(objectsOf(await open("images"))).to.deep.equal([
        ["nucleus", [10, 0, 12, 8], drawn([10, 0, 12, 8])],
        ["cell", [0, 0, 3, 8], drawn([0, 0, 3, 8])],
      ]);
      await rm(join(folder, "masks"), { recursive: true });
      await write("masks/scene/abcdef.png", left);
      await convert(masks({ layout: "objects", classes: ["nucleus"] }), { force: true });
      expect(objectsOf(await open("images"))[0]?.[0]).to.equal("nucleus");
      await convert(masks({ layout: "objects", pattern: "^(?<image>.*)/(?<class>...)" }), { force: true });
      expect(objectsOf(await open("images"))[0]?.[0]).to.equal("abc");
    });

    it("names the faulty file", async () => {
      const told = (more: object) => userMessage(() => convert(masks(more)));
      await mkdir(join(folder, "masks"));
      expect(await told({ layout: "classes" })).to.match(
        /no image has a mask here; scene\.png would have .*masks\/scene\.png$/,
      );
      expect(await told({ layout: "objects" })).to.match(/masks: there are no masks \(\*\.png\) in this folder$/);
      await write(
        "masks/scene.png",
        map(() => 0),
      );
      expect(await told({ layout: "classes" })).to.match(/masks: these masks have no objects$/);
      expect(await told({ layout: "instances", classes: ["a", "b"] })).to.match(/which class do the objects have\?/);
      expect(await told({ layout: "objects" })).to.match(
        /scene\.png: the name does not say its image and class: IMAGE_CLASS/,
      );
      await write(
        "masks/scene.png",
        map(() => 3),
      );
      expect(await told({ layout: "classes", classes: ["a"] })).to.match(
        /scene\.png: label 3 has no name: by the class list 0 is a; /,
      );
      await writeFile(join(folder, "masks/scene.png"), await encodePng(noiseImage(12, 8)));
      expect(await told({ layout: "classes" })).to.match(
        /a mask must hold one number per pixel, this PNG holds colours/,
      );
      await writeFile(
        join(folder, "masks/scene.png"),
        encodeIndexedPng({ width: 3, height: 1, data: new Uint8Array(3) }, []),
      );
      expect(await told({ layout: "classes" })).to.match(/scene\.png: the mask is 3×1, its image 12×8$/);
    });
  });

  describe("to YOLO", () => {
    const ring = Uint8Array.from({ length: 96 }, (_, i) => {
      const [x, y] = [i % 12, Math.floor(i / 12)];
      return x >= 1 && x < 8 && y >= 1 && y < 7 && !(x >= 3 && x < 5 && y >= 3 && y < 5) ? 1 : 0;
    });
    const rle = encodeRle(ring, 8, 12);
    const annotations = [
      {
        id: 1,
        image_id: 4,
        category_id: 7,
        bbox: [1, 1, 7, 6],
        segmentation: { size: [8, 12], counts: compressRle(rle) },
      },
      {
        id: 2,
        image_id: 4,
        category_id: 3,
        bbox: [0, 0, 11, 2],
        segmentation: [
          [0, 0, 3, 0, 3, 2, 0, 2],
          [9, 0, 11, 0, 11, 2, 9, 2],
        ],
      },
      {
        id: 3,
        image_id: 4,
        category_id: 3,
        bbox: [0, 0, 12, 8],
        iscrowd: 1,
        segmentation: { size: [8, 12], counts: Array.from(rle.counts) },
      },
    ];
    const write = (list: object[] = annotations) =>
      writeFile(
        out,
        JSON.stringify({
          images: [{ id: 4, file_name: "scene.png", width: 12, height: 8 }],
          annotations: list,
          categories: [
            { id: 7, name: "ring" },
            { id: 3, name: "bars" },
          ],
        }),
      );
    const coco = (): ConvertSource => ({ format: "coco", input: out, images: join(folder, "images") });
    const target = (more: object = {}) =>
      ({ format: "yolo", shapes: "boxes", output: join(folder, "made"), ...more }) as const;

    it("writes boxes, images and data.yaml, a second split beside the first", async () => {
      await write();
      const { remarks } = await convertData({ from: coco(), to: target() });
      expect(remarks).to.deep.equal(["1 crowd left out: YOLO has none"]);
      expect(await readFile(join(folder, "made/labels/train/scene.txt"), "utf8")).to.equal(
        "1 0.375 0.5 0.58333333 0.75\n0 0.45833333 0.125 0.91666667 0.25\n",
      );
      await convertData({ from: coco(), to: target({ split: "val" }) });
      expect(await readFile(join(folder, "made/data.yaml"), "utf8")).to.equal(
        "train: images/train\nnames:\n  0: bars\n  1: ring\nval: images/val\n",
      );
      expect((await readFile(join(folder, "made/images/val/scene.png"))).length).to.be.greaterThan(0);
      const back = join(folder, "back.json");
      await convertData({
        from: { format: "yolo", input: join(folder, "made"), split: "val" },
        to: { format: "coco", output: back },
      });
      const { boxes } = (await openCoco({ annotations: back, images: join(folder, "made/images/val") })).instances(0);
      Array.from(boxes).forEach((edge, i) => void expect(edge).to.be.closeTo([1, 1, 8, 7, 0, 0, 11, 2][i]!, 1e-3));
    });

    it("refuses names of splits that are paths or keys of data.yaml", async () => {
      await write();
      const message = (split: string) => userMessage(() => convertData({ from: coco(), to: target({ split }) }));
      for (const split of ["..", ".", "a/b", "../up", "val/", ""]) {
        expect(await message(split)).to.equal(`"${split}" cannot be a part's name: use letters, digits, - and _ only`);
      }
      expect(await message("names")).to.equal(
        '"names" cannot be a part\'s name: data.yaml has another use for this key',
      );
      expect(existsSync(join(folder, "made"))).to.equal(false);
    });

    it("writes polygons that reproduce the masks, including holes and several parts", async () => {
      await write();
      await convertData({ from: coco(), to: target({ shapes: "polygons" }) });
      await convertData({
        from: { format: "yolo", input: join(folder, "made") },
        to: { format: "coco", output: out, force: true },
      });
      const [first, second] = objectsOf(await open("made/../images"));
      const rows = Array.from(ring, (value) => (value ? "#" : "."))
        .join("")
        .match(/.{12}/g)!;
      expect(first).to.deep.equal(["ring", [1, 1, 8, 7], rows.join("\n")]);
      expect(second).to.deep.equal(["bars", [0, 0, 11, 2], drawn([0, 0, 3, 2], [9, 0, 11, 2])]);
    });

    const cocoFile = async (file: string, size = { width: 12, height: 8 }) => {
      const path = join(folder, "in.json");
      const annotation = { id: 1, image_id: 7, category_id: 1, bbox: [1, 1, 5, 4], area: 20, iscrowd: 0 };
      const content = { images: [{ id: 7, file_name: file, ...size }], annotations: [annotation] };
      await writeFile(path, JSON.stringify({ ...content, categories: [{ id: 1, name: "cat" }] }));
      return { format: "coco", input: path, images: join(folder, "images") } as const;
    };

    it("stays in its folder: names that lead elsewhere are refused before anything is written", async () => {
      await cp(join(folder, "images/scene.png"), join(folder, "scene.png"));
      const names = await readdir(folder);
      const from = await cocoFile("../scene.png");
      const to = { format: "yolo", output: join(folder, "a/b"), shapes: "boxes" } as const;
      expect(await userMessage(() => convertData({ from, to }))).to.equal(
        `${join(folder, "in.json")}: image 7: the file name "../scene.png" cannot be written: ` +
          "it leads out of its folder; names are relative to the images folder",
      );
      expect((await readdir(folder)).filter((name) => name !== "in.json")).to.deep.equal(names);
    });

    it("copies only images of the annotated size", async () => {
      const to = { format: "yolo", output: join(folder, "a"), shapes: "boxes" } as const;
      await writeFile(join(folder, "images/text.jpg"), "no image");
      const text = await cocoFile("text.jpg");
      expect(await userMessage(() => convertData({ from: text, to }))).to.match(/text\.jpg: cannot be decoded/);
      const other = await cocoFile("scene.png", { width: 20, height: 8 });
      expect(await userMessage(() => convertData({ from: other, to }))).to.match(
        /scene\.png: the image is 12×8, its annotation says 20×8/,
      );
    });

    it("renames images that YOLO readers would not find", async () => {
      for (const [name, seen] of [
        [".hidden.png", "hidden.png"],
        ["no_ending", "no_ending.png"],
      ] as const) {
        await cp(join(folder, "images/scene.png"), join(folder, "images", name));
        const from = await cocoFile(name);
        const output = join(folder, "seen", seen);
        const { remarks } = await convertData({ from, to: { format: "yolo", output, shapes: "boxes" } });
        expect(remarks).to.deep.equal([`1 image renamed so that YOLO readers find it (${name} → ${seen})`]);
        const back = await convert({ format: "yolo", input: join(output, "data.yaml") }, { force: true });
        expect(back).to.include({ imageCount: 1, objects: 1 });
      }
    });

    it("names file, annotation and image of a mask that cannot be read", async () => {
      await write();
      const json = JSON.parse(await readFile(join(folder, "out.json"), "utf8"));
      const { width, height } = json.images[0];
      json.annotations[1].segmentation = { size: [height, width], counts: "~broken" };
      await writeFile(join(folder, "out.json"), JSON.stringify(json));
      const failed = await userMessage(() => convertData({ from: coco(), to: target({ shapes: "polygons" }) }));
      expect(failed).to.match(
        /out\.json: annotation 2 of scene\.png: the compressed run lengths are damaged: the string has the character "~"/,
      );
    });

    it("keeps several splits; force replaces one, with its images", async () => {
      const other = async (name: string) => {
        await cp(join(folder, "images/scene.png"), join(folder, "images", name));
        return cocoFile(name);
      };
      const output = join(folder, "splits");
      const to = (more: object = {}) => ({ format: "yolo", output, shapes: "boxes", ...more }) as const;
      const names = async (name: string) => (await readdir(join(output, name))).sort();
      await convertData({ from: await other("a.png"), to: to() });
      await convertData({ from: await other("b.png"), to: to({ split: "val" }) });
      await convertData({ from: await other("c.png"), to: to({ force: true }) });
      expect(await names("images/train")).to.deep.equal(["c.png"]);
      expect(await names("labels/train")).to.deep.equal(["c.txt"]);
      expect(await names("images/val")).to.deep.equal(["b.png"]);
      const description = parse(await readFile(join(output, "data.yaml"), "utf8"));
      expect(description).to.include({ train: "images/train", val: "images/val" });
      // From YOLO, the split that is read is also the one written.
      const yolo = ["data", "convert", join(output, "data.yaml"), "--from", "yolo", "--to", "yolo", "--split", "val"];
      await accepted([...yolo, "--out", join(folder, "second")]);
      expect(await readdir(join(folder, "second/images"))).to.deep.equal(["val"]);
      // In place: the source is not deleted.
      expect(await userMessage(() => convertData({ from: yoloOf(output), to: to({ force: true }) }))).to.match(
        /images\/train\/c\.png: data convert --to yolo, split train, wrote this and now reads it/,
      );
      expect(await names("images/train")).to.deep.equal(["c.png"]);
    });

    it("writes labels for images that are already in place, and leaves those alone", async () => {
      const output = join(folder, "place");
      await cp(join(folder, "images"), join(output, "images/train"), { recursive: true });
      const { input } = await cocoFile("scene.png");
      const from = { format: "coco", input, images: join(output, "images/train") } as const;
      const before = await readdir(join(output, "images/train"));
      for (const force of [false, true]) {
        await convertData({ from, to: { format: "yolo", output, shapes: "boxes", force } });
        expect(await readdir(join(output, "images/train"))).to.deep.equal(before);
        expect(await readdir(join(output, "labels/train"))).to.deep.equal(["scene.txt"]);
      }
    });

    const yoloOf = (output: string) => ({ format: "yolo", input: join(output, "data.yaml") }) as const;

    it("reports what cannot be written", async () => {
      await write([{ id: 1, image_id: 4, category_id: 7, bbox: [1, 1, 7, 6] }]);
      expect(await userMessage(() => convertData({ from: coco(), to: target({ shapes: "polygons" }) }))).to.match(
        /scene\.png: an object of the class "ring" \(bbox 1, 1, 7, 6\) has no mask; write boxes with --to yolo$/,
      );
      await rm(join(folder, "made"), { recursive: true, force: true });
      await convertData({ from: coco(), to: target({ copyImages: false }) });
      expect(await readdir(join(folder, "made"))).to.have.members(["labels", "data.yaml", RECORD_FILE]);
      expect(await userMessage(() => convertData({ from: coco(), to: target() }))).to.match(
        /made\/labels\/train: already exists; .*--force$/,
      );
      await convertData({ from: coco(), to: target({ force: true }) });
      await writeFile(join(folder, "made/data.yaml"), "names: {0: other}\n");
      expect(await userMessage(() => convertData({ from: coco(), to: target({ split: "val" }) }))).to.match(
        /data\.yaml: its names are not these: bars, ring; write to another folder$/,
      );
    });
  });

  it("is a command, with the result as text or JSON, and overwrites nothing unless asked to", async () => {
    const args = ["data", "convert", join(folder, "yolo"), "--from", "yolo", "--out", out];
    const text = await accepted(args);
    expect(text.stdout).to.equal(
      `${out}: 1 image, 2 objects (boxes only), 2 classes: person, dog\nimages: ${join(folder, "yolo/images/train")}\n`,
    );
    const again = await run(args);
    expect(again).to.include({ code: 1, stdout: "" });
    expect(again.stderr).to.match(/out\.json: already exists; choose another path, or overwrite it with --force\n$/);
    const json = await accepted([...args, "--force", "--json", "--box-masks"]);
    expect(JSON.parse(json.stdout)).to.include({ objects: 2, output: out });
    expect(objectsOf(await open("yolo/images/train"))[1]).to.deep.equal(["dog", [3, 1, 6, 3], drawn([3, 1, 6, 3])]);
    for (const [more, message] of [
      [["x", "--from", "coco", "--out", "y"], /--images is needed for this format/],
      [["x", "--from", "masks", "--images", "p", "--out", "y"], /--layout is needed/],
      [
        ["x", "--from", "coco", "--images", "p", "--out", "y"],
        /the input is COCO already; choose yolo, yolo-polygons or classes/,
      ],
      [
        ["x", "--from", "yolo", "--classes", "a", "--out", "y"],
        /--classes, --object-info: a YOLO data set names its classes/,
      ],
      [["x", "--from", "voc", "--classes", "a,a", "--out", "y"], /A name occurs twice/],
      [["x", "--from", "vok", "--out", "y"], /Allowed choices are voc, yolo/],
    ] as const) {
      const { code, stderr } = await run(["data", "convert", ...more]);
      expect(code, stderr).to.equal(2);
      expect(stderr).to.match(message);
    }
  });
});
