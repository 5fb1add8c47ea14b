import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { resolveConfig } from "../../lib/config/load.js";
import { exportModel } from "../../lib/export/exportModel.js";
import { verifyModel } from "../../lib/export/verify/verify.js";
import { type ClassificationModel, type FoundClass, loadModel } from "../../lib/index.js";
import { evaluate } from "../../lib/inference/evaluate.js";
import { report } from "../../lib/report/report.js";
import { readSafetensors, writeSafetensors } from "../../lib/tensorfiles/safetensors.js";
import { predictFiles } from "../../lib/use/predict.js";
import { requireChromium, withPage } from "../support/browser.js";
import { userMessage } from "../support/failure.js";
import { checkpointBytes, decidedLines, messagesOf, type StepEvent, trainQuietly } from "../support/runs.js";
import { makeShapes, type ShapesData, shapesConfig } from "../support/shapes.js";

const readJson = (path: string) => JSON.parse(readFileSync(path, "utf8"));
const CLASSES = ["disc", "square"];

describe("classification", function () {
  this.timeout(180_000); // on a busy machine
  let data: ShapesData;
  let run: string;
  let runs = 0;
  const newRun = () => join(data.folder, `run-${runs++}`);
  const train = (output: string, overrides: string[] = [], options: Parameters<typeof trainQuietly>[2] = {}) =>
    trainQuietly(shapesConfig("classification", data, output), overrides, options);
  const configOf = (overrides: string[] = []) =>
    resolveConfig(shapesConfig("classification", data, run), { overrides }).config;
  const lossesOf = (events: Awaited<ReturnType<typeof train>>["events"]) =>
    events.filter((event): event is StepEvent => event.type === "step").map(({ losses }) => losses);

  before(async () => {
    data = await makeShapes(4);
    run = newRun();
    await train(run, ["training.steps=20", "training.evaluateEvery=10"]);
  });
  after(() => rmSync(data.folder, { recursive: true }));

  it("predicts: all classes of each image in classes.json, and a caption on it", async () => {
    const outDir = join(data.folder, "predicted");
    const inputs = [join(data.classFolders, "disc")];
    const { images } = await predictFiles({ config: configOf(), weights: run, inputs, outDir });
    const files = readdirSync(join(data.classFolders, "disc"));
    expect(images).to.have.length(files.length);
    const written: { file: string; classes: FoundClass[] }[] = readJson(join(outDir, "classes.json"));
    expect(written.map(({ file }) => file)).to.have.members(files.map((name) => join(data.classFolders, "disc", name)));
    for (const { classes } of written) {
      expect(classes.map(({ label }) => label)).to.have.members(CLASSES);
      for (const { label, classIndex } of classes) expect(CLASSES[classIndex]).to.equal(label);
      expect(classes[0]!.score + classes[1]!.score).to.be.closeTo(1, 1e-6);
      expect(classes[0]!.score).to.be.at.least(classes[1]!.score);
    }
    for (const { overlay } of images) {
      const path = String(overlay);
      expect(existsSync(path) || existsSync(join(outDir, path)), path).to.equal(true);
    }
  });

  it("gives a program the results of predict, typed", async () => {
    const model = await loadModel(configOf(), { weights: run });
    if (model.task !== "classification") throw new Error("wrong task");
    const typed: ClassificationModel = model;
    expect(typed.classes).to.deep.equal(CLASSES);
    const outDir = join(data.folder, "predicted-one");
    const [name] = readdirSync(join(data.classFolders, "square"));
    const input = join(data.classFolders, "square", name!);
    await predictFiles({ config: configOf(), weights: run, inputs: [input], outDir });
    const found: readonly FoundClass[] = await typed.predict(input);
    expect(JSON.parse(JSON.stringify(found))).to.deep.equal(readJson(join(outDir, "classes.json"))[0].classes);
    await typed.dispose();
  });

  it("reports metrics, confusion and the worst images on a page that opens", async function () {
    const hasty = newRun(); // after one step it knows one class at best
    await train(hasty, ["training.steps=1"]);
    const result = await report({ run: hasty, worst: 2 });
    const text = readFileSync(result.file, "utf8");
    const headings = [...text.matchAll(/<h2>(.*?)<\/h2>/g)].map(([, heading]) => heading);
    expect(headings).to.deep.equal(["Overview", "Classes", "Confusion", "Worst images", "Training", "Config"]);
    const { metrics } = readJson(join(hasty, "evaluation", "metrics.json"));
    expect(result.metrics).to.deep.equal(metrics);
    const images: { label: number; found: number; labelScore: number; file: string }[] = readJson(
      join(hasty, "evaluation", "images.json"),
    );
    const right = images.filter(({ label, found }) => label === found).length;
    expect(metrics.top1).to.be.closeTo(right / images.length, 1e-12);
    expect(metrics).to.not.have.property("top5");
    const { counts } = readJson(join(hasty, "evaluation", "confusion.json"));
    expect(result.confusion!.classes).to.deep.equal(CLASSES);
    expect(result.confusion!.counts.flat()).to.deep.equal(counts);
    expect(counts[0] + counts[3]).to.equal(right);
    const wrong = images.filter(({ label, found }) => label !== found).sort((a, b) => a.labelScore - b.labelScore);
    expect(result.worst.map(({ file }) => file)).to.deep.equal(wrong.slice(0, 2).map(({ file }) => file));
    expect(result.worst).to.have.length(2);
    const chromium = requireChromium(this);
    await withPage({ chromium, file: result.file, width: 390 }, async ({ page, problems }) => {
      expect(problems).to.deep.equal([]);
      expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).to.equal(true);
    });
  });

  for (const [format, name] of [
    ["onnx", "model.onnx"],
    ["tfjs", "web"],
  ] as const) {
    it(`is exported as ${format} with pre- and post-processing, and gives the same results`, async () => {
      const out = join(data.folder, name);
      const config = configOf();
      const size = { height: 64, width: 32 };
      await exportModel({ config, weights: run, format, out, size, preprocess: true, postprocess: true });
      const images = CLASSES.map((name) => join(data.classFolders, name));
      const result = await verifyModel({ model: out, config, weights: run, images });
      expect(result.failures).to.deep.equal([]);
      expect(result.images).to.equal(8);
      expect(result.outputs).to.have.keys("probabilities");
    });
  }

  it("keeps a moving average of the weights, which is evaluated, and resumes it exactly", async () => {
    const overrides = ["training.steps=4", "training.ema.decay=0.5", "data.mixing.mixup=0.8", "data.mixing.cutmix=1"];
    const whole = newRun();
    const { result } = await train(whole, overrides);
    const halves = newRun();
    const controller = new AbortController();
    await train(halves, overrides, {
      signal: controller.signal,
      onEvent: (event) => {
        if (event.type === "step" && event.step === 2) controller.abort(new Error("stopped"));
      },
    }).catch((error: Error) => expect(error.message).to.equal("stopped"));
    await train(halves, overrides, { resume: true });
    expect(decidedLines(halves)).to.deep.equal(decidedLines(whole));
    expect(checkpointBytes(halves, 4).every((bytes, i) => bytes.equals(checkpointBytes(whole, 4)[i]!))).to.equal(true);
    const judged = await evaluate({ config: configOf(), weights: result.weights, output: join(whole, "judged") });
    expect(judged.metrics.top1).to.equal(result.metrics.top1);
  });

  for (const type of ["hard", "soft"] as const) {
    it(`learns from a teacher, ${type}: a run or its ONNX file, with the same losses`, async () => {
      const file = join(data.folder, `teacher-${type}.onnx`);
      const size = { height: 64, width: 32 };
      await exportModel({ config: configOf(), weights: run, format: "onnx", out: file, size, batch: 2 });
      const backbone = "{type: efficientformer, variant: nano, layerScaleInit: 0.1, dropPath: 0.1}";
      const weights = join(run, "best.safetensors");
      const losses = [];
      for (const teacher of [
        `{type: model, backbone: ${backbone}, weights: ${weights}}`,
        `{type: onnx, file: ${file}}`,
      ]) {
        const distillation = `model.head.distillation={teacher: ${teacher}, type: ${type}, temperature: 2}`;
        losses.push(lossesOf((await train(newRun(), ["training.steps=3", distillation])).events));
      }
      const [ofRun, ofFile] = losses;
      expect(ofRun).to.have.length(3);
      const alone = lossesOf((await train(newRun(), ["training.steps=3"])).events);
      for (const [i, one] of ofRun!.entries()) {
        expect(one).to.have.keys("class", "distillation");
        expect(one.distillation).to.be.above(0);
        for (const key of ["class", "distillation"])
          expect(one[key]).to.be.closeTo(ofFile![i]![key]!, 1e-3 * Math.max(1, one[key]!));
        expect(one.class).to.not.equal(alone[i]!.class);
      }
    });
  }

  it("caches a teacher's logits: same losses as without the cache, and resumes exactly", async () => {
    const backbone = "{type: efficientformer, variant: nano, layerScaleInit: 0.1, dropPath: 0.1}";
    const teacher = `{type: model, backbone: ${backbone}, weights: ${join(run, "best.safetensors")}}`;
    const test = configOf().data.transforms.test;
    const undistorted = `data.transforms.train=${JSON.stringify(test)}`; // so that both see the same images
    const overrides = (cache: boolean) => [
      ...["training.steps=6", undistorted],
      `model.head.distillation={teacher: ${teacher}, type: soft, cache: ${cache}}`,
    ];
    const kept = newRun();
    const found = lossesOf((await train(kept, overrides(true))).events);
    const asked = lossesOf((await train(newRun(), overrides(false))).events);
    expect(found).to.have.length(6); // more than an epoch
    for (const [i, { distillation }] of found.entries()) {
      expect(distillation).to.be.closeTo(asked[i]!.distillation!, 1e-4 * Math.max(1, asked[i]!.distillation!));
    }
    const halves = newRun();
    const controller = new AbortController();
    await train(halves, overrides(true), {
      signal: controller.signal,
      onEvent: (event) => {
        if (event.type === "step" && event.step === 3) controller.abort(new Error("stopped"));
      },
    }).catch((error: Error) => expect(error.message).to.equal("stopped"));
    await train(halves, overrides(true), { resume: true });
    expect(decidedLines(halves)).to.deep.equal(decidedLines(kept));
  });

  it("refuses a teacher whose file takes other sizes or batches", async () => {
    const file = join(data.folder, "teacher-64.onnx");
    const size = { height: 64, width: 64 };
    await exportModel({ config: configOf(), weights: run, format: "onnx", out: file, size });
    const distillation = `model.head.distillation={teacher: {type: onnx, file: ${file}}}`;
    expect(await userMessage(() => train(newRun(), [distillation]))).to.equal(
      `${file}: this teacher takes 1 × 3 × 64 × 64, training gives it 2 × 3 × 64 × 32 (images, channels, height, width); ` +
        "export it with free batch, height and width, or set data.batchSize and the size in data.transforms to its",
    );
    const cached = `model.head.distillation={teacher: {type: onnx, file: ${file}}, cache: true}`;
    expect(await userMessage(() => train(newRun(), [cached]))).to.equal(
      `${file}: this teacher takes 1 × 3 × 64 × 64, training gives it 1 × 3 × 64 × 32 (images, channels, height, width); ` +
        "export it with batch 1 or a free one, and free height and width or those of data.transforms.test",
    );
  });

  it("refuses a teacher whose file returns probabilities, and reads nothing into another program's metadata", async () => {
    const file = join(data.folder, "teacher-probabilities.onnx");
    const shared = { config: configOf(), weights: run, format: "onnx", size: "free", batch: "free" } as const;
    await exportModel({ ...shared, out: file, postprocess: true });
    const distillation = (path: string) => `model.head.distillation={teacher: {type: onnx, file: ${path}}, type: soft}`;
    expect(await userMessage(() => train(newRun(), [distillation(file)]))).to.equal(
      `${file}: exported with --postprocess: a teacher must return logits, and these are probabilities; export it without`,
    );
    const plain = join(data.folder, "teacher-plain.onnx");
    await exportModel({ ...shared, out: plain });
    const foreign = join(data.folder, "teacher-foreign.onnx");
    // The same number of letters, so that the file's lengths stay right.
    const bytes = readFileSync(plain)
      .toString("latin1")
      .replace('["disc","square"]', "these are my kind")
      .replaceAll("densekit", "somebody");
    writeFileSync(foreign, Buffer.from(bytes, "latin1"));
    const { events } = await train(newRun(), ["training.steps=1", distillation(foreign)]);
    expect(lossesOf(events)[0]).to.include.keys("distillation");
  });

  it("refuses a teacher of other classes", async () => {
    const { tensors, metadata } = await readSafetensors(join(run, "best.safetensors"));
    const weights = join(data.folder, "other.safetensors");
    await writeSafetensors(weights, tensors, {
      ...metadata,
      densekit: JSON.stringify({ task: "classification", classes: ["disc", "ring"] }),
    });
    const backbone = "{type: efficientformer, variant: nano, layerScaleInit: 0.1}";
    const distillation = `model.head.distillation={teacher: {type: model, backbone: ${backbone}, weights: ${weights}}}`;
    expect(await userMessage(() => train(newRun(), [distillation]))).to.equal(
      `${weights}: the teacher's class 1 is "ring", that of the data "square"; set data.classes to the teacher's, in its order`,
    );
  });

  it("reports before training that the metric for the best weights does not exist", async () => {
    const output = newRun();
    expect(await userMessage(() => train(output, ["training.checkpoint.best=top5"]))).to.equal(
      `training.checkpoint.best: among the 2 classes of ${data.classFolders} the right one is always one of the first five, ` +
        "so there is no top5; use top1, f1 or loss",
    );
    const stopping = ["training.evaluateEvery=2", "training.earlyStopping={ metric: top5, patience: 1 }"];
    expect(await userMessage(() => train(output, stopping))).to.match(
      /^training\.earlyStopping\.metric: among the 2 classes/,
    );
    expect(existsSync(output)).to.equal(false);
  });

  it("refuses a wrong number of class weights, and images of only one class", async () => {
    expect(await userMessage(() => train(newRun(), ["model.head.classWeights=[1, 2, 3]"]))).to.equal(
      `model.head.classWeights: 3 weights for the 2 classes of ${data.classFolders}`,
    );
    const images = join(data.folder, "one");
    cpSync(join(data.classFolders, "disc"), join(images, "disc"), { recursive: true });
    const message = `${images}: all images are of one class, "disc"; a classifier needs at least two`;
    const told = () => userMessage(() => train(newRun(), [`data.train.images=${images}`]));
    expect(await told()).to.equal(`${message}; expected a folder for each class`);
    mkdirSync(join(images, "square"));
    expect(await told(), "an empty folder is not a second class").to.equal(
      `${message}; expected a folder for each class`,
    );
  });

  it("keeps a class whose folder is empty, reports that it cannot be learnt, and evaluates its images", async () => {
    const images = join(data.folder, "empty");
    cpSync(data.classFolders, images, { recursive: true });
    mkdirSync(join(images, "ring"));
    const validation = join(data.folder, "full");
    cpSync(data.classFolders, validation, { recursive: true });
    cpSync(join(data.classFolders, "disc"), join(validation, "ring"), { recursive: true });
    const overrides = [`data.train.images=${images}`, `data.val.images=${validation}`, "training.steps=1"];
    const { events, result } = await train(newRun(), overrides);
    expect(messagesOf(events)).to.contain(`${images}: no image of 1 class, which cannot be learnt: ring`);
    expect(result.metrics.top1).to.be.within(0, 1);
  });

  it("moves pixels in RandAugment if asked to, unlike other tasks", async () => {
    const overrides = ["data.transforms.train=[{type: randAugment, geometric: true}]"];
    const [step] = configOf(overrides).data.transforms.train;
    expect(step).to.include({ type: "randAugment", geometric: true });
    expect(configOf(["data.transforms.train=[{type: randAugment}]"]).data.transforms.train[0]).to.include({
      geometric: false,
    });
    const dense = shapesConfig("segmentation", data, newRun());
    expect(await userMessage(() => resolveConfig(dense, { overrides }))).to.contain(
      "data.transforms.train.0.geometric: must be false; got true",
    );
    const { events } = await train(newRun(), [...overrides, "training.steps=2"]);
    expect(lossesOf(events)).to.have.length(2);
  });

  it("names an image that cannot be read", async () => {
    const images = join(data.folder, "unreadable");
    cpSync(data.classFolders, images, { recursive: true });
    writeFileSync(join(images, "disc", "0.jpg"), "no image");
    expect(await userMessage(() => train(newRun(), [`data.train.images=${images}`]))).to.contain(
      `${join(images, "disc", "0.jpg")}: cannot be decoded: it is a text file`,
    );
  });

  it("accepts batches of one image, and odd sizes, mixed", async () => {
    for (const size of [1, 3]) {
      const mixing = ["data.mixing.mixup=0.8", "data.mixing.cutmix=1"];
      const { events } = await train(newRun(), [`data.batchSize=${size}`, "training.steps=3", ...mixing]);
      for (const losses of lossesOf(events)) expect(losses.class).to.be.within(0, 20);
    }
  });

  it("refuses weights of another family or size even if a few fit, and names it", async () => {
    const told = async (backbone: string) => {
      const message = await userMessage(() => train(newRun(), [`model.backbone=${backbone}`]));
      return message.replace(run, "RUN");
    };
    const weights = join(run, "best.safetensors");
    // Both have a head of the same name, of which only the bias fits.
    expect(await told(`{type: poolformer, variant: s12, weights: ${weights}}`)).to.match(
      /^RUN\/best.safetensors: weights of another model: 1 of the 132 tensors of the backbone are in the file, which has the names of the authors' EfficientFormer; \d+ are of another shape \(.*\); give the weights of this backbone in model.backbone.weights, or set it to null to start from random weights$/,
    );
    expect(await told(`{type: efficientformer, variant: l1, weights: ${weights}}`)).to.contain(
      "weights of another model: 2 of the 247 tensors of the backbone are in the file",
    );
  });

  it("starts from published weights except for a head with other classes, and says so", async () => {
    const { tensors } = await readSafetensors(join(run, "best.safetensors"));
    const changed = [...tensors].map(([name, tensor]) => {
      if (!/^backbone\.(head|dist_head)\./.test(name)) return [name, tensor] as const;
      const [, ...rest] = tensor.shape;
      const shape = [1000, ...rest];
      return [
        name,
        { ...tensor, shape, data: new Float32Array(shape.reduce((a, b) => a * b)) } as typeof tensor,
      ] as const;
    });
    const weights = join(data.folder, "published.safetensors");
    await writeSafetensors(weights, changed);
    const { events } = await train(newRun(), [`model.backbone.weights=${weights}`, "training.steps=1"]);
    expect(messagesOf(events)).to.contain(
      "its head of 1000 classes is left out, this one has 2 and starts from random weights " +
        "(backbone.head.weight, backbone.head.bias, backbone.dist_head.weight, …)",
    );
  });
});
