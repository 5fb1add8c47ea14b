import { execFileSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { exportModel } from "../../lib/export/exportModel.js";
import { writeModelRepository } from "../../lib/export/modelRepository.js";
import { protobufText, symbol } from "../../lib/export/protobufText.js";
import { command } from "../support/commandLine.js";
import { userMessage } from "../support/failure.js";
import { requirePython } from "../support/python.js";
import { type Trained, trainedShapes } from "./support.js";

describe("protobuf text", () => {
  it("writes scalars, enumerations, lists and messages", () => {
    const message = { name: 'a "b"', n: 3, kind: symbol("TYPE_FP32"), dims: [1, -1], none: [], one: { x: 1 } };
    expect(protobufText({ ...message, many: [{ x: 1 }, { x: 2 }] })).to.equal(
      'name: "a \\"b\\""\nn: 3\nkind: TYPE_FP32\ndims: [ 1, -1 ]\nnone: []\none {\n  x: 1\n}\nmany {\n  x: 1\n}\nmany {\n  x: 2\n}\n',
    );
  });
});

describe("a model repository for Triton", function () {
  this.timeout(120_000);
  let trained: Trained;
  let free: string;
  let fixed: string;
  let out: string;
  before(async () => {
    trained = await trainedShapes("detection", 2);
    [free, fixed, out] = ["free.onnx", "fixed.onnx", "models"].map((name) => join(trained.data.folder, name)) as [
      string,
      string,
      string,
    ];
    const shared = { config: trained.config, weights: trained.run, format: "onnx" } as const;
    await exportModel({ ...shared, out: free, size: "free", batch: "free", preprocess: true });
    await exportModel({ ...shared, out: fixed, size: { height: 64, width: 96 } });
  });
  after(() => rmSync(trained.data.folder, { recursive: true }));

  it("batches requests if the batch size is free", async () => {
    const { code, stdout, stderr } = await command(
      "model-repository",
      free,
      "--out",
      out,
      "--max-batch",
      "4",
      "--json",
    );
    expect(code, stderr).to.equal(0);
    const { folder, maxBatch } = JSON.parse(stdout);
    expect([folder, maxBatch]).to.deep.equal([join(out, "free"), 4]);
    expect(readFileSync(join(folder, "1", "model.onnx")).equals(readFileSync(free))).to.equal(true);
    expect(readFileSync(join(folder, "labels.txt"), "utf8")).to.equal("disc\nsquare\n");
    const config = readFileSync(join(folder, "config.pbtxt"), "utf8");
    expect(config).to.match(/^name: "free"\nbackend: "onnxruntime"\n/);
    expect(config).to.contain("max_batch_size: 4\n");
    expect(config).to.contain(
      'input {\n  name: "images"\n  data_type: TYPE_UINT8\n  dims: [ -1, -1, 3 ]\n}\n' +
        'input {\n  name: "sizes"\n  data_type: TYPE_INT32\n  dims: [ 2 ]\n}\n',
    );
    expect(config).to.contain(
      '  name: "count"\n  data_type: TYPE_INT32\n  dims: [ 1 ]\n  reshape {\n    shape: []\n  }\n',
    );
    expect(config).to.contain(
      '  name: "labels"\n  data_type: TYPE_INT32\n  dims: [ 100 ]\n  label_filename: "labels.txt"\n',
    );
    expect(config).to.contain("dynamic_batching {\n  max_queue_delay_microseconds: 2000\n}\n");
  });

  it("does not if it is fixed, and says so when asked to", async () => {
    const { folder, maxBatch } = await writeModelRepository({ model: fixed, out, name: "one" });
    expect(maxBatch).to.equal(0);
    const config = readFileSync(join(folder, "config.pbtxt"), "utf8");
    expect(config).to.contain("max_batch_size: 0\n").and.to.contain("dims: [ 1, 3, 64, 96 ]");
    expect(config).not.to.contain("dynamic_batching");
    expect(await userMessage(() => writeModelRepository({ model: fixed, out, name: "two", maxBatch: 8 }))).to.contain(
      "its batch is fixed at 1, so requests cannot be batched",
    );
    expect(await userMessage(() => writeModelRepository({ model: fixed, out, name: "one" }))).to.equal(
      `${folder}: a folder of that name is already there; give another name, or --force to overwrite it`,
    );
    expect(await userMessage(() => writeModelRepository({ model: fixed, out, name: "a b" }))).to.contain("--name");
  });

  it("can be parsed by Triton's own protobuf messages", async function () {
    const python = requirePython(this, ["tritonclient.grpc"]);
    const folders = [free, fixed].map((model, i) => writeModelRepository({ model, out, name: `checked${i}` }));
    for (const { folder } of await Promise.all(folders)) {
      const script =
        "import sys; from google.protobuf import text_format; from tritonclient.grpc import model_config_pb2 as m; " +
        "c = text_format.Parse(open(sys.argv[1]).read(), m.ModelConfig()); print(c.name, len(c.input), len(c.output))";
      const answer = execFileSync(python, ["-c", script, join(folder, "config.pbtxt")], { encoding: "utf8" });
      expect(answer).to.match(/^checked\d 3 5\n$/);
    }
  });

  it("names the classes of a classifier, of logits and of probabilities", async () => {
    const classifier = await trainedShapes("classification", 1);
    const { config, run, data } = classifier;
    try {
      for (const [output, postprocess] of [
        ["logits", false],
        ["probabilities", true],
      ] as const) {
        const model = join(data.folder, `${output}.onnx`);
        await exportModel({
          config,
          weights: run,
          format: "onnx",
          out: model,
          size: "free",
          batch: "free",
          postprocess,
        });
        const { folder } = await writeModelRepository({ model, out: join(data.folder, "models") });
        expect(readFileSync(join(folder, "config.pbtxt"), "utf8")).to.contain(
          `  name: "${output}"\n  data_type: TYPE_FP32\n  dims: [ 2 ]\n  label_filename: "labels.txt"\n`,
        );
      }
    } finally {
      rmSync(data.folder, { recursive: true });
    }
  });

  it("refuses names that lead out of the repository, and numbers that Triton does not accept", async () => {
    const write = (options: object) => userMessage(() => writeModelRepository({ model: free, out, ...options }));
    const named =
      'a model\'s name is made of letters, digits, "-", "_" and, but for the first, "."; give another with --name';
    for (const name of ["..", ".", "", ".hidden", "a/b"]) {
      expect(await write({ name, force: true })).to.equal(`${JSON.stringify(name)}: ${named}`);
    }
    expect(await write({ name: "numbers", maxBatch: 1e300 })).to.equal(
      "maxBatch must be a whole number from 1 to 2147483647, not 1e+300",
    );
    expect(await write({ name: "numbers", maxDelay: -1 })).to.contain("maxDelay must be a whole number from 0");
    expect(await write({ name: "numbers", version: 1e23 })).to.contain("version must be a whole number from 1");
  });
});
