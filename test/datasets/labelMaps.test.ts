import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { openImageLabels } from "../../lib/datasets/imageLabels.js";
import { ade20kFolders, type LabelMapOptions, openLabelMaps } from "../../lib/datasets/labelMaps.js";
import { decodeLabelMap } from "../../lib/images/decode.js";
import { ADE20K_PALETTE } from "../../lib/images/draw/ade20kPalette.js";
import { encodeIndexedPng, encodePng } from "../../lib/images/encode.js";
import { noiseImage } from "../pixels/images.js";
import { userMessage } from "../support/failure.js";
import { requireData } from "../support/goldens.js";

describe("label map folders", () => {
  let root = "";
  const values = Uint8Array.of(0, 1, 2, 3, 255, 1);

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "densekit-maps-"));
    for (const folder of ["images", "annotations"]) await mkdir(join(root, folder, "train"), { recursive: true });
    await writeFile(join(root, "images/train/a.png"), await encodePng(noiseImage(3, 2)));
    await writeMap("annotations/train/a.png", 3, 2, values);
    await writeFile(
      join(root, "objectInfo3.txt"),
      "Idx\tRatio\tName\n1\t0.5\twall\n2\t0.2\tbuilding, edifice\n3\t0.1\tsky\n",
    );
  });
  afterEach(() => rm(root, { recursive: true }));

  const writeMap = (name: string, width: number, height: number, data: Uint8Array) =>
    writeFile(join(root, name), encodeIndexedPng({ width, height, data }, [[1, 2, 3]]));

  const open = (options: Partial<LabelMapOptions> = {}) =>
    openLabelMaps({ ...ade20kFolders(root, "train"), ...options });

  it("reduces the zero label: 0 is ignored, the others go down by one, and 255 stays", async () => {
    const dataset = await open({ reduceZeroLabel: true });
    expect(dataset.classes).to.deep.equal(["wall", "building, edifice", "sky"]);
    expect(dataset.images).to.deep.equal([{ id: 1, file: "a.png", width: 3, height: 2 }]);
    const { labelMap, image } = await dataset.load(0);
    expect(Array.from(labelMap!.data)).to.deep.equal([255, 0, 1, 2, 255, 0]);
    expect(await dataset.loadLabelMap(0)).to.deep.equal(labelMap);
    expect(image).to.deep.equal(noiseImage(3, 2));
  });

  it("keeps labels as they are otherwise", async () => {
    const dataset = await open({ classes: ["a", "b", "c", "d"] });
    expect(Array.from((await dataset.loadLabelMap(0)).data)).to.deep.equal(Array.from(values));
    expect(dataset.palette).to.have.lengthOf(4);
  });

  it("names file, value and position of a label out of range", async () => {
    const dataset = await open({ classes: ["a", "b"], reduceZeroLabel: true });
    expect(await userMessage(() => dataset.load(0))).to.match(
      /annotations\/train\/a\.png: label 3 at x = 0, y = 1 is out of range: 2 classes have labels 1–2, 0 being ignored/,
    );
    const plain = await open();
    expect(await userMessage(() => plain.load(0))).to.match(/label 3 .* 3 classes have labels 0–2, and 255/);
  });

  it("accepts other folders and suffixes", async () => {
    await writeMap("annotations/train/a_labels.png", 3, 2, Uint8Array.of(0, 0, 0, 0, 0, 1));
    const dataset = await open({ labelSuffix: "_labels.png" });
    expect((await dataset.loadLabelMap(0)).data[5]).to.equal(1);
  });

  it("refuses an empty split, a missing map, a map of another size, a missing folder", async () => {
    await mkdir(join(root, "images/val"));
    expect(await userMessage(() => open(ade20kFolders(root, "val")))).to.match(/images\/val: there are no images/);
    expect(await userMessage(() => open(ade20kFolders(root, "test")))).to.match(/cannot read .*images\/test: no such/);
    await writeMap("annotations/train/a.png", 2, 3, values);
    const dataset = await open({ classes: ["a", "b", "c", "d"] });
    expect(await userMessage(() => dataset.load(0))).to.match(/the image is 3×2, its label map .* says 2×3/);
    await rm(join(root, "annotations/train/a.png"));
    expect(await userMessage(() => open())).to.match(/a\.png: its label map .*annotations\/train\/a\.png is missing/);
  });

  it("refuses class lists that are missing, ambiguous or broken", async () => {
    const table = join(root, "objectInfo3.txt");
    await writeFile(join(root, "objectInfo2.txt"), "Idx\tName\n1\ta\n2\tb\n");
    expect(await userMessage(() => open())).to.match(/several class tables \(objectInfo2\.txt, objectInfo3\.txt\)/);
    await rm(join(root, "objectInfo2.txt"));
    await writeFile(table, "Idx\tName\n1\ta\n3\tb\n");
    expect(await userMessage(() => open())).to.match(
      /objectInfo3\.txt, line 3: expected class 2 with its name, found "3\tb"/,
    );
    await writeFile(table, "a b\n");
    expect(await userMessage(() => open())).to.contain("must name the columns Idx and Name");
    await rm(table);
    expect(await userMessage(() => open())).to.contain("no class list");
    expect(await userMessage(() => open({ classes: ["a", "b"], palette: [[0, 0, 0]] }))).to.contain(
      "1 colour for 2 classes",
    );
  });

  it("reads ADE20K's samples with its palette, and refuses their empty training split", async function () {
    const data = requireData(this, "ade20k-samples");
    const dataset = await openLabelMaps({ ...ade20kFolders(data, "validation"), reduceZeroLabel: true });
    expect(dataset.length).to.equal(3);
    expect(dataset.classes[1]).to.equal("building, edifice");
    expect(dataset.palette).to.deep.equal(ADE20K_PALETTE);
    for (let i = 0; i < 3; i++) {
      const raw = await decodeLabelMap(
        join(data, "annotations/validation", dataset.images[i]!.file.replace("jpg", "png")),
      );
      const { labelMap } = await dataset.load(i);
      expect(labelMap!.data.every((v, p) => v === (raw.data[p] === 0 ? 255 : raw.data[p]! - 1))).to.equal(true);
    }
    expect(await userMessage(() => openLabelMaps(ade20kFolders(data, "training")))).to.contain("no images");
  });

  it("reads the whole of coco-stuff-sem and facade", async function () {
    const stuff = requireData(this, "coco-stuff-sem");
    const folders = ade20kFolders(stuff, "validation");
    const options = { objectInfo: join(stuff, "objectInfo133.txt"), reduceZeroLabel: true };
    const dataset = await openLabelMaps({ ...folders, ...options });
    expect(dataset.classes).to.have.lengthOf(133);
    for (let i = 0; i < dataset.length; i++) await dataset.load(i);
    expect(await userMessage(() => openLabelMaps({ ...folders, reduceZeroLabel: true }))).to.contain(
      "several class tables",
    );
    const facade = await openLabelMaps({
      ...ade20kFolders(requireData(this, "facade"), "validation"),
      reduceZeroLabel: true,
    });
    expect([facade.length, facade.classes.length]).to.deep.equal([32, 10]);
    for (let i = 0; i < facade.length; i++) await facade.loadLabelMap(i);
  });
});

