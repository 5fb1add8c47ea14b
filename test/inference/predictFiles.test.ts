import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { resolveConfig } from "../../lib/config/load.js";
import { UserError } from "../../lib/errors.js";
import { webBytes } from "../../lib/hub/index.js";
import { decodeImage } from "../../lib/images/decode.js";
import { encodePng } from "../../lib/images/encode.js";
import type { Detections } from "../../lib/models/predictions.js";
import { OutputFolder } from "../../lib/outputFolder.js";
import type { ProgressEvent } from "../../lib/progress.js";
import { annotatedIds } from "../../lib/tasks/detection/annotatedIds.js";
import { imageInputs } from "../../lib/use/imageInputs.js";
import { PREDICTION_NAMES, predictFiles, predictInputs } from "../../lib/use/predict.js";
import { listen } from "../hub/server.js";
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
  const predictorOf = (answer: (name: string) => Detections): Parameters<typeof predictInputs>[0] => ({
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
    return predictInputs(predictorOf(answer), new Map(inputs.map((input) => [input, undefined])), {
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

  it("are named in an index, with the crops of the boxes that are drawn", async () => {
    const given = { ...FOUND, scores: Float32Array.of(0.9, 0.2) };
    const choices = { drawThreshold: 0.3, saveCrops: true };
    const { images } = await run({ choices }, (name) => {
      if (name === "b.png") throw new Error("no");
      return name === "c.png" ? { ...FOUND, labels: Int32Array.of(0, 1) } : given;
    });
    const entry = (name: string, id: number, crops: readonly string[]) => ({
      ...{ image: join(folder, "images", `${name}.png`), id },
      ...{ overlay: `overlays/${name}.jpg`, crops: crops.map((crop) => `crops/${name}-${crop}.jpg`) },
    });
    expect(written("index.json")).to.deep.equal({
      images: [entry("a", 1, ["1-dog"]), entry("c", 2, ["1-cat", "2-dog"]), entry("d", 3, ["1-dog"])],
      files: ["results.json", "images.json"],
    });
    const { width, height } = await decodeImage(images[0]!.crops![0]!);
    expect({ width, height }).to.deep.equal({ width: 4, height: 6 });
  });

  it("are those of the classes and scores that are asked for", async () => {
    const kept = async (choices: object) => {
      await run({ choices: { drawThreshold: 0.3, ...choices } }, () => FOUND);
      const ids = written("results.json").map((result: { category_id: number }) => result.category_id);
      return ids.slice(0, ids.length / 4);
    };
    expect(await kept({})).to.deep.equal([3, 7]);
    expect(await kept({ classes: ["cat"] })).to.deep.equal([7]);
    expect(await kept({ score: 0.6 })).to.deep.equal([3]);
    expect(await kept({ score: 0.6, classes: ["cat"] })).to.deep.equal([]);
    const refusal = (name: string) => userMessage(() => run({ choices: { classes: [name] } }, () => FOUND));
    const own = "--classes (classes in the API): the model has no class";
    expect(await refusal("dgo")).to.equal(`${own} "dgo"; did you mean "dog"? its classes: cat, dog`);
    expect(await refusal("elephant")).to.equal(`${own} "elephant"; its classes: cat, dog`);
  });

  it("are told, with masks as COCO has them, where nothing is written", async () => {
    const mask = { height: 12, width: 16, counts: Uint32Array.of(12, 3, 177) };
    const before = await readdir(folder);
    const result = await run({ output: undefined, choices: { drawThreshold: 0.6 } }, () => ({
      ...FOUND,
      masks: [mask, mask],
    }));
    expect(result).to.include({ listThreshold: 0.6 }).and.not.have.property("outDir");
    expect(result.images[1]).to.deep.equal({
      ...{ input: inputs[1], width: 16, height: 12, id: 2, instances: 1 },
      objects: [
        {
          ...{ label: "dog", classIndex: 1, score: Math.fround(0.9), box: { x1: 1, y1: 2, x2: 5, y2: 8 } },
          segmentation: { size: [12, 16], counts: "<3a5" },
        },
      ],
    });
    expect(await readdir(folder)).to.deep.equal(before);
  });

  it("are of images from folders in folders, from addresses and of bytes too", async () => {
    const bytes = readFileSync(inputs[0]!);
    const server = createServer(({ url }, response) => {
      if (url?.startsWith("/a%20b.png")) return response.end(bytes);
      if (url === "/long") return response.writeHead(200, { "content-length": 1e9 }).end("x");
      return response.writeHead(404).end();
    });
    const url = await listen(server);
    const given = [`${url}/a%20b.png?size=2`, `${url}/none.png`, `${url}/long`, "http://127.0.0.1:1/x.png"];
    try {
      const images = await imageInputs([folder, { name: "stdin", bytes }, ...given], { recursive: true });
      expect([...images.keys()]).to.deep.equal([...inputs, "stdin", ...given]);
      const said: string[] = [];
      const claim = { maker: "predict", folder: join(folder, "out"), names: PREDICTION_NAMES };
      const result = await predictInputs(
        predictorOf(() => FOUND),
        images,
        {
          ...{ output: await OutputFolder.claim(claim), config: { data: { codec: "auto" } }, choices: {} },
          onEvent: (event) => event.type === "message" && said.push(event.text),
        },
      );
      expect(result.unreadable.map(({ input }) => input)).to.deep.equal(given.slice(1));
      expect(said.map((text) => text.replaceAll(url, "URL").replaceAll(url.slice(7), "HOST"))).to.deep.equal([
        "URL/none.png: HOST answered 404; look at the address in a browser; skipped",
        "URL/long: it has more than 64 MB; download it and give its path; skipped",
        "http://127.0.0.1:1/x.png: cannot be fetched from 127.0.0.1:1 (the connection was refused); download it and give its path; skipped",
      ]);
      expect((await readdir(join(folder, "out", "overlays"))).slice(-2)).to.deep.equal(["d.jpg", "stdin.jpg"]);
      expect(written("index.json").images.at(-1)).to.include({ image: given[0], overlay: "overlays/a_b.jpg" });
    } finally {
      server.close();
    }
    const nested = join(folder, "nested");
    await mkdir(join(nested, "deep"), { recursive: true });
    expect(await userMessage(() => imageInputs([nested], { recursive: false }))).to.equal(
      `${nested}: there are no images here; for those of the folders in it give --recursive (recursive in the API)`,
    );
    expect(await userMessage(() => imageInputs([nested], { recursive: true }))).to.equal(
      `${nested}: there are no images here`,
    );
  });

  it("stop fetching when there is enough or it takes too long", async () => {
    const server = createServer((_, response) => void response.write("x".repeat(20)));
    const url = new URL(await listen(server));
    try {
      expect(await userMessage(() => webBytes(url, { most: 10 }))).to.contain("it has more than 0.00001 MB");
      expect(await userMessage(() => webBytes(url, { most: 1000, seconds: 0.1 }))).to.contain(
        "(it took longer than 0.1 s)",
      );
      const stopped = webBytes(url, { most: 1000, signal: AbortSignal.abort(new Error("enough")) });
      expect(await stopped.catch((error: Error) => error.message)).to.equal("enough");
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it("refuse a folder with predictions, and options that make no sense", async () => {
    const data = {
      ...{ folder, images: folder, labelMaps: folder, classFolders: folder },
      annotations: join(folder, "none.json"),
    };
    const options = { weights: join(folder, "none"), inputs, outDir: join(folder, "out") };
    const { config } = resolveConfig(shapesConfig("detection", data, join(folder, "run")));
    const refusal = (more: object) => userMessage(() => predictFiles({ ...options, config, ...more }));
    for (const name of ["overlays", "labelMaps", "crops", "results.json", "images.json", "index.json"]) {
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
    for (const [option, name] of [
      [{ annotations: "a.json" }, "--annotations (annotations"],
      [{ drawThreshold: 0.5 }, "--draw-threshold (drawThreshold"],
      [{ saveCrops: true }, "--save-crops (saveCrops"],
      [{ force: true }, "--force (force"],
    ] as const) {
      expect(await refusal({ outDir: undefined, ...option })).to.equal(
        `${name} in the API) is about the files that are written; give --out (outDir in the API) with it, or leave it out`,
      );
    }
    expect(await refusal({ score: 0.01 })).to.contain(
      "--score (score in the API): the model finds nothing that scores less than 0.05; --set model.head.test.scoreThreshold=0.01",
    );
    expect(await refusal({ drawThreshold: 1.5 })).to.equal("the draw threshold must be a number in 0–1, not 1.5");
    const semantic = resolveConfig(shapesConfig("segmentation", data, join(folder, "run"))).config;
    expect(await refusal({ score: -1 })).to.equal("the score must be a number in 0–1, not -1");
    const choices = [
      [{ annotations: "a.json" }, "--annotations (annotations in the API)"],
      [{ drawThreshold: 0.5 }, "--draw-threshold (drawThreshold in the API)"],
      [{ score: 0.5 }, "--score (score in the API)"],
      [{ classes: ["cat"] }, "--classes (classes in the API)"],
      [{ saveCrops: true }, "--save-crops (saveCrops in the API)"],
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
