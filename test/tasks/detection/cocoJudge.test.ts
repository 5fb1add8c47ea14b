import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { openCoco } from "../../../lib/datasets/coco.js";
import { encodePng } from "../../../lib/images/encode.js";
import { cocoJudge } from "../../../lib/tasks/detection/cocoJudge.js";
import { noiseImage } from "../../pixels/images.js";

describe("validation by an annotation file", () => {
  let folder = "";
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "densekit-judge-"));
    await writeFile(join(folder, "a.png"), await encodePng(noiseImage(20, 10)));
  });
  after(() => rm(folder, { recursive: true }));

  async function perfectAp(id: number) {
    const annotations = join(folder, "truth.json");
    const object = { id, image_id: 4, category_id: 9, bbox: [2, 1, 5, 4] };
    const images = [{ id: 4, file_name: "a.png", width: 20, height: 10 }];
    await writeFile(
      annotations,
      JSON.stringify({ images, annotations: [object], categories: [{ id: 9, name: "car" }] }),
    );
    const dataset = await openCoco({ annotations, images: folder });
    const { judge, remarks } = await cocoJudge(annotations, dataset, false);
    const found = {
      imageId: 4,
      boxes: Float32Array.of(2, 1, 7, 5),
      scores: Float32Array.of(0.9),
      labels: Int32Array.of(0),
    };
    return { ap: judge([found]).metrics.boxAP!, remarks, annotations };
  }

  it("is perfect for perfect results", async () => {
    const { ap, remarks } = await perfectAp(1);
    expect(ap).to.be.closeTo(1, 1e-12);
    expect(remarks).to.deep.equal([]);
  });

  it("reports that an annotation with the id 0 is never found, as in the reference", async () => {
    const { ap, remarks, annotations } = await perfectAp(0);
    expect(ap).to.equal(0);
    expect(remarks).to.have.length(1);
    expect(remarks[0]).to.match(/: an annotation has the id 0, which COCO's reference takes for "no match"/);
    expect(remarks[0]).to.contain(annotations);
  });
});
