import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { makeShapes, type ShapesData, shapesConfig } from "../support/shapes.js";
import { refused } from "./refused.js";
import { run } from "./support.js";

const MODEL = "a model";
const COCO = "COCO files (--annotations with --results)";
const LABEL_MAPS = "folders of label maps (--annotations with --predictions)";

describe("options that belong to another way of using the command are refused", () => {
  let data: ShapesData;
  let config: string;
  let boxes: string;
  before(async () => {
    data = await makeShapes(2);
    config = join(data.folder, "maps.yaml");
    boxes = join(data.folder, "boxes.yaml");
    writeFileSync(config, JSON.stringify(shapesConfig("segmentation", data, join(data.folder, "run"))));
    writeFileSync(boxes, JSON.stringify(shapesConfig("detection", data, join(data.folder, "run"))));
  });
  after(() => rmSync(data.folder, { recursive: true }));

  const message = (args: readonly string[]) => refused(args, { code: 2 });

  it("by evaluate with a config", async () => {
    for (const [option, of, ...value] of [
      ["--annotations", `${COCO} or ${LABEL_MAPS}`, "a"],
      ["--results", COCO, "r.json"],
      ["--type", COCO, "bbox"],
      ["--iou", COCO, "0.5"],
      ["--max-detections", COCO, "1"],
      ["--areas", COCO, "all:0-1"],
      ["--class-agnostic", COCO],
      ["--categories", COCO, "a"],
      ["--images", COCO, "1"],
      ["--predictions", LABEL_MAPS, "p"],
      ["--classes", LABEL_MAPS, "nofile"],
      ["--object-info", LABEL_MAPS, "nofile"],
      ["--ignore-index", LABEL_MAPS, "1"],
      ["--reduce-zero-label", LABEL_MAPS],
      ["--resize", LABEL_MAPS],
      ["--annotation-suffix", LABEL_MAPS, ".png"],
      ["--prediction-suffix", LABEL_MAPS, ".png"],
      ["--threads", `${COCO} or ${LABEL_MAPS}`, "1"],
    ] as const) {
      expect(await message(["evaluate", config, "--weights", "w", option, ...value])).to.equal(
        `${option} is for ${of}, not for ${MODEL}; leave it out`,
      );
    }
  });

  it("by evaluate with COCO files", async () => {
    const files = ["evaluate", "--annotations", "a.json", "--results", "r.json", "--type", "bbox"];
    for (const [option, of, ...value] of [
      ["--set", MODEL, "training.seed=1"],
      ["--weights", MODEL, "w"],
      ["--out", MODEL, "o"],
      ["--classes", LABEL_MAPS, "nofile"],
      ["--reduce-zero-label", LABEL_MAPS],
      ["--ignore-index", LABEL_MAPS, "255"],
    ] as const) {
      expect(await message([...files, option, ...value])).to.equal(
        `${option} is for ${of}, not for ${COCO}; leave it out`,
      );
    }
  });

  it("by evaluate with folders of label maps", async () => {
    const folders = ["evaluate", "--annotations", "a", "--predictions", "p"];
    for (const [option, of, ...value] of [
      ["--iou", COCO, "0.5"],
      ["--type", COCO, "bbox"],
      ["--categories", COCO, "a"],
      ["--images", COCO, "1"],
      ["--weights", MODEL, "w"],
    ] as const) {
      expect(await message([...folders, option, ...value])).to.equal(
        `${option} is for ${of}, not for ${LABEL_MAPS}; leave it out`,
      );
    }
  });

  it("by the data commands", async () => {
    const classFolders = "images with a class each (--images alone, or with --labels)";
    const coco = ["--annotations", data.annotations, "--images", data.images];
    const out = ["--out", join(data.folder, "new.html")];
    for (const [args, text] of [
      [["check", config, "--ignore-label", "5"], "--ignore-label is for label maps (--label-maps), not for a config"],
      [["check", config, "--classes", "a,b"], /^--classes is for COCO files .*, not for a config/],
      [["check", ...coco, "--label-suffix", "x"], /^--label-suffix is for label maps .*, not for COCO files/],
      [["check", ...coco, "--set", "a=b"], "--set is for a config, not for COCO files (--annotations)"],
      [
        ["check", "--images", "i", "--reduce-zero-label"],
        `--reduce-zero-label is for label maps (--label-maps), not for ${classFolders}`,
      ],
      [["stats", ...coco, "--split", "val"], /^--split is for a config, not for COCO files/],
      [["stats", ...coco, "--anchor-images", "3"], /^--anchor-images is for a config, not for COCO files/],
      [
        ["stats", config, "--anchor-images", "3"],
        /^--anchor-images is for configs of detection, not for this data set/,
      ],
      [["show", ...coco, ...out, "--split", "val"], /^--split is for a config, not for COCO files/],
      [["show", ...coco, ...out, "--columns", "2"], "--columns is for a sheet (.jpg, .png), not for a page (.html)"],
      [["split", ...coco, ...out, "--ignore-label", "5"], /^--ignore-label is for label maps .*, not for COCO files/],
      [["tile", ...coco, ...out, "--label-suffix", "5"], /^--label-suffix is for label maps .*, not for COCO files/],
    ] as const) {
      const found = await message(["data", ...args]);
      if (typeof text === "string") expect(found).to.equal(`${text}; leave it out`);
      else expect(found).to.match(text);
    }
    expect(await run(["data", "stats", boxes, "--anchor-images", "1", "--split", "train"])).to.include({ code: 0 });
  });

  it("by data convert, for the format read and the format written", async () => {
    const masks = ["--from", "masks", "--images", "i", "--layout"];
    for (const [args, text] of [
      [["--from", "voc", "--clip"], "--clip is for --from yolo, not for --from voc --to coco"],
      [["--from", "yolo", "--images", "i"], /^--images is for --from voc or .*, not for --from yolo --to coco/],
      [["--from", "labelme", "--list", "l"], "--list is for --from voc, not for --from labelme --to coco"],
      [["--from", "cvat", "--corners", "edges"], "--corners is for --from voc, not for --from cvat --to coco"],
      [["--from", "yolo", "--difficult", "drop"], "--difficult is for --from voc, not for --from yolo --to coco"],
      [["--from", "voc", "--layout", "classes"], /^--layout is for --from masks .*, not for --from voc --to coco/],
      [["--from", "voc", "--min-area", "4"], /^--min-area is for --from masks .*, not for --from voc --to coco/],
      [
        ["--from", "voc", "--split", "val"],
        "--split is for --from yolo or --to yolo or yolo-polygons, not for --from voc --to coco",
      ],
      [["--from", "voc", "--no-copy"], "--no-copy is for --to yolo or yolo-polygons, not for --from voc --to coco"],
      [["--from", "voc", "--to", "yolo", "--box-masks"], /^--box-masks is for --to coco, not for --from voc --to yolo/],
      [["--from", "voc", "--crops", "--box-masks"], "--box-masks is for --to coco, not for --from voc --to classes"],
      [["--from", "voc", "--quality", "9"], "--quality is for --to classes, not for --from voc --to coco"],
      [
        [...masks, "objects", "--suffix", "x"],
        /^--suffix is for .* instances or .* classes, not for .* objects --to coco/,
      ],
      [[...masks, "objects", "--ignore-label", "0"], /^--ignore-label is for .*, not for .* objects --to coco/],
      [[...masks, "classes", "--pattern", "x"], /^--pattern is for --from masks --layout objects, not for/],
      [[...masks, "classes", "--class-maps", "x"], /^--class-maps is for --from masks --layout instances, not for/],
    ] as const) {
      const found = await message(["data", "convert", "x", ...args, "--out", join(data.folder, "y")]);
      if (typeof text === "string") expect(found).to.equal(`${text}; leave it out`);
      else expect(found).to.match(text);
    }
    const both = ["--class-maps", "m", "--class-divisor", "1000"];
    const { code, stderr } = await run(["data", "convert", "x", ...masks, "instances", ...both, "--out", "y"]);
    expect(code).to.equal(2);
    expect(stderr).to.match(/'--class-divisor <number>' cannot be used with option '--class-maps <folder>'/);
  });

  it("groups evaluate's options in --help by purpose", async () => {
    const { stdout } = await run(["evaluate", "--help"]);
    const headings = [...stdout.matchAll(/^For .*:$/gm)].map(([heading]) => heading);
    expect(headings).to.deep.equal([
      `For ${MODEL}:`,
      `For ${COCO} or ${LABEL_MAPS}:`,
      `For ${COCO}:`,
      `For ${LABEL_MAPS}:`,
    ]);
  });
});
