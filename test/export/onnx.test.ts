import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { readOnnx } from "../../lib/compilers/onnx/read.js";
import type { ModelFile, SizedTensors } from "../../lib/engines/modelFile.js";
import { openOnnxFile } from "../../lib/engines/onnxruntime/onnxFile.js";
import { type ExportOptions, exportModel } from "../../lib/export/exportModel.js";
import { type Network, openNetwork } from "../../lib/export/network.js";
import type { Part } from "../../lib/export/settings.js";
import { inputsFor, runFile } from "../../lib/export/verify/run.js";
import { pairDetections, tensorDifference } from "../../lib/tasks/differences.js";
import { userMessage } from "../support/failure.js";
import { runInPython } from "./python.js";
import { nativeAnswers, type Trained, tiledBatch, trainedShapes } from "./support.js";

/** Five sizes: the smallest possible, odd and even numbers of cells, landscape and portrait. */
const SIZES = [
  { batch: 1, height: 32, width: 32 },
  { batch: 2, height: 96, width: 64 },
  { batch: 3, height: 64, width: 160 },
  { batch: 1, height: 224, width: 192 },
  { batch: 2, height: 256, width: 320 },
] as const;

const NORMALISED = { preprocess: false };

function found({ count, boxes, scores, labels }: SizedTensors, image: number) {
  const places = scores!.shape[1]!;
  const end = image * places + count!.data[image]!;
  return {
    boxes: boxes!.data.subarray(4 * image * places, 4 * end) as Float32Array,
    scores: scores!.data.subarray(image * places, end) as Float32Array,
    labels: labels!.data.subarray(image * places, end) as Int32Array,
  };
}

/** Compares objects with their boxes, scores and mask probabilities. @returns how many there are */
function expectSameObjects(expected: SizedTensors, actual: SizedTensors): number {
  expect([...actual.count!.data]).to.deep.equal([...expected.count!.data]);
  const cells = expected.masks!.shape[2]! ** 2;
  const places = expected.scores!.shape[1]!;
  let pairs = 0;
  for (let b = 0; b < expected.count!.shape[0]!; b++) {
    const paired = pairDetections(found(expected, b), found(actual, b), { reach: 0.05, cut: 0 });
    expect(paired.unmatched, `objects of image ${b} without a partner`).to.equal(0);
    expect(paired.score).to.be.at.most(1e-4);
    for (const [i, j] of paired.pairs) {
      const mask = (outputs: SizedTensors, k: number) =>
        outputs.masks!.data.subarray((b * places + k) * cells, (b * places + k + 1) * cells) as Float32Array;
      expect(tensorDifference(mask(expected, i), mask(actual, j)).relative).to.be.at.most(1e-3);
    }
    pairs += paired.pairs.length;
  }
  return pairs;
}

function expectSameMaps(expected: SizedTensors, actual: SizedTensors): void {
  expect(Object.keys(actual)).to.have.members(Object.keys(expected));
  for (const [name, { data, shape }] of Object.entries(expected)) {
    expect(actual[name]!.shape, name).to.deep.equal(shape);
    expect(tensorDifference(data, actual[name]!.data).relative, name).to.be.at.most(1e-4);
  }
}

