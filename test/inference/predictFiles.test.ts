import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { resolveConfig } from "../../lib/config/load.js";
import { UserError } from "../../lib/errors.js";
import { encodePng } from "../../lib/images/encode.js";
import type { Predictor } from "../../lib/inference/predictor.js";
import type { Detections } from "../../lib/models/predictions.js";
import { OutputFolder } from "../../lib/outputFolder.js";
import type { ProgressEvent } from "../../lib/progress.js";
import { annotatedIds } from "../../lib/tasks/detection/annotatedIds.js";
import { PREDICTION_NAMES, predictFiles, predictInputs } from "../../lib/use/predict.js";
import { userMessage } from "../support/failure.js";
import { shapesConfig } from "../support/shapes.js";

const CLASSES = ["cat", "dog"];
const FOUND: Detections = {
  boxes: Float32Array.of(1, 2, 5, 8, 0, 0, 9, 9),
  scores: Float32Array.of(0.9, 0.5),
  labels: Int32Array.of(1, 0),
};

describe("predictions of many images", () => {
  let folder: string;
  let inputs: string[];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "densekit-predictions-"));
    inputs = ["a.png", "b.png", "c.png", "d.png"].map((name) => join(folder, "images", name));
    await mkdir(join(folder, "images"));
    const image = await encodePng({ width: 16, height: 12, data: new Uint8Array(16 * 12 * 3).fill(90) });
    for (const input of inputs) await writeFile(input, image);
  });
  afterEach(() => rm(folder, { recursive: true }));

  /** @param answer the detections for an image's name without its folder */
  const predictorOf = (answer: (name: string) => Detections): Predictor => ({
    task: "detection",
    description: { task: "detection", classes: CLASSES, categoryIds: [7, 3] },
    predict: async (_, name) => answer(name.slice(-5)),
    dispose: async () => undefined,
  });
  const run = async (options: Partial<Parameters<typeof predictInputs>[2]>, answer: (name: string) => Detections) => {
    const claim = {
      maker: "predict",
      folder: join(folder, "out"),
      names: PREDICTION_NAMES,
      force: true,
      straight: true,
    };
    return predictInputs(predictorOf(answer), inputs, {
      ...{ output: await OutputFolder.claim(claim), config: { data: { codec: "auto" } } },
      ...{ choices: { drawThreshold: 0.3 }, ...options },
    });
  };
  const written = (name: string) => JSON.parse(readFileSync(join(folder, "out", name), "utf8"));
  const idsWritten = (): number[] => written("results.json").map(({ image_id }: { image_id: number }) => image_id);

  it("continue after an error of any kind, which is reported for its image only", async () => {
    for (const thrown of [new TypeError("x is not a function\nat some line"), "a text", null]) {
      const said: string[] = [];
      const result = await run(
        { onEvent: (event: ProgressEvent) => event.type === "message" && said.push(event.text) },
        (name) => {
          if (name === "b.png") throw thrown;
          return FOUND;
        },
      );
      const reason = `${inputs[1]}: ${thrown instanceof Error ? "x is not a function" : thrown}`;
      expect(result.unreadable).to.deep.equal([{ input: inputs[1], reason }]);
      expect(said).to.deep.equal([`${reason}; skipped`]);
      expect(result.images.map(({ input }) => input)).to.deep.equal([inputs[0], inputs[2], inputs[3]]);
      expect(idsWritten()).to.deep.equal([1, 1, 2, 2, 3, 3]);
      expect(written("images.json").images[1]).to.include({ id: 2, file_name: inputs[2] });
    }
  });

  it("are written as far as they got when interrupted", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    const outcome = await run({ signal: controller.signal }, (name) => {
      if (name === "b.png") controller.abort(reason);
      return FOUND;
    }).catch((error: unknown) => error);
    expect(outcome).to.equal(reason);
    expect(idsWritten()).to.deep.equal([1, 1, 2, 2]);
    expect(written("images.json").images).to.have.length(2);
    expect((await readdir(join(folder, "out", "overlays"))).sort()).to.deep.equal(["a.jpg", "b.jpg"]);
  });

  it("replace all earlier predictions, even when interrupted", async () => {
    await run({}, () => FOUND);
    inputs = inputs.slice(2);
    const result = await run({}, () => FOUND);
    expect((await readdir(join(folder, "out", "overlays"))).sort()).to.deep.equal(["c.jpg", "d.jpg"]);
    expect(result.images.map(({ overlay }) => overlay)).to.deep.equal(
      ["c.jpg", "d.jpg"].map((name) => join(folder, "out", "overlays", name)),
    );
    const controller = new AbortController();
    await run({ signal: controller.signal }, () => {
      controller.abort(new Error("enough"));
      return FOUND;
    }).catch(() => undefined);
    expect(await readdir(join(folder, "out", "overlays"))).to.deep.equal(["c.jpg"]);
    expect(idsWritten()).to.deep.equal([1, 1]);
  });

  it("end if they cannot be written, with a message; earlier predictions are kept", async () => {
    await run({}, () => FOUND);
    const before = readFileSync(join(folder, "out", "results.json"), "utf8");
    const ends = async () => {
      const said: string[] = [];
      let predicted = 0;
      const claim = {
        maker: "predict",
        folder: join(folder, "out"),
        names: PREDICTION_NAMES,
        force: true,
        straight: true,
      };
      const output = await OutputFolder.claim(claim);
      const write = output.write.bind(output);
      output.write = (name, content) => {
        if (name !== "overlays/b.jpg") return write(name, content);
        output.failure = new UserError(`cannot write ${name}: the disk is full`);
        return Promise.reject(output.failure);
      };
      const message = await userMessage(() =>
        run({ output, onEvent: (event) => event.type === "message" && said.push(event.text) }, () => {
          predicted++;
          return FOUND;
        }),
      );
      expect({ message, said, predicted }).to.deep.equal({
        message: "cannot write overlays/b.jpg: the disk is full",
        said: [],
        predicted: 2,
      });
    };
    await ends();
    expect((await readdir(join(folder, "out", "overlays"))).sort()).to.deep.equal(["a.jpg", "b.jpg", "c.jpg", "d.jpg"]);
    expect(readFileSync(join(folder, "out", "results.json"), "utf8")).to.equal(before);
    // With nothing there before, the results so far are written.
    await rm(join(folder, "out"), { recursive: true });
    await ends();
    expect(await readdir(join(folder, "out", "overlays"))).to.deep.equal(["a.jpg"]);
    expect(idsWritten()).to.deep.equal([1, 1]);
  });

  it("leave nothing when interrupted before the first", async () => {
    const outcome = await run({ signal: AbortSignal.abort("early") }, () => FOUND).catch((error: unknown) => error);
    expect(outcome).to.equal("early");
    expect(existsSync(join(folder, "out"))).to.equal(false);
  });

  const annotate = async (images: readonly object[], categories: readonly object[] = CATEGORIES): Promise<string> => {
    const file = join(folder, "annotations.json");
    await writeFile(file, JSON.stringify({ images, annotations: [], categories }));
    return file;
  };
  const CATEGORIES = [
    { id: 20, name: "dog" },
    { id: 11, name: "cat" },
    { id: 30, name: "cow" },
  ];
  const size = { width: 16, height: 12 };

  it("have an annotation file's ids, and images missing on either side are reported", async () => {
    const file = await annotate([
      { id: 500, file_name: "c.png", ...size },
      { id: 3, file_name: "./images/a.png", ...size },
      { id: 4, file_name: "other/d.png", ...size },
      { id: 9, file_name: "b.png", width: 12, height: 16 },
    ]);
    const said: string[] = [];
    const result = await run(
      {
        choices: { annotations: file, drawThreshold: 0.3 },
        onEvent: (event) => event.type === "message" && said.push(event.text),
      },
      () => FOUND,
    );
    expect(
      written("results.json").map((entry: Record<string, unknown>) => [entry.image_id, entry.category_id, entry.score]),
    ).to.deep.equal([
      [3, 20, Math.fround(0.9)],
      [3, 11, 0.5],
      [500, 20, Math.fround(0.9)],
      [500, 11, 0.5],
    ]);
    expect(written("images.json")).to.deep.equal({
      images: [
        { id: 3, file_name: inputs[0], ...size },
        { id: 500, file_name: inputs[2], ...size },
      ],
      categories: [
        { id: 11, name: "cat" },
        { id: 20, name: "dog" },
      ],
    });
    const reason = `${inputs[1]}: it has 16 × 12 pixels, but image 9 of ${file} has 12 × 16`;
    expect(said).to.deep.equal([
      `${reason}; skipped`,
      `1 of 3 images is not in ${file} and so not in results.json, only drawn (${inputs[3]})`,
      `2 of 4 images in ${file} were not predicted: evaluate counts all objects there as missed (other/d.png, b.png)`,
    ]);
    expect(result).to.deep.include({
      imageIds: "annotated",
      unreadable: [{ input: inputs[1], reason }],
      notAnnotated: [inputs[3]],
      notPredicted: ["other/d.png", "b.png"],
    });
  });

  it("refuse an annotation file that does not identify images or classes", async () => {
    const images = [{ id: 1, file_name: "a.png", ...size }];
    const messageOf = async (images: readonly object[], categories = CATEGORIES, given: readonly string[] = inputs) => {
      const file = await annotate(images, categories);
      return (await userMessage(() => annotatedIds(file, CLASSES, given))).replaceAll(folder, "F");
    };
    expect(await messageOf([...images, { id: 2, file_name: "./a.png", ...size }])).to.equal(
      "F/annotations.json: image 1 and image 2 are both named a.png, so it is ambiguous which of them F/images/a.png is; rename one",
    );
    expect(await messageOf(images, CATEGORIES, [inputs[0]!, join(folder, "more", "a.png")])).to.equal(
      "F/annotations.json: image 1, a.png, could be F/images/a.png or F/more/a.png; give predict one of them",
    );
    expect(await messageOf([{ id: 1, file_name: "x/a.png", ...size }])).to.equal(
      "F/annotations.json: none of the 4 images to predict is in it (its first is x/a.png); an image's path must end in its file_name",
    );
    expect(await messageOf([])).to.contain("is in it (it lists none)");
    expect(await messageOf(images, [{ id: 1, name: "cats" }])).to.contain(
      'there is no category "cat" in this file; did you mean "cats"?',
    );
    // A longer name takes precedence over a shorter one.
    const file = await annotate([...images, { id: 8, file_name: "images/a.png", ...size }]);
    expect((await annotatedIds(file, CLASSES, inputs)).imageOf(inputs[0]!)?.id).to.equal(8);
  });

  it("refuse a folder with predictions, and options that make no sense", async () => {
    const data = {
      ...{ folder, images: folder, labelMaps: folder, classFolders: folder },
      annotations: join(folder, "none.json"),
    };
    const options = { weights: join(folder, "none"), inputs, outDir: join(folder, "out") };
    const { config } = resolveConfig(shapesConfig("detection", data, join(folder, "run")));
    const refusal = (more: object) => userMessage(() => predictFiles({ ...options, config, ...more }));
    for (const name of ["overlays", "labelMaps", "results.json", "images.json"]) {
      await mkdir(join(folder, "out", name), { recursive: true });
      expect(await refusal({})).to.equal(
        `${join(folder, "out", name)}: already exists; choose another path, or overwrite it with --force`,
      );
      expect(await refusal({ force: true })).to.contain(
        name.endsWith(".json") ? `${name}: predict did not write this, and --force` : "no such file", // the weights
      );
      await rm(join(folder, "out", name), { recursive: true });
    }
    for (const place of [
      (path: string) => writeFile(path, ""),
      (path: string) => symlink(join(folder, "nowhere"), path),
    ]) {
      await place(join(folder, "out", "overlays"));
      expect(await refusal({})).to.contain("overlays: already exists");
      expect(await refusal({ force: true })).to.contain("overlays: predict did not write this, and --force");
      await rm(join(folder, "out", "overlays"));
    }
    await mkdir(join(folder, "out", "overlays"));
    await writeFile(join(folder, "out", "overlays", "mine.jpg"), "");
    expect(await refusal({ force: true })).to.contain("overlays/mine.jpg: predict did not write this");
    await rm(join(folder, "out", "overlays"), { recursive: true });
    expect(await refusal({})).to.contain("no such file"); // an empty folder is as good as none
    expect(await refusal({ drawThreshold: 1.5 })).to.equal("the draw threshold must lie in 0–1, not 1.5");
    const semantic = resolveConfig(shapesConfig("segmentation", data, join(folder, "run"))).config;
    const choices = [
      [{ annotations: "a.json" }, "--annotations (annotations in the API)"],
      [{ drawThreshold: 0.5 }, "--draw-threshold (drawThreshold in the API)"],
    ] as const;
    for (const [choice, name] of choices) {
      expect(await refusal({ config: semantic, ...choice })).to.equal(
        `${name} is for models that find objects; this model's results are label maps, named like their images`,
      );
      const classifier = resolveConfig(shapesConfig("classification", data, join(folder, "run"))).config;
      expect(await refusal({ config: classifier, ...choice })).to.equal(
        `${name} is for models that find objects; this model's results are classes of whole images, in classes.json`,
      );
    }
  });
});
