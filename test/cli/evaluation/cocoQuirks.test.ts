import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { accepted, refused } from "../refused.js";

// Exporters' files as text, because numbers beyond 2^53 change once they are JavaScript's.
const TRUTH =
  '{"images":[{"id":1,"width":64,"height":48},{"id":2,"width":64,"height":48}],"categories":[{"id":1,"name":"cat"}],' +
  '"annotations":[{"id":1,"image_id":1,"category_id":1,"bbox":[2,2,10,10],"iscrowd":0},' +
  '{"id":2,"image_id":2,"category_id":1,"bbox":[30,20,12,12],"iscrowd":0}]}';
const RESULTS =
  '[{"image_id":1,"category_id":1,"bbox":[2,2,10,10],"score":0.9},' +
  '{"image_id":2,"category_id":1,"bbox":[30,20,12,12],"score":0.8}]';

describe("evaluate --annotations A --results R on exporters' files", () => {
  let folder = "";
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "densekit-quirks-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  async function args(truth: string, results: string): Promise<string[]> {
    const [annotations, found] = [join(folder, "truth.json"), join(folder, "found.json")];
    await writeFile(annotations, truth);
    await writeFile(found, results);
    return ["evaluate", "--annotations", annotations, "--results", found, "--type", "bbox"];
  }

  async function judge(truth: string, results: string) {
    const { stdout, stderr } = await accepted([...(await args(truth, results)), "--json"]);
    const report: { stats: number[]; perCategory: { name: string }[]; remarks: string[] } = JSON.parse(stdout);
    const { stats, perCategory, remarks } = report;
    return { ap: stats[0]!, names: perCategory.map(({ name }) => name), remarks, stderr };
  }

  it("evaluates files without faults", async () => {
    const { ap, names, stderr } = await judge(TRUTH, RESULTS);
    expect(ap).to.be.closeTo(1, 1e-12);
    expect({ names, stderr }).to.deep.equal({ names: ["cat"], stderr: "" });
  });

  it("refuses ids that JavaScript cannot tell apart, wherever they are", async () => {
    const cannot = "ids of 2^53 (9007199254740992) and above cannot be told apart; use smaller ones";
    for (const [truth, results, where] of [
      [TRUTH.replace('"id":2,"width"', '"id":9007199254740993,"width"'), RESULTS, /truth\.json: images\[1\]: "id" is/],
      [TRUTH.replace('"id":2,"image', '"id":9007199254740993,"image'), RESULTS, /truth\.json: annotations\[1\]: "id" /],
      [TRUTH.replace('_id":2', '_id":-9007199254740993'), RESULTS, /truth\.json: annotation 2: "image_id" is about -9/],
      [TRUTH.replace('"id":1,"name"', '"id":1e300,"name"'), RESULTS, /truth\.json: categories\[0\]: "id" is/],
      [TRUTH, RESULTS.replace('image_id":2', 'image_id":9007199254740993'), /found\.json: result 1: "image_id" is/],
      [
        TRUTH,
        RESULTS.replace('category_id":1', 'category_id":9007199254740992'),
        /found\.json: result 0: "category_id"/,
      ],
    ] as const) {
      expect(await refused(await args(truth, results)))
        .to.match(where)
        .and.contain(cannot);
    }
    expect(
      (
        await judge(
          TRUTH.replaceAll(/id":2\b/g, 'id":9007199254740991'),
          RESULTS.replace('_id":2', '_id":9007199254740991'),
        )
      ).ap,
    ).to.be.closeTo(1, 1e-12);
  });

  for (const [what, truth, results, message] of [
    [
      "an image id that is a string in the results",
      TRUTH,
      RESULTS.replace('image_id":1', 'image_id":"1"'),
      /found\.json: result 0: "image_id" is the text "1", but the ground truth's ids are numbers; write it without quotes$/,
    ],
    [
      "a category id that is a string in the results",
      TRUTH,
      RESULTS.replace('category_id":1', 'category_id":"1"'),
      /found\.json: result 0: "category_id" is the text "1", but the ground truth's ids are numbers/,
    ],
    [
      "a category id that is a string in an annotation",
      TRUTH.replace('category_id":1', 'category_id":"1"'),
      RESULTS,
      /truth\.json: annotation 1: "category_id" is the text "1", but COCO's ids are numbers; write it without quotes$/,
    ],
    [
      "a category whose id is a string",
      TRUTH.replace('"id":1,"name"', '"id":"1","name"'),
      RESULTS,
      /truth\.json: categories\[0\]: "id" is the text "1", but COCO's ids are numbers/,
    ],
    [
      "an id that is not a whole number",
      TRUTH.replace('"id":1,"width"', '"id":1.5,"width"'),
      RESULTS,
      /truth\.json: images\[0\]: "id" is 1\.5, but ids must be whole numbers$/,
    ],
    [
      "a category named by an object",
      TRUTH.replace('"name":"cat"', '"name":{}'),
      RESULTS,
      /truth\.json: categories\[0\]: "name" must be a text, not {}$/,
    ],
    [
      "a crowd flag that is a string, which would always be true",
      TRUTH.replace('"iscrowd":0', '"iscrowd":"0"'),
      RESULTS,
      /truth\.json: annotation 1: "iscrowd" must be 0 or 1, not "0"$/,
    ],
    [
      "a panoptic file",
      TRUTH.replace('"id":1,"image_id":1,"category_id":1', '"image_id":1,"segments_info":[]'),
      RESULTS,
      /annotations\[0\]: "id" is missing; this is a panoptic file, but one of instances is needed$/,
    ],
    [
      "a file of captions",
      TRUTH.replace('"category_id":1', '"caption":"a cat"'),
      RESULTS,
      /annotation 1: "category_id" is missing; this is a file of captions, but one of instances is needed$/,
    ],
    [
      "a ground truth that is a list",
      "[]",
      RESULTS,
      /truth\.json: this file holds a list, but a COCO instances file is an object with images, annotations and categ/,
    ],
    [
      "a result whose box is null",
      TRUTH,
      RESULTS.replace("[2,2,10,10]", "null"),
      /found\.json: result 0: "bbox" is null, and there is no mask to take a box from$/,
    ],
  ] as const) {
    it(`refuses ${what}`, async () => expect(await refused(await args(truth, results))).to.match(message));
  }

  it("accepts a number as a category's name, and uses its id if it has none", async () => {
    const { ap, names } = await judge(TRUTH.replace('"cat"', "3"), RESULTS);
    expect(ap).to.be.closeTo(1, 1e-12);
    expect(names).to.deep.equal(["3"]);
    const { stdout } = await accepted(await args(TRUTH.replace('"cat"', "3"), RESULTS));
    expect(stdout).to.match(/^3 +1\.000/m);
    expect((await judge(TRUTH.replace('"cat"', "null"), RESULTS)).names).to.deep.equal(["1"]);
  });

  it("reports results of categories that the ground truth lacks, which count for nothing", async () => {
    const shifted = RESULTS.replaceAll('category_id":1', 'category_id":0');
    const all = await judge(TRUTH, shifted);
    const remark =
      "2 of 2 results count for nothing, of categories that the ground truth lacks: 0 (2 results); judged are the " +
      "categories 1 (cat)";
    expect(all).to.deep.include({ ap: 0, stderr: `note: ${remark}\n`, remarks: [remark] });
    const more = Array.from({ length: 7 }, (_, k) => `{"id":${k + 2},"name":"c${k + 2}"}`);
    const strays = Array.from(
      { length: 9 },
      (_, k) => `{"image_id":1,"category_id":${20 + Math.min(k, 6)},"bbox":[0,0,1,1],"score":0.5}`,
    );
    const truth = TRUTH.replace('"cat"}', `"cat"},${more.join(",")}`);
    const some = await judge(truth, RESULTS.replace(/]$/, `,${strays.join(",")}]`));
    expect(some.remarks).to.deep.equal([
      "9 of 11 results count for nothing, of categories that the ground truth lacks: 26 (3 results), 20 (1 result), " +
        "21 (1 result), 22 (1 result), 23 (1 result), … (2 more); judged are the categories 1 (cat), 2 (c2), 3 (c3), " +
        "4 (c4), 5 (c5), … (3 more)",
    ]);
    const threads = await accepted([...(await args(TRUTH, shifted)), "--json", "--threads", "2"]);
    expect(threads.stderr).to.equal(`note: ${remark}\n`);
  });

  it("counts an object with annotation id 0 as missed, as the reference does, and says so", async () => {
    const { ap, stderr } = await judge(TRUTH.replace('"id":1,"image_id"', '"id":0,"image_id"'), RESULTS);
    expect(ap).to.be.closeTo(0.252, 5e-4); // what pycocotools prints: 0.252
    expect(stderr).to.equal(
      'note: an annotation has the id 0, which COCO\'s reference takes for "no match": its object counts as missed ' +
        "whatever is found, here as there; number annotations from 1\n",
    );
  });

  it("accepts true, false, null and a missing crowd flag, and the category 0", async () => {
    for (const [crowd, ap] of [
      ["false", 1],
      ["null", 1],
      ["true", -1],
    ] as const) {
      expect((await judge(TRUTH.replaceAll('"iscrowd":0', `"iscrowd":${crowd}`), RESULTS)).ap).to.be.closeTo(ap, 1e-12);
    }
    const zero = (text: string) => text.replaceAll('category_id":1', 'category_id":0').replace('1,"name"', '0,"name"');
    expect((await judge(zero(TRUTH), zero(RESULTS))).ap).to.be.closeTo(1, 1e-12);
  });
});
