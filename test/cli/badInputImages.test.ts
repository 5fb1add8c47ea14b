import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join, parse } from "node:path";
import { expect } from "chai";
import { encode } from "fast-png";
import sharp from "sharp";
import { api } from "../../lib/cli/api.js";
import { decodeImage, decodeLabelMap } from "../../lib/images/decode.js";
import { encodeIndexedPng } from "../../lib/images/encode.js";
import { smoothImage } from "../pixels/images.js";
import { makeShapes, type ShapesData, shapesConfig } from "../support/shapes.js";
import { accepted, onlyMessage, refused, set } from "./refused.js";
import { run as runCommand } from "./support.js";

/** Files of kinds and sizes that are not multiples of 32: name → width, height. */
const ODD = { "grey.jpg": [50, 40], "cmyk.jpg": [70, 33], "deep.png": [45, 64], "palette.png": [64, 47] } as const;

async function oddImage(name: keyof typeof ODD): Promise<Uint8Array> {
  const [width, height] = ODD[name];
  const { data } = smoothImage(width, height);
  const image = () => sharp(data, { raw: { width, height, channels: 3 } });
  switch (name) {
    case "grey.jpg":
      return image().greyscale().jpeg().toBuffer();
    case "cmyk.jpg":
      return image().toColourspace("cmyk").jpeg().toBuffer();
    case "deep.png":
      return encode({ width, height, data: Uint16Array.from(data, (value) => 257 * value), depth: 16, channels: 3 });
    case "palette.png":
      return encodeIndexedPng({ width, height, data: data.map((value) => value & 1).subarray(0, width * height) }, [
        [200, 30, 90],
        [20, 130, 10],
      ]);
  }
}

/** Replaces some of the data set's images by odd ones, each with an object or a label map. */
async function makeOdd(data: ShapesData): Promise<void> {
  for (const folder of [data.images, data.labelMaps]) {
    for (const name of readdirSync(folder)) rmSync(join(folder, name));
  }
  const images: object[] = [];
  const annotations: object[] = [];
  for (const name of Object.keys(ODD) as (keyof typeof ODD)[]) {
    const [width, height] = ODD[name];
    const id = images.length + 1;
    writeFileSync(join(data.images, name), await oddImage(name));
    const map = { width, height, data: new Uint8Array(width * height).map((_, i) => i % 3) };
    writeFileSync(join(data.labelMaps, `${parse(name).name}.png`), encodeIndexedPng(map, [[0, 0, 0]]));
    images.push({ id, file_name: name, width, height });
    const corners = [5, 5, 30, 5, 30, 30, 5, 30];
    annotations.push({ id, image_id: id, category_id: 3, bbox: [5, 5, 25, 25], area: 625, segmentation: [corners] });
  }
  const categories = ["disc", "square"].map((name, k) => ({ id: 3 + k, name }));
  writeFileSync(data.annotations, JSON.stringify({ images, annotations, categories }));
}

