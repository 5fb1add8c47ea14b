import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { referencePages, undocumented } from "../../tools/reference/pages.js";
import { type Entry, type Exported, readApi } from "../../tools/reference/readApi.js";

const FOLDER = fileURLToPath(new URL("../../../docs/reference", import.meta.url)); // from dist/test/package

describe("the reference of the API", function () {
  this.timeout(120_000);
  let api: readonly Entry[];
  before(() => {
    api = readApi();
  });

  it("has a docstring for every export", () => {
    expect(undocumented(api)).to.deep.equal([]);
  });

  it("names what lacks one", () => {
    const one: Exported = { name: "mine", kind: "function", text: "", tags: [], code: "", file: "lib/mine.ts" };
    const entries = [{ name: "densekit", exports: [one, { ...one, name: "told", text: "What it does." }] }];
    expect(undocumented(entries)).to.deep.equal(["densekit: mine (lib/mine.ts)"]);
  });

  it("is that of the code; if not: npm run generate", () => {
    for (const [file, text] of referencePages(api)) {
      expect(readFileSync(join(FOLDER, file), "utf8"), file).to.equal(text);
    }
  });

  it("shows what users see of functions, classes and constants", () => {
    const codeOf = (entry: string, name: string) =>
      api.find((one) => one.name === entry)!.exports.find((one) => one.name === name)!.code;
    expect(codeOf("densekit", "evaluate")).to.equal(
      "function evaluate(options: EvaluateOptions): Promise<EvaluateResult>",
    );
    expect(codeOf("densekit/graph", "relu")).to.equal("const relu: (x: Value) => Value");
    const values = codeOf("densekit/nn", "ParameterValues");
    expect(values).to.match(/^class ParameterValues \{/);
    expect(values).to.not.match(/private|return/);
  });

  it("describes an export once, and links to it from the other entry points", () => {
    const pages = referencePages(api);
    expect(pages.get("densekit-images.md")).to.contain("### decodeImage\n");
    expect(pages.get("densekit.md")).to.not.contain("### decodeImage\n");
    expect(pages.get("densekit.md")).to.contain("[decodeImage](densekit-images.md#decodeimage)");
    // Of two headings that differ in case alone, the second one's anchor is numbered.
    expect(pages.get("README.md")).to.contain("[Convolution](densekit-nn.md#convolution-1)");
  });

  it("refuses an entry point that it does not know", () => {
    expect(() => referencePages([{ name: "densekit/new", exports: [] }])).to.throw(
      "does not say what densekit/new is for",
    );
  });
});
