import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { type CocoOptions, describeReport, openCoco } from "../../lib/datasets/coco.js";
import type { DetectionDataset } from "../../lib/datasets/types.js";
import { encodePng } from "../../lib/images/encode.js";
import { decodeRle, encodeRle, rleArea, rleBoxXyxy } from "../../lib/masks/rle.js";
import { compressRle } from "../../lib/masks/strings.js";
import { noiseImage } from "../pixels/images.js";
import { userMessage } from "../support/failure.js";
import { readJson, requireData } from "../support/goldens.js";

interface Json {
  images: { id: number; file_name: string; width: number; height: number }[];
  annotations: Record<string, unknown>[];
  categories: { id: number; name: string }[];
}

describe("COCO files", () => {
  let folder = "";
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "densekit-coco-"));
    await mkdir(join(folder, "sub"));
    await writeFile(join(folder, "a.png"), await encodePng(noiseImage(20, 10)));
    await writeFile(join(folder, "sub/b.png"), await encodePng(noiseImage(8, 16)));
  });
  after(() => rm(folder, { recursive: true }));

  const bitmap = Uint8Array.from({ length: 200 }, (_, i) => (i % 20 > 4 && i % 20 < 9 && i > 60 ? 1 : 0));
  const rle = encodeRle(bitmap, 10, 20);

  const valid = (): Json => ({
    images: [
      { id: 70, file_name: "a.png", width: 20, height: 10 },
      { id: 30, file_name: "sub/b.png", width: 8, height: 16 },
    ],
    annotations: [
      { id: 1, image_id: 70, category_id: 90, bbox: [2, 1, 5, 4], area: 20, segmentation: [[2, 1, 7, 1, 7, 5, 2, 5]] },
      {
        id: 5,
        image_id: 70,
        category_id: 3,
        bbox: [5, 3, 4, 7],
        area: 28,
        iscrowd: 1,
        segmentation: { size: [10, 20], counts: Array.from(rle.counts) },
      },
      {
        id: 6,
        image_id: 70,
        category_id: 3,
        bbox: [5, 3, 4, 7],
        area: 28,
        segmentation: { size: [10, 20], counts: compressRle(rle) },
      },
    ],
    categories: [
      { id: 90, name: "tooth brush" },
      { id: 3, name: "car" },
    ],
  });

  const open = async (json: unknown, options: Partial<CocoOptions> = {}): Promise<DetectionDataset> => {
    const annotations = join(folder, "instances.json");
    await writeFile(annotations, typeof json === "string" ? json : JSON.stringify(json));
    return openCoco({ annotations, images: folder, ...options });
  };

  it("reads polygons, run lengths as lists and strings, crowds and sparse ids", async () => {
    const dataset = await open(valid());
    expect(dataset.classes).to.deep.equal(["car", "tooth brush"]);
    expect(dataset.categoryIds).to.deep.equal([3, 90]);
    expect(dataset.length).to.equal(2);
    expect(dataset.hasMasks).to.equal(true);
    const { boxes, labels, crowd, masks, areas, ids } = dataset.instances(0);
    expect(Array.from(boxes.subarray(0, 4))).to.deep.equal([2, 1, 7, 5]);
    expect(Array.from(labels)).to.deep.equal([1, 0, 0]);
    expect(Array.from(crowd)).to.deep.equal([0, 1, 0]);
    expect(Array.from(areas)).to.deep.equal([20, 28, 28]);
    expect(Array.from(ids)).to.deep.equal([1, 5, 6]);
    expect(rleBoxXyxy(masks[0]!)).to.deep.equal([2, 1, 7, 5]);
    for (const mask of masks.slice(1)) expect(decodeRle(mask!)).to.deep.equal(bitmap);
    const { image, instances, meta } = await dataset.load(0);
    expect(image).to.deep.equal(noiseImage(20, 10));
    expect(instances).to.deep.equal(dataset.instances(0));
    expect(meta).to.include({ id: 70, file: "a.png", originalWidth: 20, originalHeight: 10, flipped: false });
  });

  it("keeps images without objects, and drops them when told to", async () => {
    const kept = await open(valid());
    expect(kept.images.map(({ id }) => id)).to.deep.equal([70, 30]);
    expect(kept.report).to.include({ images: 2, imagesWithoutObjects: 1, objects: 3, crowds: 1 });
    expect(kept.instances(1).boxes).to.have.lengthOf(0);
    const dropped = await open(valid(), { dropEmpty: true });
    expect(dropped.images.map(({ id }) => id)).to.deep.equal([70]);
  });

  it("uses classes in the given order and counts the objects left out", async () => {
    const dataset = await open(valid(), { classes: ["tooth brush"] });
    expect(Array.from(dataset.instances(0).labels)).to.deep.equal([0]);
    expect(dataset.categoryIds).to.deep.equal([90]);
    expect(dataset.report.otherClasses).to.equal(2);
    const swapped = await open(valid(), { classes: ["tooth brush", "car"] });
    expect(Array.from(swapped.instances(0).labels)).to.deep.equal([0, 1, 1]);
  });

  it("clips boxes that reach outside and counts them", async () => {
    const json = valid();
    json.annotations = [
      { id: 1, image_id: 70, category_id: 3, bbox: [-3, 2, 10, 30] },
      { id: 2, image_id: 70, category_id: 3, bbox: [1, 2, 4, 4] },
    ];
    const dataset = await open(json);
    expect(Array.from(dataset.instances(0).boxes)).to.deep.equal([0, 2, 7, 10, 1, 2, 5, 6]);
    expect(dataset.report).to.include({ clippedBoxes: 1, degenerateBoxes: 0, withoutMask: 2 });
    expect(dataset.hasMasks).to.equal(false);
    expect(describeReport(dataset.report)).to.equal("1 box reached outside its image and was clipped");
  });

  it("leaves degenerate boxes out and counts them", async () => {
    const json = valid();
    const boxes = [
      [3, 3, 0.5, 5],
      [3, 3, 5, -2],
      [25, 3, 5, 5],
      [3, 3, 1, 1],
    ];
    json.annotations = boxes.map((bbox, i) => ({ id: i, image_id: 70, category_id: 3, bbox }));
    const dataset = await open(json);
    expect(Array.from(dataset.instances(0).ids)).to.deep.equal([3]);
    expect(dataset.report.degenerateBoxes).to.equal(3);
  });

  it("uses the extent of the polygons if no box is given", async () => {
    const json = valid();
    delete json.annotations[0]!.bbox;
    delete json.annotations[0]!.area;
    const { boxes, areas } = (await open(json)).instances(0);
    expect(Array.from(boxes.subarray(0, 4))).to.deep.equal([2, 1, 7, 5]);
    expect(areas[0]).to.equal(20);
  });

  it("uses the box of the run lengths if none is given, and treats null as none", async () => {
    const json = valid();
    json.annotations[0]!.bbox = null;
    delete json.annotations[2]!.bbox;
    const { boxes } = (await open(json)).instances(0);
    expect(Array.from(boxes.subarray(0, 4))).to.deep.equal([2, 1, 7, 5]);
    expect(Array.from(boxes.subarray(8, 12))).to.deep.equal(Array.from(rleBoxXyxy(rle)));
    Object.assign(json.annotations[2]!, { segmentation: { size: [10, 20], counts: [200] } });
    expect(await userMessage(() => open(json))).to.match(/annotation 6: bbox is missing, and the mask .* is empty$/);
    delete json.annotations[2]!.segmentation;
    expect(await userMessage(() => open(json))).to.match(/annotation 6: bbox is missing, and there is no mask/);
  });

  it("has masks if any object but a crowd has one, and counts objects without", async () => {
    const json = valid();
    delete json.annotations[0]!.segmentation;
    const some = await open(json);
    expect(some.hasMasks).to.equal(true);
    expect(some.report).to.include({ withoutMask: 1, singlesWithoutMask: 1 });
    delete json.annotations[2]!.segmentation;
    const none = await open(json);
    expect(none.hasMasks, "a crowd's does not count").to.equal(false);
    expect(none.report).to.include({ withoutMask: 2, singlesWithoutMask: 2 });
  });

  const broken: readonly [string, (json: Json) => unknown, RegExp][] = [
    [
      "an unknown category id",
      (j) => (j.annotations[1]!.category_id = 7),
      /annotation 5: category_id 7 is not in the list of categories/,
    ],
    [
      "an unknown image id",
      (j) => (j.annotations[1]!.image_id = 7),
      /annotation 5: image_id 7 is not in the list of images/,
    ],
    [
      "a polygon of two points",
      (j) => (j.annotations[0]!.segmentation = [[1, 2, 3, 4]]),
      /annotation 1: polygon has 4 numbers; a polygon needs at least 3 points/,
    ],
    [
      "an odd polygon",
      (j) => (j.annotations[0]!.segmentation = [[1, 2, 3, 4, 5, 6, 7]]),
      /annotation 1: polygon has 7 numbers/,
    ],
    [
      "a polygon with a non-number",
      (j) => (j.annotations[0]!.segmentation = [[1, 2, 3, 4, null, 6]]),
      /annotation 1: polygon holds null/,
    ],
    ["a box with a non-number", (j) => (j.annotations[0]!.bbox = [1, "2", 3, 4]), /annotation 1: bbox holds "2"/],
    [
      "a box of three",
      (j) => (j.annotations[0]!.bbox = [1, 2, 3]),
      /annotation 1: bbox must be \[x, y, width, height\]/,
    ],
    [
      "a mask of another size",
      (j) => (j.annotations[2]!.segmentation = { size: [20, 10], counts: "" }),
      /annotation 6: the mask's size is \[20,10\].*\[10,20\]/,
    ],
    ["annotation ids that repeat", (j) => (j.annotations[1]!.id = 1), /annotation 1: this id occurs twice/],
    ["image ids that repeat", (j) => (j.images[1]!.id = 70), /image 70: this id occurs twice/],
    [
      "category names that repeat",
      (j) => (j.categories[1]!.name = "tooth brush"),
      /two categories are named "tooth brush"/,
    ],
    [
      "a missing image",
      (j) => (j.images[0]!.file_name = "A.jpg"),
      /A\.jpg: this image of .*\(image 70\) is missing; there is a\.png/,
    ],
    [
      "a width of 0",
      (j) => (j.images[0]!.width = 0),
      /image 70: width and height must be whole numbers of at least 1, not 0 and 10/,
    ],
    [
      "image ids that cannot be told apart",
      (j) => (j.images[1]!.id = 2 ** 53),
      /image number 2: "id" is about 9007199254740992, but ids of 2\^53 \(9007199254740992\) and above cannot be told apart/,
    ],
    [
      "annotation ids that cannot be told apart",
      (j) => (j.annotations[1]!.id = 2 ** 60),
      /annotation number 2: "id" is about 1152921504606847000, but ids of 2\^53/,
    ],
    [
      "ids that are not whole numbers",
      (j) => (j.images[1]!.id = 1.5),
      /image number 2: "id" is 1\.5, but ids must be whole/,
    ],
    [
      "an image id that cannot be told apart",
      (j) => (j.annotations[1]!.image_id = -(2 ** 53)),
      /annotation 5: "image_id" is about -9007199254740992, but ids of 2\^53/,
    ],
    [
      "a crowd flag that is a string",
      (j) => (j.annotations[1]!.iscrowd = "1"),
      /annotation 5: iscrowd must be 0 or 1, not "1"/,
    ],
    ["no annotation id", (j) => delete j.annotations[1]!.id, /annotation number 2: id is missing/],
    [
      "no images",
      (j) => Object.assign(j, { images: [], annotations: [] }),
      /the data set is empty: it lists no images/,
    ],
    ["no list of categories", (j) => Reflect.deleteProperty(j, "categories"), /the list "categories" is missing/],
  ];
  for (const [what, spoil, message] of broken) {
    it(`refuses ${what}`, async () => {
      const json = valid();
      spoil(json);
      const told = await userMessage(() => open(json));
      expect(told).to.match(message);
      expect(told).not.to.contain("\n");
    });
  }

  for (const word of ["NaN", "Infinity", "-Infinity"]) {
    it(`names the annotation that holds ${word}, as Python writes it`, async () => {
      const text = JSON.stringify(valid()).replace("[5,3,4,7]", `[5, ${word}, 4, 7]`);
      expect(await userMessage(() => open(text))).to.match(/annotation 5: bbox holds (NaN|-?Infinity)/);
    });
  }

  it("refuses invalid JSON, a missing class and a set without the chosen classes", async () => {
    expect(await userMessage(() => open("{"))).to.contain("not valid JSON");
    expect(await userMessage(() => open(valid(), { classes: ["cars"] }))).to.contain('did you mean "car"?');
    expect(await userMessage(() => open({ ...valid(), annotations: [] }, { dropEmpty: true }))).to.contain(
      "no image has an object",
    );
  });

  it("refuses damaged run lengths and images of another size when loading them", async () => {
    const json = valid();
    json.annotations[1]!.segmentation = { size: [10, 20], counts: [1, 2] };
    const dataset = await open(json);
    expect(await userMessage(() => dataset.load(0))).to.match(/a\.png: annotation 5: the run lengths cover 3 pixels/);
    const turned = valid();
    turned.images[1] = { id: 30, file_name: "sub/b.png", width: 16, height: 8 };
    const other = await open(turned);
    expect(await userMessage(() => other.load(1))).to.match(
      /b\.png: the image is 8×16, its annotation says 16×8.*EXIF/,
    );
  });

  for (const [name, file, images] of [
    ["facade", "instances_validation.json", "images/validation"],
    ["fruits-nuts", "instances_val.json", "val"],
    ["coco-mini", "annotations/instances_val2017.json", "val2017"],
    ["bccd", "instances_val.json", "val"],
  ] as const) {
    it(`reads ${name}: masks match the annotated boxes`, async function () {
      const root = requireData(this, name);
      const json = readJson<Json>(join(root, file));
      const dataset = await openCoco({ annotations: join(root, file), images: join(root, images) });
      const { report } = dataset;
      expect(report.objects + report.degenerateBoxes).to.equal(json.annotations.length);
      expect(dataset.length).to.equal(json.images.length);
      let compared = 0;
      for (let i = 0; i < dataset.length; i++) {
        const { boxes, masks, areas, crowd } = dataset.instances(i);
        for (const [k, mask] of masks.entries()) {
          if (mask === undefined || crowd[k] === 1 || areas[k]! < 100) continue;
          const size = Math.max(boxes[k * 4 + 2]! - boxes[k * 4]!, boxes[k * 4 + 3]! - boxes[k * 4 + 1]!);
          for (const [c, corner] of rleBoxXyxy(mask).entries()) {
            expect(corner).to.be.closeTo(boxes[k * 4 + c]!, 3 + 0.02 * size);
          }
          expect(rleArea(mask)).to.be.closeTo(areas[k]!, 40 + 0.1 * areas[k]!);
          compared++;
        }
      }
      if (name !== "bccd") expect(compared).to.be.above(30);
      expect((await dataset.load(0)).image.width).to.equal(dataset.images[0]!.width);
    });
  }
});
