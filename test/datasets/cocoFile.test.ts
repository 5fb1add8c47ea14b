import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { readCocoFile } from "../../lib/datasets/cocoFile.js";
import { userMessage } from "../support/failure.js";

const images = Array.from({ length: 40 }, (_, id) => ({ id, file_name: `ä ${id} ].jpg`, width: 4, height: 3 }));
const annotations = images.map(({ id }) => ({ id, image_id: id, category_id: 1, segmentation: [[0, 0, 1, 0, 1, 1]] }));
const categories = [{ id: 1, name: "a, b" }];
const info = { year: 2026, contributors: ["images", { annotations: [1] }] };

describe("a COCO file", () => {
  let folder: string;
  const write = (text: string): string => {
    const path = join(folder, "instances.json");
    writeFileSync(path, text);
    return path;
  };
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "coco-file-"));
  });
  after(() => rmSync(folder, { recursive: true }));

  for (const [layout, indent] of [
    ["one line", undefined],
    ["many lines", 2],
  ] as const) {
    it(`is read in pieces as well as whole, written in ${layout}`, async () => {
      const content = { info, annotations, licenses: [{ id: 3 }], categories, nothing: [], images };
      const path = write(JSON.stringify(content, undefined, indent));
      const whole = await readCocoFile(path);
      expect(whole).to.deep.equal({
        images,
        annotations,
        categories,
        bytes: statSync(path).size,
        others: { info, licenses: [{ id: 3 }], nothing: [] },
      });
      expect(await readCocoFile(path, { largestWhole: 0 })).to.deep.equal(whole);
    });
  }

  it("may have empty lists and NaN, in pieces too", async () => {
    const path = write(`{"images": [], "annotations": [{"bbox": [0, NaN]}], "categories": [ ]}`);
    const expected = { images: [], annotations: [{ bbox: [0, Number.NaN] }], categories: [], bytes: 70, others: {} };
    expect(await readCocoFile(path)).to.deep.equal(expected);
    expect(await readCocoFile(path, { largestWhole: 0 })).to.deep.equal(expected);
  });

  for (const [what, text, message] of [
    ["lacks a list", `{"images": [], "annotations": []}`, `the list "categories" is missing`],
    ["is a list", "[1]", "a COCO file is an object"],
    ["breaks off", `{"images": [{"id": 1}`, "not valid JSON"],
    ["has a broken element", `{"images": [{"id" 1}], "annotations": [], "categories": []}`, "not valid JSON"],
    [
      "is broken around its lists",
      `{"info": 1 2, "images": [], "annotations": [], "categories": []}`,
      "not valid JSON",
    ],
  ] as const) {
    it(`that ${what} is refused, in pieces too`, async () => {
      const path = write(text);
      for (const options of [{}, { largestWhole: 0 }]) {
        const found = await userMessage(() => readCocoFile(path, options));
        expect(found).to.include(path).and.include(message);
      }
    });
  }

  it("is kept for the next reader if asked for, while the file does not change", async () => {
    const path = write(`{"images": [], "annotations": [], "categories": []}`);
    const first = await readCocoFile(path, { handOver: true });
    expect(await readCocoFile(path)).to.equal(first);
    const second = await readCocoFile(path);
    expect(second).to.not.equal(first);
    expect(second).to.deep.equal(first);
    await readCocoFile(path, { handOver: true });
    write(`{"images": [1], "annotations": [], "categories": []}`);
    expect((await readCocoFile(path)).images).to.deep.equal([1]);
  });

  it("that is missing is named", async () => {
    const path = join(folder, "none.json");
    expect(await userMessage(() => readCocoFile(path)))
      .to.include(path)
      .and.match(/no such file|not found|does not exist/i);
  });
});
