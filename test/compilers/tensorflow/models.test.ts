import { existsSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import type { ModelFile, SizedTensors } from "../../../lib/engines/modelFile.js";
import { openOnnxFile } from "../../../lib/engines/onnxruntime/onnxFile.js";
import { openTfjsFile } from "../../../lib/engines/tfjs/tfjsFile.js";
import { fromMetadata } from "../../../lib/export/metadata.js";
import { Random } from "../../../lib/random.js";
import { requireChromium } from "../../support/browser.js";
import { command } from "../../support/commandLine.js";
import { userMessage } from "../../support/failure.js";
import { trainQuietly } from "../../support/runs.js";
import { makeShapes, type ShapesData, shapesConfig } from "../../support/shapes.js";
import { expectClose } from "../../support/tensors.js";
import { browserLibraries, runInBrowser } from "./browserRun.js";

const SIZE = { height: 96, width: 128 };
const TOLERANCE = 1e-3;

/** Random values for an export's inputs. */
function inputsOf(file: ModelFile): SizedTensors {
  const random = Random.of("images");
  const draw = (name: string): SizedTensors[string] => {
    const shape = file.inputs[name]!.shape as number[];
    if (name !== "images") return { dtype: "int32", shape, data: Int32Array.of(SIZE.height - 10, SIZE.width - 30) };
    const size = shape.reduce((a, b) => a * b, 1);
    if (shape.at(-1) === 3)
      return { dtype: "uint8", shape, data: Uint8Array.from({ length: size }, () => random.integer(256)) };
    return { dtype: "float32", shape, data: Float32Array.from({ length: size }, () => random.uniform(-2, 2)) };
  };
  return Object.fromEntries(Object.keys(file.inputs).map((name) => [name, draw(name)]));
}

function expectEqual(actual: SizedTensors, expected: SizedTensors, tolerance = TOLERANCE): void {
  expect(Object.keys(actual)).to.have.members(Object.keys(expected));
  for (const [name, { shape, data }] of Object.entries(expected)) {
    expect(actual[name]!.shape, name).to.deep.equal(shape);
    expectClose(actual[name]!.data, data, tolerance, name);
  }
}

for (const task of ["segmentation", "detection"] as const) {
  describe(`a TF.js model of a ${task} network`, function () {
    this.timeout(240_000);
    let data: ShapesData;
    let run: string;
    let config: string;
    const folder = (name: string) => join(data.folder, name);

    before(async () => {
      data = await makeShapes(3);
      run = folder("run");
      config = folder("config.yaml");
      const input = shapesConfig(task, data, run);
      writeFileSync(config, JSON.stringify(input));
      await trainQuietly(input, ["training.steps=5"]);
    });
    after(() => rmSync(data.folder, { recursive: true }));

    const exported = async (format: "onnx" | "tfjs", name: string, ...flags: string[]): Promise<string> => {
      const size = `${SIZE.height}x${SIZE.width}`;
      const out = folder(`${name}${format === "onnx" ? ".onnx" : ""}`);
      const args = ["export", config, "--weights", run, "--format", format, "--out", out, "--size", size, ...flags];
      const { code, stderr } = await command(...args);
      expect(code, stderr).to.equal(0);
      return out;
    };

    /** The outputs of onnxruntime, and the model to compare with. */
    const both = async (name: string, ...flags: string[]) => {
      const onnx = await openOnnxFile(await exported("onnx", name, ...flags));
      const inputs = inputsOf(onnx);
      const expected = await onnx.run(inputs);
      await onnx.dispose();
      return { inputs, expected, model: await exported("tfjs", name, ...flags) };
    };

    const cases: Readonly<Record<string, readonly string[]>> = {
      "the whole model": [],
      "the backbone": ["--part", "backbone"],
      "the feature pyramid": ["--part", "neck"],
      "with images going in and masks or labels coming out": ["--preprocess", "--postprocess"],
    };
    for (const [name, flags] of Object.entries(cases)) {
      it(`${name} equals onnxruntime, on wasm and cpu`, async () => {
        const { inputs, expected, model } = await both(name.replaceAll(" ", "-"), ...flags);
        for (const backend of ["wasm", "cpu"] as const) {
          const file = await openTfjsFile(model, { backends: [backend] });
          const actual = await file.run(inputs);
          await file.dispose();
          // A pixel on the border between two classes may be either.
          for (const label of ["label_map", "masks"].filter(
            (key) => flags.includes("--postprocess") && expected[key],
          )) {
            const [mine, theirs] = [expected[label]!.data, actual[label]!.data];
            const differing = Array.from(mine).filter((value, i) => value !== theirs[i]).length;
            expect(differing / mine.length, label).to.be.lessThan(TOLERANCE);
          }
          const kept = Object.entries(expected).filter(
            ([key]) => !(flags.includes("--postprocess") && ["label_map", "masks"].includes(key)),
          );
          const compared = Object.fromEntries(kept);
          expectEqual(Object.fromEntries(kept.map(([key]) => [key, actual[key]!])), compared);
        }
      });
    }

    it("runs in a browser, on wasm and WebGL", async function () {
      const chromium = requireChromium(this);
      const { inputs, expected, model } = await both("browser");
      for (const backend of ["wasm", "webgl"] as const) {
        const actual = await runInBrowser({ chromium, model, inputs, backend, libraries: browserLibraries(backend) });
        expectEqual(actual, expected);
      }
    });

    it("can be exported in float16 and in 8 bits", async () => {
      const { inputs, expected, model } = await both("plain", "--part", "backbone");
      const bytes = (path: string) =>
        readdirSync(path).reduce((sum, name) => sum + (name.endsWith(".bin") ? statSync(join(path, name)).size : 0), 0);
      const half = await exported("tfjs", "half", "--part", "backbone", "--fp16");
      const quarter = await exported("tfjs", "quarter", "--part", "backbone", "--uint8");
      expect(bytes(half) / bytes(model)).to.be.within(0.5, 0.6);
      expect(bytes(quarter) / bytes(model)).to.be.within(0.25, 0.4);
      for (const [path, tolerance] of [
        [half, 0.01],
        [quarter, 0.2],
      ] as const) {
        const file = await openTfjsFile(path);
        expectEqual(await file.run(inputs), expected, tolerance);
        await file.dispose();
      }
    });

    it("describes itself in its metadata", async () => {
      const file = await openTfjsFile(await exported("tfjs", "described"));
      const { metadata } = file;
      await file.dispose();
      const read = fromMetadata(metadata);
      expect(read?.task).to.equal(task);
      expect(read?.classes).to.have.length(task === "segmentation" ? 3 : 2);
      expect(metadata).to.include.keys("mean", "std", "config", "densekit");
    });

    it("refuses files that cannot be written or read, with the reason", async () => {
      const model = await exported("tfjs", "bad");
      const args = (...flags: string[]) => ["export", config, "--weights", run, "--format", "tfjs", ...flags];
      const again = await command(...args("--out", model, "--size", "96x128"));
      expect(again.code).to.equal(1);
      expect(again.stderr).to.equal(
        `${model}: a folder of that name is already there; give another name, or --force to overwrite it\n`,
      );
      const free = await command(...args("--out", folder("free"), "--dynamic"));
      expect(free.code).to.equal(2);
      expect(free.stderr).to.contain("a TF.js model has fixed sizes; give --size and --batch");
      expect(existsSync(folder("free"))).to.equal(false);
      const wrong = await command(...args("--out", folder("wrong"), "--uint8", "--fp16"));
      expect(wrong.code).to.equal(2);
      expect(wrong.stderr).to.contain("--uint8 and --fp16 contradict each other; give one of them");

      const shard = join(model, readdirSync(model).find((name) => name.endsWith(".bin"))!);
      truncateSync(shard, statSync(shard).size - 4);
      expect(await userMessage(() => openTfjsFile(model))).to.match(
        /it names \d+ bytes of weights, the files beside it hold \d+; export it again/,
      );
      rmSync(shard);
      expect(await userMessage(() => openTfjsFile(model))).to.contain(`cannot read ${shard}: no such file`);
      const json = join(model, "model.json");
      const text = readFileSync(json, "utf8");
      const broken: Readonly<Record<string, string>> = {
        "{": "not JSON",
        '{"format":"layers-model"}': 'its format is "layers-model"',
        null: "its format is not given",
        '{"format":"graph-model"}': "it has no modelTopology",
        [text.replace(/"paths":\["/, '"paths":["../')]: "is not beside it",
      };
      for (const [content, message] of Object.entries(broken)) {
        writeFileSync(json, content);
        expect(await userMessage(() => openTfjsFile(model)))
          .to.contain(`${json}: `)
          .and.to.contain(message);
      }
      expect(await userMessage(() => openTfjsFile(folder("nowhere")))).to.contain("no such file");
    });
  });
}
