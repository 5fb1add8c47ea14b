import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { api } from "../../lib/cli/api.js";
import { convertData } from "../../lib/datatools/convert/convert.js";
import { decodeImage } from "../../lib/images/decode.js";
import { encodeIndexedPng, encodeJpeg } from "../../lib/images/encode.js";
import { cropImage } from "../../lib/pixels/geometry.js";
import { writeSafetensors } from "../../lib/tensorfiles/safetensors.js";
import { nameList } from "../support/nameLists.js";
import { run } from "./support.js";

const QUICKSTART = fileURLToPath(new URL("../../../examples/quickstart/images/", import.meta.url)); // from dist/test/cli

/** Examples that are not run here, and why. */
const NOT_RUN: readonly (readonly [example: RegExp, why: string])[] = [
  [/^engine install/, "builds a library from PyPI; test/engines/tfjs/install.test.ts"],
  [/^profile /, "measures real models for a minute or more; test/cli/profile"],
  [/^slim /, "measures a machine, and needs a trained supernet; test/cli/slim.test.ts"],
  [/weights=imagenet$/, "downloads weights; test/hub/weightsByName.test.ts"],
  [/--part model_ema$/, "needs a checkpoint of PyTorch's with several parts; test/tensorfiles/pytorch"],
  [/--format tfjs/, "needs TF.js, which is installed when it is wanted; test/export"],
];

/** A small model, trained for a step on images that the resize makes small. */
const CONFIG = `
extends: [densekit/mask-rcnn_fpn128, densekit/efficientformer-nano]
model:
  neck: { channels: 32 }
  head:
    rpn: { channels: 32 }
    roi: { boxWidth: 32, maskConvolutions: 1, maskChannels: 32, samples: 32 }
data:
  type: coco
  train: { annotations: train.json, images: train }
  val: { annotations: val.json, images: val }
  transforms:
    train: [{ type: resize, scale: [128, 96] }]
    test: [{ type: resize, scale: [128, 96] }]
  workers: 0
training: { steps: 1, optimizer: { type: adamw, lr: 1e-4 }, schedule: { type: constant } }
output: runs/my
`;

const CLASSES = ["dog", "person", "car"];
/** Images of three places. */
const NAMES = ["street_0", "street_1", "park_2", "park_3", "square_4", "square_5"];
const COUNT = NAMES.length;
const TRAIN = 4;
const SIZE = { width: 160, height: 120 };

interface Coco {
  readonly images: readonly { readonly id: number; readonly file_name: string }[];
  readonly annotations: readonly { readonly image_id: number; readonly category_id: number; readonly bbox: number[] }[];
  readonly categories: readonly { readonly id: number; readonly name: string }[];
}

/** Examples as the help of all commands prints them. */
async function printedExamples(): Promise<string[]> {
  const found = new Set<string>();
  const visit = async (args: readonly string[]): Promise<void> => {
    const { stdout } = await run([...args, "--help"]);
    for (const [, example] of stdout.matchAll(/^ {2}\$ densekit (.*)$/gm)) found.add(example!);
    const list = /\nCommands:\n(.*?)(\n\n|$)/s.exec(stdout)?.[1] ?? "";
    for (const [, name] of list.matchAll(/^ {2}(\w[\w-]*)/gm)) if (name !== "help") await visit([...args, name!]);
  };
  await visit([]);
  return [...found];
}

/** As a shell reads a line: words in double quotes, what stdin is read from, and what stdout is written to. */
function parsed(example: string): { readonly args: readonly string[]; readonly from?: string } {
  const words = Array.from(example.matchAll(/"([^"]*)"|(\S+)/g), ([, quoted, plain]) => quoted ?? plain!);
  const from = words[words.indexOf("<") + 1];
  const end = words.findIndex((word) => word === "<" || word === ">");
  const args = end < 0 ? words : words.slice(0, end);
  return words.includes("<") ? { args, from: from! } : { args };
}

