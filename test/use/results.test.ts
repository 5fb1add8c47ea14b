import { readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect } from "chai";
import { decodeImage } from "../../lib/images/decode.js";
import { mergeRles } from "../../lib/masks/overlap.js";
import { polygonToRle } from "../../lib/masks/polygons.js";
import { decodeRle } from "../../lib/masks/rle.js";
import { compressRle } from "../../lib/masks/strings.js";
import {
  type ClassificationModel,
  type DetectionModel,
  type LoadModelOptions,
  loadModel,
  type SegmentationModel,
} from "../../lib/use/loadModel.js";
import { userMessage } from "../support/failure.js";
import { trainQuietly } from "../support/runs.js";
import { makeShapes, type ShapesData, shapesConfig } from "../support/shapes.js";

describe("what model.predict takes and gives", function () {
  this.timeout(120_000);
  let data: ShapesData;
  const runOf = (task: string) => join(data.folder, task);
  before(async () => {
    data = await makeShapes(3);
    for (const task of ["detection", "segmentation", "classification"] as const) {
      await trainQuietly(shapesConfig(task, data, runOf(task)), ["training.steps=1"]);
    }
  });
  after(() => rmSync(data.folder, { recursive: true }));
  const models: AsyncDisposable[] = [];
  const opened = <M extends AsyncDisposable>(model: M): M => {
    models.push(model);
    return model;
  };
  afterEach(async () => {
    for (const model of models.splice(0)) await model[Symbol.asyncDispose]();
  });
  const path = (i = 0) => join(data.images, `${i}.png`);
  const overrides = ["model.head.test.scoreThreshold=0", "model.head.test.maxPerImage=20", "data.testBatchSize=1"];
  const load = async (options: LoadModelOptions = { overrides }) =>
    (await loadModel(runOf("detection"), options)) as DetectionModel;

  it("takes images in every form, with the same result", async () => {
    const model = opened(await load());
    const own = await model.predict(path());
    expect(own).to.have.length.above(0);
    const bytes = readFileSync(path());
    const rgb = await decodeImage(path());
    const rgba = Uint8ClampedArray.from({ length: 4 * rgb.width * rgb.height }, (_, i) =>
      i % 4 === 3 ? 7 : rgb.data[3 * (i >> 2) + (i % 4)]!,
    );
    const server = createServer((_, response) => response.end(bytes));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/a.png`;
    const forms = {
      "file: URL": pathToFileURL(path()),
      Buffer: bytes,
      Uint8Array: new Uint8Array(bytes),
      ArrayBuffer: new Uint8Array(bytes).buffer,
      Blob: new Blob([new Uint8Array(bytes)]),
      RGB: rgb,
      "RGBA, as ImageData": { width: rgb.width, height: rgb.height, data: rgba },
      address,
      URL: new URL(address),
    };
    for (const [form, image] of Object.entries(forms)) {
      expect(await model.predict(image), form).to.deep.equal(own);
      expect(await (await model.predict(image)).draw(), form).to.deep.equal(await own.draw());
    }
    server.close();
  });

  it("says what came where it is no image", async () => {
    const model = opened(await load());
    const told = (image: unknown) => userMessage(() => model.predict(image as string));
    const needed =
      "the image: a path, an address, the bytes of a file, a Blob, or { width, height, data } is needed, not ";
    expect(await told(undefined)).to.equal(`${needed}undefined`);
    expect(await told(new Float32Array(4))).to.equal(`${needed}a value of the type Float32Array`);
    expect(await told(new URL("ftp://a.b/c"))).to.contain("ftp://a.b/c");
    expect(await told(new Blob(["text"]))).to.contain("the image: cannot be decoded");
    expect(await userMessage(() => model.predict([path(), { width: 1 } as unknown as string]))).to.match(
      /^image 2: a path, an address/,
    );
  });

  it("takes lists, and images as they come, batched if the config says so, in their order", async () => {
    const single = [];
    const model = opened(await load());
    for (const i of [0, 1, 2]) single.push(await model.predict(path(i)));
    expect(await model.predict([path(0), path(1), path(2)])).to.deep.equal(single);
    const batched = opened(await load({ overrides: [...overrides, "data.testBatchSize=2"] }));
    const results = [];
    async function* images() {
      for (const i of [0, 1, 2]) yield path(i);
    }
    for await (const result of batched.predict(images())) results.push(result);
    expect(results).to.have.length(3);
    for (const [i, result] of results.entries()) {
      expect(result.length).to.equal(single[i]!.length);
      expect(result[0]!.score).to.be.closeTo(single[i]![0]!.score, 1e-4);
      expect(result[0]!.box.x1).to.be.closeTo(single[i]![0]!.box.x1, 0.05);
    }
  });

  it("keeps what is asked for: classes, and scores from one on; and refuses what does not apply", async () => {
    const model = opened(await load());
    const all = await model.predict(path());
    const least = all[Math.floor(all.length / 2)]!.score;
    const some = await model.predict(path(), { score: least, classes: ["disc"] });
    expect([...some]).to.deep.equal(all.filter(({ score, label }) => score >= least && label === "disc"));
    expect(some.toCoco()).to.have.length(some.length);
    const told = (options: object) => userMessage(() => model.predict(path(), options));
    expect(await told({ classes: ["disk"] })).to.contain('the model has no class "disk"; did you mean "disc"?');
    expect(await told({ score: 2 })).to.equal("the score must be a number in 0–1, not 2");
    expect(await told({ score: "0.5" })).to.equal('the score must be a number in 0–1, not "0.5"');
    expect(await told({ classes: "disc" })).to.contain('a list of names is needed, not "disc"');
    expect(await told({ scores: 0.5 })).to.equal('predict: there is no option "scores"; did you mean "score"?');
    expect(await told({ conf: 0.5 })).to.equal('predict: there is no option "conf"; did you mean "score"?');
    expect(await told({ nms: 0.5 })).to.equal('predict: there is no option "nms"; its options: score, classes, signal');
    const maps = opened((await loadModel(runOf("segmentation"))) as SegmentationModel);
    expect(await userMessage(() => maps.predict(path(), { score: 0.5 }))).to.contain("is for models that find objects");
  });

  it("gives objects whose masks are pixels and outlines, as COCO results and drawn", async () => {
    const model = opened(await load());
    const found = await model.predict(path());
    const mask = found.masks.find(({ counts }) => counts.length > 3)!;
    expect(mask.bitmap()).to.deep.equal(decodeRle(mask));
    const { height, width } = mask;
    const drawn = mask.polygons().map((points) => decodeRle(polygonToRle(points, height, width)));
    expect(
      drawn.reduce((all, one) => all.map((value, i) => value ^ one[i]!), new Uint8Array(height * width)),
    ).to.deep.equal(mask.bitmap());
    expect(mergeRles([mask, found.masks[0]!], "union")).to.include({ height, width });
    const coco = found.toCoco({ imageId: 7 });
    expect(coco).to.have.length(found.length);
    const { box, score, classIndex } = found[0]!;
    expect(coco[0]).to.deep.equal({
      image_id: 7,
      category_id: [3, 4][classIndex],
      score,
      bbox: [box.x1, box.y1, box.x2 - box.x1, box.y2 - box.y1],
      segmentation: { size: [64, 64], counts: compressRle(found.masks[0]!) },
    });
    expect(found.toCoco({ categoryIds: [1, 2] })[0]!.category_id).to.equal(classIndex + 1);
    const image = await decodeImage(path());
    const style = { scoreThreshold: 0, legend: false };
    const shown = await found.draw(style);
    expect(shown).to.include({ width: 64, height: 64 });
    expect(shown.data).to.not.deep.equal(image.data);
    expect(JSON.parse(JSON.stringify(found)))
      .to.be.an("array")
      .with.length(found.length);
    expect(found.map(({ label }) => label).constructor).to.equal(Array);
  });

  it("draws label maps and classes, and gives the pixels of a class", async () => {
    const maps = opened((await loadModel(runOf("segmentation"))) as SegmentationModel);
    const found = await maps.predict(path());
    const sum = found.classes.map((label) =>
      found
        .maskOf(label)
        .bitmap()
        .reduce((a, b) => a + b, 0),
    );
    expect(sum.reduce((a, b) => a + b)).to.equal(64 * 64);
    const ground = found.maskOf("ground").bitmap();
    expect([...ground]).to.deep.equal([...found.labelMap.data].map((value) => (value === 0 ? 1 : 0)));
    expect(await userMessage(() => found.maskOf("sky"))).to.equal(
      'the model has no class "sky"; its classes: ground, disc, square',
    );
    expect(await found.draw({ legend: false })).to.include({ width: 64, height: 64 });
    const classes = opened((await loadModel(runOf("classification"))) as ClassificationModel);
    const likely = await classes.predict(path());
    expect(likely.map(({ label }) => label)).to.have.members(["disc", "square"]);
    expect((await likely.draw()).data).to.have.length.above(0);
  });

  it("ends at once when it is aborted, and when the model is disposed of", async () => {
    const model = await load();
    const reason = new Error("enough");
    const aborted = AbortSignal.abort(reason);
    expect(await model.predict(path(), { signal: aborted }).catch((error) => error)).to.equal(reason);
    const controller = new AbortController();
    async function* endless() {
      yield path();
      await new Promise(() => undefined);
    }
    const end = (async () => {
      for await (const _ of model.predict(endless(), { signal: controller.signal })) controller.abort(reason);
    })();
    expect(await end.catch((error) => error)).to.equal(reason);
    await model[Symbol.asyncDispose]();
    const gone = "the model was disposed of; load it again to predict";
    expect(await userMessage(() => model.predict([path()]))).to.equal(gone);
    expect(await userMessage(() => model.predict(path()))).to.equal(gone);
  });
});
