import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { evaluateCocoFiles } from "../../lib/evaluation/cocoFiles.js";
import { userMessage } from "../support/failure.js";

describe("results of predict evaluated with annotations", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "densekit-predicted-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** Two annotated images, and the predicted ones as in `images.json`. */
  async function judge(annotated: readonly string[], predicted: unknown, results = "results.json") {
    const images = annotated.map((file_name, i) => ({ id: i + 1, file_name, width: 8, height: 8 }));
    const annotations = images.map(({ id }) => ({ id, image_id: id, category_id: 1, bbox: [id, 0, 4, 4] }));
    writeFileSync(
      join(folder, "a.json"),
      JSON.stringify({ images, annotations, categories: [{ id: 1, name: "nut" }] }),
    );
    writeFileSync(
      join(folder, results),
      JSON.stringify(images.map(({ id }) => ({ image_id: id, category_id: 1, bbox: [id, 0, 4, 4], score: 0.5 }))),
    );
    writeFileSync(join(folder, "images.json"), typeof predicted === "string" ? predicted : JSON.stringify(predicted));
    const { stats } = await evaluateCocoFiles({
      annotations: join(folder, "a.json"),
      results: join(folder, results),
      type: "bbox",
    });
    return stats[0];
  }
  const named = (...names: string[]) => ({ images: names.map((file_name, i) => ({ id: i + 1, file_name })) });

  it("are refused if an id is another image's in the annotations", async () => {
    const told = await userMessage(() => judge(["b.png", "a.png"], named("photos/a.png", "photos/b.png")));
    expect(told.replaceAll(`${folder}/`, "")).to.equal(
      "results.json: image 1 of these results is photos/a.png, as images.json says, but in a.json it is b.png; predict with " +
        "--annotations a.json, which takes the ids from there (where the two are the same image all the same, take images.json away)",
    );
  });

  it("are evaluated if the names agree, apart from folders and extensions", async () => {
    expect(await judge(["val/a.jpg", "B.png"], named("c:\\photos\\a.png", "/photos/b.png"))).to.be.closeTo(1, 1e-12);
    expect(await judge(["a.png", "b.png"], { images: [{ id: 7, file_name: "c.png" }] })).to.be.closeTo(1, 1e-12);
  });

  it("are evaluated if the file beside them is not predict's, or belongs to other results", async () => {
    for (const other of ["no JSON", "[1, null]", '{"images": 7}', '{"images": [7, {"id": "1", "file_name": "z"}]}']) {
      expect(await judge(["a.png", "b.png"], other)).to.be.closeTo(1, 1e-12);
    }
    expect(await judge(["a.png", "b.png"], named("b.png", "a.png"), "mine.json")).to.be.closeTo(1, 1e-12);
  });
});