describe("the examples that --help prints", function () {
  this.timeout(120_000);
  const start = process.cwd();
  let base: string;
  before(async () => {
    base = mkdtempSync(join(tmpdir(), "densekit-examples-"));
    process.chdir(base);
    await makeFiles();
  });
  after(() => {
    process.chdir(start);
    rmSync(base, { recursive: true });
  });

  /** Everything that the examples name, where one name means several things under that of the command. */
  async function makeFiles(): Promise<void> {
    const given = JSON.parse(readFileSync(join(QUICKSTART, "train.json"), "utf8")) as Coco;
    const chosen = given.images
      .slice(0, COUNT)
      .map((image, i) => ({ ...image, ...SIZE, name: `${NAMES[i]}.jpg`, from: image.file_name }));
    for (const folder of ["images", "photos", "train", "val"]) mkdirSync(folder);
    for (const [i, { name, from }] of chosen.entries()) {
      const whole = await decodeImage(join(QUICKSTART, "train", from));
      const bytes = await encodeJpeg(cropImage(whole, { left: 100, top: 80, ...SIZE }));
      for (const folder of ["images", "photos", i < TRAIN ? "train" : "val"]) writeFileSync(join(folder, name), bytes);
    }
    cpSync("images", "beside/images", { recursive: true });
    cpSync(`photos/${NAMES[0]}.jpg`, "photo.jpg");
    const categories = CLASSES.map((name, k) => ({ id: k + 1, name }));
    let next = 1;
    const coco = (first: number, end: number) => {
      const images = chosen.slice(first, end).map(({ id, name }) => ({ id, file_name: name, ...SIZE }));
      const annotations = images.flatMap(({ id }, i) =>
        CLASSES.map((_, k) => {
          const [x, y, w, h] = [10 + 40 * k, 20 + 5 * i, 30, 40];
          const segmentation = [[x, y, x + w, y, x + w, y + h, x, y + h]];
          return {
            id: next++,
            image_id: id,
            category_id: k + 1,
            bbox: [x, y, w, h],
            area: w * h,
            iscrowd: 0,
            segmentation,
          };
        }),
      );
      return { images, annotations, categories };
    };
    const json = (file: string, content: object) => {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, JSON.stringify(content));
    };
    const all = coco(0, COUNT);
    json("train.json", coco(0, TRAIN));
    json("val.json", coco(TRAIN, COUNT));
    for (const file of ["instances.json", "instances_val2017.json", "a.json", "beside/annotations/instances.json"])
      json(file, all);
    const results = all.annotations.map(({ image_id, category_id, bbox }) => ({
      ...{ image_id, category_id, bbox, score: 0.9 },
      segmentation: rectangle(bbox as [number, number, number, number]),
    }));
    json("results.json", results);
    json("r.json", results);
    for (const part of ["train", "val"]) {
      mkdirSync("init/images", { recursive: true });
      cpSync(part, `init/images/${part}`, { recursive: true });
      cpSync(`${part}.json`, `init/images/${part}.json`);
      await convertData({
        from: { format: "coco", input: `${part}.json`, images: part },
        to: { format: "yolo", output: "yolo", shapes: "boxes", split: part },
      });
    }
    makeMaps(chosen.map(({ name }) => name.replace(".jpg", ".png")));
    for (const [k, name] of CLASSES.entries()) {
      mkdirSync(`class-folders/${name}`, { recursive: true });
      for (const [i, image] of NAMES.entries()) {
        const part = cropImage(await decodeImage(`images/${image}.jpg`), {
          left: 40 * k,
          top: 0,
          width: 64,
          height: 64,
        });
        writeFileSync(`class-folders/${name}/${i}.jpg`, await encodeJpeg(part));
      }
    }
    const labels = chosen.map(({ name }, i) => `${name},${CLASSES[i % 2]}`);
    writeFileSync("train.csv", labels.slice(0, TRAIN).join("\n"));
    writeFileSync("val.csv", labels.slice(TRAIN).join("\n"));
    makeOtherFormats(chosen.map(({ name }) => name));
    writeFileSync("my.yaml", CONFIG);
    await made("train my.yaml");
    cpSync("runs/my", "runs/other", { recursive: true });
    await made("export runs/my --format onnx --out my.onnx --dynamic");
    await made("pack runs/my my.densekit");
    await made("weights convert runs/my/best.safetensors checkpoint.pth");
    cpSync("checkpoint.pth", "efficientformer_l1_300d.pth");
    const timm = nameList("timm_mobilenetv2_100").map(([name, shape]) => {
      const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
      return [name, { dtype: "F32", shape, data }] as const;
    });
    await writeSafetensors("timm.safetensors", timm);
  }

  async function made(line: string): Promise<void> {
    const { code, stderr } = await run(line.split(" "), { api });
    expect(code, stderr).to.equal(0);
  }

  /** Label maps with two values; those predicted hold the class that is left where 0 is none. */
  function makeMaps(names: readonly string[]): void {
    const maps = { "maps/annotations": 1, "maps/labels": 1, "maps/maps": 0, "instances/masks": 1 };
    for (const [folder, right] of Object.entries(maps)) {
      mkdirSync(folder, { recursive: true });
      const data = Uint8Array.from({ length: SIZE.width * SIZE.height }, (_, i) => (i % SIZE.width < 80 ? 0 : right));
      const map = encodeIndexedPng({ ...SIZE, data }, []);
      for (const name of names) writeFileSync(join(folder, name), map);
    }
    writeFileSync("maps/objectInfo150.txt", "Idx\tName\n1\troad\n");
    writeFileSync("maps/names.txt", "road\n");
  }

  function makeOtherFormats(names: readonly string[]): void {
    mkdirSync("labelme/annotations", { recursive: true });
    for (const folder of ["Annotations", "JPEGImages", "ImageSets/Main"])
      mkdirSync(`VOC2012/${folder}`, { recursive: true });
    const points = [
      [10, 10],
      [60, 60],
    ];
    for (const name of names) {
      const stem = name.replace(".jpg", "");
      for (const folder of ["labelme/annotations", "VOC2012/JPEGImages"]) cpSync(`images/${name}`, `${folder}/${name}`);
      const shapes = [{ label: "cell", points, shape_type: "rectangle" }];
      const labelme = { shapes, imagePath: name, imageWidth: SIZE.width, imageHeight: SIZE.height };
      writeFileSync(`labelme/annotations/${stem}.json`, JSON.stringify(labelme));
      const box = "<bndbox><xmin>10</xmin><ymin>10</ymin><xmax>60</xmax><ymax>60</ymax></bndbox>";
      const voc = `<annotation><filename>${name}</filename><object><name>dog</name>${box}</object></annotation>`;
      writeFileSync(`VOC2012/Annotations/${stem}.xml`, voc);
    }
    writeFileSync("VOC2012/ImageSets/Main/train.txt", NAMES.slice(0, 2).join("\n"));
    const box = '<box label="cell" xtl="5" ytl="5" xbr="30" ybr="30"/>';
    const images = names.map(
      (name) => `<image name="${name}" width="${SIZE.width}" height="${SIZE.height}">${box}</image>`,
    );
    writeFileSync("annotations.xml", `<annotations>${images.join("")}</annotations>`);
  }

  /** Where an example's names mean other things than those in the base folder; the first that matches. */
  const MEANT: readonly (readonly [example: RegExp, folder: string])[] = [
    [/^init \. --from yolo|^data convert data\.yaml/, "yolo"],
    [/^init annotations/, "beside"],
    [/^init /, "init"],
    [/--from labelme/, "labelme"],
    [/--layout instances/, "instances"],
    [/--label-maps|--layout classes|--predictions/, "maps"],
  ];
  const SHARED = [
    "images",
    "photos",
    "photo.jpg",
    "train",
    "val",
    "VOC2012",
    "class-folders",
    "my.yaml",
    "my.onnx",
    "my.densekit",
  ];
  const FILES = /^(.*\.(json|csv|xml|pth|safetensors|yaml|onnx|densekit))$/;

  /** An empty folder with the user's files that an example names. */
  function folderFor(example: string): string {
    const folder = mkdtempSync(join(base, "example-"));
    const meant = MEANT.find(([pattern]) => pattern.test(example))?.[1];
    const link = (name: string, to: string): void => {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      if (!existsSync(join(folder, name))) symlinkSync(to, join(folder, name));
    };
    if (meant !== undefined) cpSync(meant, folder, { recursive: true });
    const { args, from } = parsed(example);
    // What an example writes is named after --out, or last.
    const written = new Set(args.flatMap((word, i) => (args[i - 1] === "--out" ? [word] : [])));
    if (/^(pack|weights convert) /.test(example)) written.add(args.findLast((word) => FILES.test(word))!);
    for (const word of [...args, from ?? ""]) {
      const named = word.replace(/^[\w.]+=/, "").split(/[/*]/)[0]!;
      if (written.has(word) || named === "" || named === "runs" || !existsSync(join(base, named))) continue;
      if (SHARED.includes(named) || FILES.test(named)) link(named, join(base, named));
    }
    if (/\bmy\.yaml|runs\/my/.test(example)) {
      for (const name of ["my.yaml", "train", "val", "train.json", "val.json"])
        if (!written.has(name)) link(name, join(base, name));
    }
    // The run would be in the way of a first training.
    if (
      /runs\/|--resume|^report|^(evaluate|predict|export|verify|pack)/.test(example) &&
      !/output=runs/.test(example)
    ) {
      cpSync(join(base, "runs"), join(folder, "runs"), { recursive: true });
      const config = join(folder, "runs", "my", "config.yaml");
      writeFileSync(config, readFileSync(config, "utf8").replaceAll(base, folder)); // as if it had been trained here
    }
    return folder;
  }

  it("are all run here, but for those that cannot be, which are told", async () => {
    const examples = await printedExamples();
    expect(examples.length).to.be.greaterThan(60);
    for (const [pattern] of NOT_RUN) {
      const found = examples.filter((example) => pattern.test(example));
      expect(found, `${pattern} is out of date`).to.not.have.length(0);
    }
  });

  it("run as they are printed", async function () {
    this.timeout(600_000);
    const failures: string[] = [];
    for (const example of await printedExamples()) {
      if (/--help$/.test(example) || NOT_RUN.some(([pattern]) => pattern.test(example))) continue;
      const folder = folderFor(example);
      process.chdir(folder);
      const { args, from } = parsed(example);
      const { code, stdout, stderr } = await run(args, {
        api,
        ...(from !== undefined && { stdin: Readable.from([readFileSync(from)]) }),
      });
      process.chdir(base);
      if (code !== 0 || (args.includes("--json") && !isJson(stdout)))
        failures.push(`${example}\n${stderr.slice(-400)}`);
    }
    expect(failures.join("\n\n")).to.equal("");
  });
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** A rectangle's mask as results have it. */
function rectangle([x, y, w, h]: readonly [number, number, number, number]): object {
  const { width, height } = SIZE;
  const counts = [x * height + y];
  for (let column = 0; column < w; column++)
    counts.push(h, column < w - 1 ? height - h : height - h - y + (width - x - w) * height);
  return { size: [height, width], counts };
}