describe("class folders", () => {
  it("give the folder's index as label", async () => {
    const root = await mkdtemp(join(tmpdir(), "densekit-classes-"));
    for (const name of ["dog", "cat"]) {
      await mkdir(join(root, name));
      for (const file of ["1.png", "2.png", "notes.txt"])
        await writeFile(join(root, name, file), await encodePng(noiseImage(4, 4)));
    }
    const dataset = await openImageLabels({ images: root });
    expect(dataset.classes).to.deep.equal(["cat", "dog"]);
    const samples = await Promise.all(Array.from({ length: dataset.length }, (_, i) => dataset.load(i)));
    expect(samples.map(({ label, meta }) => [meta.file, label])).to.deep.equal([
      [join("cat", "1.png"), 0],
      [join("cat", "2.png"), 0],
      [join("dog", "1.png"), 1],
      [join("dog", "2.png"), 1],
    ]);
    expect(await userMessage(() => openImageLabels({ images: root, classes: ["cats"] }))).to.contain(
      `the class "cat" of ${join("cat", "1.png")} is none of the 1 (cats); did you mean "cats"?`,
    );
    expect(await userMessage(() => openImageLabels({ images: join(root, "cat") }))).to.contain(
      "there are no images here; expected a folder for each class",
    );
    await rm(root, { recursive: true });
  });
});