for (const task of ["detection", "segmentation"] as const) {
  describe(`ONNX export (${task})`, function () {
    this.timeout(240_000);
    let trained: Trained;
    let network: Network;
    before(async () => {
      trained = await trainedShapes(task, task === "detection" ? 30 : 10);
      ({ network } = await openNetwork(trained.config, trained.run));
    });
    after(() => rmSync(trained.data.folder, { recursive: true }));

    const exported = async (options: Partial<ExportOptions>): Promise<string> => {
      const out = join(trained.data.folder, "model.onnx");
      await exportModel({ config: trained.config, weights: trained.run, format: "onnx", out, force: true, ...options });
      return out;
    };
    const opened = async <T>(path: string, use: (file: ModelFile) => Promise<T>): Promise<T> => {
      const file = await openOnnxFile(path);
      return use(file).finally(() => file.dispose());
    };

    it("free sizes: equals graphs built for each of five sizes with batches of one to three", async () => {
      const path = await exported({ size: "free", batch: "free" });
      let objects = 0;
      await opened(path, async (file) => {
        for (const size of SIZES) {
          const inputs = inputsFor(await tiledBatch(trained, size), NORMALISED, trained.config.data.normalisation);
          const expected = await nativeAnswers(network, "model", size, inputs, trained.config.data);
          const actual = await runFile(file, inputs);
          if (task === "detection") objects += expectSameObjects(expected, actual);
          else expectSameMaps(expected, actual);
        }
      });
      if (task === "detection") expect(objects).to.be.greaterThan(10);
    });

    it("a fixed size; feature maps only, with a free batch; older and newer opsets", async () => {
      const size = { batch: 2, height: 64, width: 96 };
      const inputs = inputsFor(await tiledBatch(trained, size), NORMALISED, trained.config.data.normalisation);
      const model = await nativeAnswers(network, "model", size, inputs, trained.config.data);
      const answers = (part: Part) => nativeAnswers(network, part, size, inputs, trained.config.data);
      const maps = { backbone: await answers("backbone"), neck: await answers("neck") };
      const oldest = task === "detection" ? 16 : 13;
      for (const opset of [oldest, 18, 20, 21]) {
        const path = await exported({ ...size, size, opset });
        expect(readOnnx(readFileSync(path), path).opset).to.equal(opset);
        await opened(path, async (file) => {
          const actual = await runFile(file, inputs);
          if (task === "detection") expectSameObjects(model, actual);
          else expectSameMaps(model, actual);
        });
      }
      for (const part of ["backbone", "neck"] as const) {
        await opened(await exported({ part, size, batch: "free" }), async (file) => {
          expectSameMaps(maps[part], await runFile(file, inputs));
        });
      }
    });

    it("float16: half the file size, similar outputs", async () => {
      const size = { batch: 1, height: 64, width: 96 };
      const inputs = inputsFor(await tiledBatch(trained, size), NORMALISED, trained.config.data.normalisation);
      const bytes = readFileSync(await exported({ part: "backbone", size })).byteLength;
      const path = await exported({ part: "backbone", size, half: true });
      expect(readFileSync(path).byteLength / bytes).to.be.within(0.5, 0.55);
      const expected = await nativeAnswers(network, "backbone", size, inputs, trained.config.data);
      await opened(path, async (file) => {
        for (const [name, { data }] of Object.entries(await runFile(file, inputs))) {
          const { relative } = tensorDifference(expected[name]!.data, data);
          expect(relative, name).to.be.within(1e-6, 1e-2); // similar to the float32 model, but not equal
        }
      });
    });

    it("describes itself in its metadata, and names its free sizes", async () => {
      const path = await exported({ size: "free", batch: "free", preprocess: true });
      const { metadata, inputs, outputs } = readOnnx(readFileSync(path), path);
      expect(inputs.images).to.deep.equal({ dtype: "uint8", shape: ["batch", "height", "width", 3] });
      expect(metadata.task).to.equal(task);
      expect(JSON.parse(metadata.classes!)).to.deep.equal(network.description.classes);
      expect(JSON.parse(metadata.mean!)).to.deep.equal(trained.config.data.normalisation.mean);
      expect(JSON.parse(metadata.std!)).to.deep.equal(trained.config.data.normalisation.std);
      expect(JSON.parse(metadata.config!).model.head).to.deep.equal(trained.config.model.head);
      expect(metadata.config).not.to.contain(trained.data.folder);
      if (task === "segmentation") {
        expect(outputs.logits!.shape).to.deep.equal(["batch", 3, "height / 4", "width / 4"]);
      } else {
        expect(outputs.boxes!.shape).to.deep.equal(["batch", 100, 4]);
        expect(outputs.count!.shape).to.deep.equal(["batch"]);
      }
    });

    it("is valid for the ONNX checker, and equal in Python's onnxruntime", async function () {
      const size = SIZES[2];
      const inputs = inputsFor(await tiledBatch(trained, size), NORMALISED, trained.config.data.normalisation);
      const expected = await nativeAnswers(network, "model", size, inputs, trained.config.data);
      for (const opset of [17, 20]) {
        const path = await exported({ size: "free", batch: "free", opset });
        const actual = await runInPython(this, path, inputs, trained.data.folder);
        if (task === "detection") expectSameObjects(expected, actual);
        else expectSameMaps(expected, actual);
      }
      const half = await exported({ size: "free", batch: "free", half: true, preprocess: true, postprocess: true });
      const images = inputsFor(
        await tiledBatch(trained, size),
        { preprocess: true },
        trained.config.data.normalisation,
      );
      await runInPython(this, half, images, trained.data.folder);
    });

    it("refuses impossible exports with an explanation", async () => {
      const size = { height: 64, width: 64 };
      const path = await exported({ size });
      expect(await userMessage(() => exported({ size, force: false }))).to.equal(
        `${path}: a file of that name is already there; give another name, or --force to overwrite it`,
      );
      const needed = task === "detection" ? "RoiAlign as it is from opset 16" : "ReduceSum as it is from opset 13";
      if (task === "detection") {
        expect(await userMessage(() => exported({ size, opset: 15 }))).to.contain(
          `opset 15 is too old: this model needs the operator ${needed} on`,
        );
      }
      expect(await userMessage(() => exported({ size, opset: 12 }))).to.match(
        /^opset 12 is too old: this model needs the operator \w+ as it is from opset 1[36] on; give --opset 1[36] or a newer one$/,
      );
      expect(await userMessage(() => exported({ size, opset: 99 }))).to.contain("from 7 to 21");
      expect(await userMessage(() => exported({ size: { height: 60, width: 64 } }))).to.contain(
        "size 60x64: both sides must be multiples of 32",
      );
      expect(await userMessage(() => exported({ size, part: "backbone", postprocess: true }))).to.contain(
        "omit --postprocess",
      );
      expect(await userMessage(() => exported({}))).to.contain("give --size HEIGHTxWIDTH or --dynamic");
    });
  });
}
