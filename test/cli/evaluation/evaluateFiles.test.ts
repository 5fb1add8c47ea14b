import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { PNG } from "pngjs";
import { goldens } from "../../support/goldens.js";
import { accepted, refused } from "../refused.js";

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "densekit-evaluate-"));
});
after(() => rm(folder, { recursive: true, force: true }));

async function write(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
  return path;
}

const TRUTH = {
  images: [
    { id: 7, width: 10, height: 10 },
    { id: 8, width: 10, height: 10 },
  ],
  categories: [{ id: 3, name: "nut" }],
  annotations: [
    {
      id: 1,
      image_id: 7,
      category_id: 3,
      bbox: [2, 2, 4, 4],
      area: 16,
      iscrowd: 0,
      segmentation: [[2, 2, 2, 6, 6, 6, 6, 2]],
    },
  ],
};
const RESULT = { image_id: 7, category_id: 3, score: 0.9, bbox: [2, 2, 4, 4] };

async function args(results: string | Uint8Array, type = "bbox", truth: unknown = TRUTH): Promise<string[]> {
  const annotations = await write("truth.json", JSON.stringify(truth));
  return ["evaluate", "--annotations", annotations, "--results", await write("found.json", results), "--type", type];
}

describe("evaluate --annotations A --results R", () => {
  for (const { place, open } of goldens("cocoeval")) {
    it(`prints the reference's lines, and its metrics as JSON: ${place}`, async function () {
      const { json } = open(this);
      const expected =
        json<Record<string, { stats: number[]; AP_per_category: number[]; summary?: string[] }>>("small.expected.json");
      const given = (type: string) => args(JSON.stringify(json(`small.${type}.json`)), type, json("small.gt.json"));
      for (const type of ["bbox", "segm"]) {
        const { stdout } = await accepted([...(await given(type)), "--json"]);
        expect(stdout.split("\n")).to.have.length(2);
        const report: { stats: number[]; perCategory: { name: string; ap: number }[] } = JSON.parse(stdout);
        const { stats, AP_per_category } = expected[`${type}_default`]!;
        stats.forEach((value, i) => {
          expect(report.stats[i]).to.be.closeTo(value, 1e-12);
        });
        report.perCategory.forEach(({ ap }, k) => {
          expect(ap).to.be.closeTo(AP_per_category[k]!, 1e-12);
        });
      }
      const lines = (await accepted(await given("bbox"))).stdout.split("\n");
      const first = " Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.166"; // of the recordings
      const { summary = [first] } = expected.bbox_default!;
      expect(lines.slice(0, summary.length)).to.deep.equal(summary);
      expect(lines[11]).to.match(/^ Average Recall {5}\(AR\) @\[ IoU=0\.50:0\.95 \| area= large \| maxDets=100 \] = /);
      expect(lines[13]).to.match(/^category +AP +AP50 +AP75 +AR$/);
      expect(lines[14]).to.match(/0\.\d{3} +0\.\d{3}/);
    });
  }

  it("takes thresholds, limits, size classes, categories and images", async () => {
    const shifted = { ...RESULT, bbox: [3, 2, 4, 4] }; // IoU 0.6
    const given = await args(JSON.stringify([shifted]));
    const stats = async (...more: string[]): Promise<number[]> =>
      JSON.parse((await accepted([...given, "--json", ...more])).stdout).stats;
    expect((await stats("--iou", "0.5,0.6"))[0]).to.be.closeTo(1, 1e-12);
    expect((await stats("--iou", "0.61"))[0]).to.equal(0);
    expect((await stats("--areas", "all:0-1e10,small:17-1e3"))[3]).to.equal(-1);
    expect((await stats("--images", "8"))[0]).to.equal(-1);
    expect((await stats("--images", `@${await write("ids.txt", "7\n8\n")}`))[1]).to.be.closeTo(1, 1e-12);
    expect((await stats("--categories", "nut", "--max-detections", "1,2,3"))[1]).to.be.closeTo(1, 1e-12);
    expect((await stats("--class-agnostic", "--threads", "2"))[1]).to.be.closeTo(1, 1e-12);
  });

  it("handles no results, boxes of masks, and a set with one class", async () => {
    const none = JSON.parse((await accepted([...(await args("[]")), "--json"])).stdout);
    expect(none.stats.slice(0, 4)).to.deep.equal([0, 0, 0, 0]);
    expect(none.stats[5]).to.equal(-1); // no large objects
    expect(none.perCategory).to.deep.equal([{ id: 3, name: "nut", ap: 0, ap50: 0, ap75: 0, ar: 0 }]);
    const mask = {
      ...RESULT,
      bbox: undefined,
      segmentation: { size: [10, 10], counts: [22, 4, 6, 4, 6, 4, 6, 4, 44] },
    };
    for (const type of ["bbox", "segm"]) {
      const found = JSON.parse((await accepted([...(await args(JSON.stringify([mask]), type)), "--json"])).stdout);
      expect(found.stats[0]).to.be.closeTo(1, 1e-12);
    }
  });

  const one = (change: object) => JSON.stringify([RESULT, { ...RESULT, ...change }]);
  const mask = (counts: unknown, size: unknown = [10, 10]) =>
    JSON.stringify([{ ...RESULT, segmentation: { size, counts } }]);
  for (const [what, results, type, message] of [
    ["an unknown image", one({ image_id: 99 }), "bbox", /result 1: the ground truth has no image 99; are these/],
    [
      "a NaN score",
      '[{"image_id":7,"category_id":3,"bbox":[1,1,2,2],"score":NaN}]',
      "bbox",
      /result 0: the score must be a number/,
    ],
    [
      "a missing score",
      '[{"image_id":7,"category_id":3,"bbox":[1,1,2,2]}]',
      "bbox",
      /result 0: the score must be a number/,
    ],
    ["a box of text", one({ bbox: "1 2 3 4" }), "bbox", /result 1: "bbox" must be 4 numbers .*"1 2 3 4"/],
    ["neither box nor mask", one({ bbox: undefined }), "bbox", /result 1: "bbox" is missing, and there is no mask/],
    ["a result that is a list", "[[1, 2]]", "bbox", /result 0: must be an object, not \[1,2\]/],
    ["runs that are too short", mask("11"), "segm", /result 0: the run lengths cover 2 pixels, but 10 × 10/],
    ["runs that are too long", mask([0, 101]), "segm", /result 0: the run lengths cover 101 pixels/],
    ["a run longer than any image", mask("ooooooooooo1"), "segm", /result 0: the compressed run lengths are damaged/],
    ["a wrong character", mask("1~"), "segm", /result 0: .*the character "~" out of place at 1/],
    ["a string cut short", mask("1o"), "segm", /result 0: .*ends in the middle of a count/],
    ["another size", mask([25], [5, 5]), "segm", /result 0: the mask's size is \[5,5\].*\[10,10\]/],
    ["no size", mask([100], null), "segm", /result 0: a mask is a list of polygons, or an object of "size"/],
    [
      "a polygon of numbers",
      JSON.stringify([{ ...RESULT, segmentation: [1, 2] }]),
      "segm",
      /result 0: a polygon is a list x0/,
    ],
    ["an object", '{"annotations": []}', "bbox", /holds a list of results, but this is an annotation file/],
    ["no JSON", "image_id,score", "bbox", /not valid JSON: the file must hold a list/],
    ["a broken element", '[{"image_id": 7, }]', "bbox", /not valid JSON in bytes 1 to 18/],
    ["a file cut short", '[{"image_id": 7', "bbox", /the file ends too early; is it complete\?/],
    ["a file that is not UTF-8", Buffer.from('["caf\xe9"]', "latin1"), "bbox", /not UTF-8/],
    ["an empty file", "", "bbox", /not valid JSON/],
  ] as const) {
    it(`refuses ${what}`, async () => {
      expect(await refused(await args(results, type)))
        .to.match(message)
        .and.contain("found.json: ");
    });
  }

  for (const [what, truth, message] of [
    ["no annotations", { ...TRUTH, annotations: undefined }, /the list "annotations" is missing/],
    ["an image without id", { ...TRUTH, images: [{ width: 1 }] }, /images\[0\]: "id" is missing/],
    ["an annotation of no image", { ...TRUTH, images: [] }, /annotation 1: unknown image id 7/],
    [
      "an id that comes twice",
      { ...TRUTH, annotations: [...TRUTH.annotations, ...TRUTH.annotations] },
      /annotation 1: the id occurs twice/,
    ],
    [
      "an area of text",
      { ...TRUTH, annotations: [{ ...TRUTH.annotations[0], area: "16" }] },
      /annotation 1: "area" must be a number, not "16"/,
    ],
  ] as const) {
    it(`refuses a ground truth with ${what}`, async () => {
      expect(await refused(await args("[]", "bbox", truth)))
        .to.match(message)
        .and.contain("truth.json: ");
    });
  }

  it("refuses masks where the images' sizes are unknown", async () => {
    const truth = { ...TRUTH, images: [{ id: 7 }] };
    expect(await refused(await args("[]", "segm", truth))).to.match(/annotation 1: its image has no "height"/);
  });

  it("explains faulty command lines", async () => {
    const given = await args("[]");
    for (const [more, message, code] of [
      [["--iou", "half"], /^--iou: a list of numbers .*"half"/, 2],
      [["--iou", "5,-1"], /^--iou \(iouThresholds in the API\): numbers from 0 to 1 are expected, not 5$/, 2],
      [
        ["--max-detections", "0"],
        /^--max-detections \(maxDetections in the API\): whole numbers from 1 on are expected, not 0$/,
        2,
      ],
      [
        ["--areas", "all:0-9,a:1-0"],
        /^--areas \(areaRanges in the API\): ranges whose low end is not above the high one are expected, not a:1-0$/,
        2,
      ],
      [["--areas", "small"], /^--areas: name:low-high .*"small"/, 2],
      [["--images", "1,,2"], /^--images: a list of numbers/, 2],
      [["--images", "12"], /no image 12, which is to be judged/, 1],
      [["--categories", "nuts"], /no category "nuts"; did you mean nut\?/, 1],
      [["--threads", "0"], /^--threads: a whole number from 1/, 2],
      [["--predictions", "maps"], /^name a model, or give --annotations/, 2],
    ] as const) {
      expect(await refused([...given, ...more], { code }), more.join(" ")).to.match(message);
    }
    expect(await refused(["evaluate"], { code: 2 })).to.match(/^name a model, or give --annotations/);
    const noType = given.slice(0, -2);
    expect(await refused(noType, { code: 2 })).to.match(/^--type is missing: bbox .* segm/);
  });
});

describe("evaluate --predictions P --annotations A", () => {
  async function map(name: string, width: number, values: readonly number[]): Promise<void> {
    const png = new PNG({
      width,
      height: values.length / width,
      colorType: 0,
      inputHasAlpha: false,
      inputColorType: 0,
    });
    png.data = Buffer.from(values);
    await write(name, PNG.sync.write(png, { colorType: 0, inputColorType: 0, inputHasAlpha: false }));
  }
  const given = (set: string, ...more: string[]) => {
    const folders = ["--predictions", join(folder, set, "found"), "--annotations", join(folder, set, "truth")];
    return ["evaluate", ...folders, ...more];
  };

  it("counts all images, including subfolders, with names and in threads", async () => {
    for (let i = 0; i < 40; i++) {
      const name = i % 2 === 0 ? `a/${i}.png` : `${i}.png`;
      await map(`many/truth/${name}`, 2, [1, 1, 2, 255]);
      await map(`many/found/${name}`, 2, [1, 2, 2, 2]);
    }
    await write("many/found/notes.txt", "not a map");
    const classes = await write("names.txt", "road\n\n car \nsky\n");
    for (const threads of ["1", "2"]) {
      const { stdout } = await accepted(given("many", "--classes", classes, "--threads", threads, "--json"));
      const { images, ignoredPixels, metrics, perClass } = JSON.parse(stdout);
      expect({ images, ignoredPixels }).to.deep.equal({ images: 40, ignoredPixels: 40 });
      expect(metrics.aAcc).to.be.closeTo(2 / 3, 1e-12);
      expect(metrics.mIoU).to.be.closeTo(0.5, 1e-12);
      expect(metrics.mAcc).to.be.closeTo(0.75, 1e-12);
      expect(metrics.mDice).to.be.closeTo(2 / 3, 1e-12);
      expect(perClass[0]).to.deep.equal({
        name: "road",
        label: 0,
        metrics: { IoU: null, Acc: null, Dice: null, Fscore: null, Precision: null },
      });
      expect(perClass[1].metrics.IoU).to.equal(0.5);
    }
    const { stdout } = await accepted(given("many"));
    expect(stdout)
      .to.match(/^mIoU +0\.5000$/m)
      .and.match(/^class 0 +0 +– +– +– +– +–$/m)
      .and.match(/^class 2 +2 +0\.5000 +1\.0000/m);
  });

  it("reduces label 0, resizes and ignores as asked; a single class is fine", async () => {
    await map("odd/truth/a.png", 2, [0, 1, 1, 7]);
    await map("odd/found/a.png", 1, [0, 0]);
    const args = given("odd", "--reduce-zero-label", "--ignore-index", "7", "--resize", "--json");
    const { metrics, perClass, ignoredPixels } = JSON.parse((await accepted(args)).stdout);
    expect(ignoredPixels).to.equal(2);
    expect(metrics.mIoU).to.equal(1);
    expect(perClass).to.have.length(1);
  });

  it("refuses a list of names that is longer or shorter than the labels need", async () => {
    await map("named/truth/a.png", 2, [0, 1, 2, 3]);
    await map("named/found/a.png", 2, [0, 0, 1, 2]);
    const long = await write("long.txt", "background\ndate\nfig\nhazelnut\n");
    const short = await write("short.txt", "date\nfig\n");
    const fitting = await write("fitting.txt", "date\nfig\nhazelnut\n");
    const table = await write("table.txt", "Idx\tName\n1\tdate\n2\tfig\n3\thazelnut\n4\tcashew\n");
    const reduced = (...more: string[]) => given("named", "--reduce-zero-label", ...more);
    expect(await refused(reduced("--classes", long))).to.match(
      /truth: the highest label is 3, but of the 4 class names background is that of 1 and hazelnut that of 4; is a name too many at the beginning, or --reduce-zero-label\? If these maps have none of hazelnut, give the names as a table by --object-info, which may have more$/,
    );
    expect(await refused(reduced("--classes", short))).to.match(/the label map holds class 2, but there are 2 classes/);
    const { stdout } = await accepted(reduced("--classes", fitting));
    expect(stdout)
      .to.match(/^date +1 +1\.0000/m)
      .and.match(/^hazelnut +3 +1\.0000/m);
    const { perClass } = JSON.parse((await accepted(reduced("--object-info", table, "--json"))).stdout);
    expect(perClass.map(({ name, label }: { name: string; label: number }) => `${label} ${name}`)).to.deep.equal([
      "1 date",
      "2 fig",
      "3 hazelnut",
      "4 cashew",
    ]);
    expect(await refused(reduced("--object-info", table, "--classes", fitting), { code: 2 })).to.match(
      /--classes and --object-info both give the class names; leave one out$/,
    );
  });

  it("names the file with no class names, or more than a label map can hold", async () => {
    await map("named/truth/a.png", 2, [0, 1, 2, 3]);
    await map("named/found/a.png", 2, [0, 0, 1, 2]);
    const empty = await write("empty.txt", "\n \n");
    expect(await refused(given("named", "--classes", empty))).to.equal(
      `${empty}: there are no class names, but label maps of 8 bits hold 1 to 255 classes`,
    );
    const many = await write("many.txt", Array.from({ length: 256 }, (_, i) => `c${i}`).join("\n"));
    expect(await refused(given("named", "--classes", many))).to.equal(
      `${many}: there are 256 class names, but label maps of 8 bits hold 1 to 255 classes`,
    );
    const header = await write("header.txt", "Idx\tName\n");
    expect(await refused(given("named", "--object-info", header))).to.equal(
      `${header}: the table names no class below its first line`,
    );
    const latin = await write("latin.txt", Buffer.from("caf\xe9\n", "latin1"));
    expect(await refused(given("named", "--classes", latin))).to.equal(
      `${latin}: the text is not UTF-8; save it as UTF-8`,
    );
  });

  it("refuses label maps that are missing, of another size, out of range or not label maps", async () => {
    await map("bad/truth/a.png", 2, [0, 1, 1, 3]);
    expect(await refused(given("bad"))).to.match(/cannot read .*found: no such file/);
    await mkdir(join(folder, "bad/found"), { recursive: true });
    expect(await refused(given("bad"))).to.match(/found.a\.png: the prediction for .*truth.a\.png is missing$/);
    await map("bad/found/a.png", 1, [0, 0]);
    expect(await refused(given("bad"))).to.match(/found.a\.png: the prediction has 1 × 2 .* 2 × 2/);
    await map("bad/found/a.png", 2, [0, 0, 1, 1]);
    const classes = await write("two.txt", "road\ncar\n");
    expect(await refused(given("bad", "--classes", classes))).to.match(/the label map holds class 3, but there are 2/);
    await write("bad/found/a.png", PNG.sync.write(new PNG({ width: 2, height: 2 }), { colorType: 2 }));
    expect(await refused(given("bad"))).to.match(/found.a\.png: a label map must hold one class .* \(3 channels\)/);
    await write("bad/found/a.png", "GIF89a");
    expect(await refused(given("bad"))).to.match(/found.a\.png: a label map must be a PNG/);
    await mkdir(join(folder, "none/truth"), { recursive: true });
    expect(await refused(given("none"))).to.match(/truth: there are no label maps \(\*\.png\)/);
  });
});