for (const task of ["detection", "segmentation"] as const) {
  describe(`bad input: images (${task})`, () => {
    let data: ShapesData;
    let config: string;
    let weights: string;
    before(async function () {
      this.timeout(120_000);
      data = await makeShapes(1);
      await makeOdd(data);
      config = join(data.folder, "config.yaml");
      weights = join(data.folder, "run");
      writeFileSync(config, JSON.stringify(shapesConfig(task, data, weights))); // JSON is YAML
      // Grey, CMYK, 16 bits and sizes that are not multiples of 32 are trained on and evaluated.
      const { stderr } = await accepted(["train", config, ...set("training.steps=1", "data.batchSize=4")]);
      expect(stderr).to.contain("validating 4/4");
    });
    after(() => rmSync(data.folder, { recursive: true }));

    const predict = (out: string, ...inputs: string[]) => [
      ...["predict", config, ...inputs, "--weights", weights, "--out", join(data.folder, out)],
    ];

    it("predicts grey, CMYK and 16 bits, of sizes that are not multiples of 32", async () => {
      await accepted(predict("all", data.images));
      for (const [name, [width, height]] of Object.entries(ODD)) {
        const stem = parse(name).name;
        if (task === "detection") {
          const overlay = await decodeImage(join(data.folder, "all", "overlays", `${stem}.jpg`));
          // Where labels do not fit, the panel of a legend stands at the right, and is at least as high as its rows.
          if (overlay.width > width)
            expect([overlay.width - width > 100, overlay.height >= height]).to.deep.equal([true, true]);
          else expect([overlay.width, overlay.height], name).to.deep.equal([width, height]);
          continue;
        }
        const map = await decodeLabelMap(join(data.folder, "all", "labelMaps", `${stem}.png`));
        expect([map.width, map.height], name).to.deep.equal([width, height]);
      }
    });

    it("names inputs that match no image, and writes nothing", async () => {
      const empty = join(data.folder, "empty");
      mkdirSync(empty, { recursive: true });
      const glob = join(data.images, "*.webp");
      const missing = join(data.folder, "none.jpg");
      const nothing = "no such file or folder, and not a pattern that matches any";
      expect(await refused(predict("none", empty))).to.equal(`${empty}: there are no images here`);
      expect(await refused(predict("none", glob))).to.equal(`${glob}: ${nothing}`);
      expect(await refused(predict("none", join(data.images, "grey.jpg"), missing))).to.equal(`${missing}: ${nothing}`);
      expect(existsSync(join(data.folder, "none"))).to.equal(false);
    });

    it("names an output folder that cannot be written", async () => {
      const blocked = join(data.folder, "config.yaml", "out");
      const message = await refused(predict(join("config.yaml", "out"), join(data.images, "grey.jpg")));
      expect(message)
        .to.contain(`cannot write ${blocked}`)
        .and.match(/: a part of the path is not a folder$/);
    });

    it("names each image that is damaged, and writes the others", async () => {
      const photos = join(data.folder, "photos");
      mkdirSync(photos);
      for (const name of ["grey.jpg", "cmyk.jpg"] as const) {
        writeFileSync(join(photos, name), await oddImage(name));
      }
      truncateSync(join(photos, "cmyk.jpg"), 1000);
      writeFileSync(join(photos, "text.jpg"), "this is no image");
      const { code, stdout, stderr } = await runCommand([...predict("some", photos), "--json"], { api });
      expect(code).to.equal(1);
      const result = JSON.parse(stdout);
      const names = (list: { input: string }[]) => list.map(({ input }) => parse(input).base);
      expect(names(result.images)).to.deep.equal(["grey.jpg"]);
      expect(names(result.unreadable)).to.deep.equal(["cmyk.jpg", "text.jpg"]);
      expect(result.unreadable[0].reason).to.match(/cmyk\.jpg: cannot be decoded: /);
      expect(stderr).to.match(
        /cmyk\.jpg: cannot be decoded: premature end of JPEG image \(codec \w+\); is the file complete\?; skipped\n/,
      );
      expect(stderr).to.match(/text\.jpg: cannot be decoded: it is a text file; .*; skipped\n/);
      const rest = stderr.replace(/^.*; skipped\n/gm, "");
      expect(onlyMessage({ code, stdout: "", stderr: rest })).to.match(
        /^2 of 3 images could not be read \(.*cmyk\.jpg, .*text\.jpg\); the results are those of the others$/,
      );
      expect(readdirSync(join(data.folder, "some", "overlays"))).to.deep.equal(["grey.jpg"]);
      if (task === "detection") {
        const { images } = JSON.parse(readFileSync(join(data.folder, "some", "images.json"), "utf8"));
        expect(images).to.have.length(1);
      }
    });

    for (const workers of [0, 1]) {
      it(`names a truncated JPEG in training and in evaluation, with ${workers} workers`, async () => {
        const path = join(data.images, "grey.jpg");
        const whole = readFileSync(path);
        truncateSync(path, whole.length - 20); // its headers are whole
        try {
          const output = `output=${join(data.folder, `cut-${workers}`)}`;
          const overrides = set(`data.workers=${workers}`, "data.batchSize=4", output);
          for (const args of [["train"], ["evaluate", "--weights", weights]]) {
            const told = await refused([...args, config, ...overrides]);
            expect(told).to.match(
              /grey\.jpg: cannot be decoded: premature end of JPEG image \(codec \w+\); is the file complete\?$/,
            );
            expect(told).to.contain(data.folder);
          }
          expect(existsSync(join(data.folder, `cut-${workers}`, "checkpoints"))).to.equal(false);
        } finally {
          writeFileSync(path, whole);
        }
      });
    }
  });
}
