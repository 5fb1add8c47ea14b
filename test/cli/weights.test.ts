import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { resolveConfig } from "../../lib/config/load.js";
import { UserError } from "../../lib/errors.js";
import { ParameterValues } from "../../lib/nn/parameters.js";
import { Random } from "../../lib/random.js";
import { findWeights } from "../../lib/runs/folder.js";
import { fromMetadata, toMetadata } from "../../lib/tasks/description.js";
import { kindOf } from "../../lib/tasks/kinds.js";
import { openTensorFile } from "../../lib/tensorfiles/open.js";
import { readSafetensors, writeSafetensors } from "../../lib/tensorfiles/safetensors.js";
import type { Tensor } from "../../lib/tensors/tensor.js";
import { describedByMeta } from "../../lib/weights/description.js";
import { planLoad } from "../../lib/weights/plan.js";
import { describePlan, requireAll } from "../../lib/weights/report.js";
import { userMessage } from "../support/failure.js";
import { goldenFiles } from "../support/goldens.js";
import { call, dict, pickle, raw, tensor, text, torchZip, tuple } from "../support/pickles.js";
import { makeShapes, type ShapesData, shapesConfig } from "../support/shapes.js";
import { accepted, refused } from "./refused.js";

describe("densekit weights", () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "densekit-weights-"));
  });
  after(() => rmSync(folder, { recursive: true }));

  for (const { place, folder: golden } of goldenFiles("checkpoints")) {
    it(`show lists tensors, types, shapes and other contents: ${place}`, async function () {
      const path = join(golden(this), "tiny_training.pth");
      const { stdout } = await accepted(["weights", "show", path]);
      expect(stdout).to.match(/^model:\npatch_embed\.0\.weight +F32 +\[4, 3, 3, 3\] +0\.4 kB$/m);
      expect(stdout).to.match(/^args +an object of argparse\.Namespace, not read$/m);
      expect(stdout).to.match(/PyTorch, \d+ tensors, .* names are those of the authors' EfficientFormer\n$/);
      const json = JSON.parse((await accepted(["weights", "show", path, "--json"])).stdout);
      expect(json).to.include({ path, format: "PyTorch", naming: "the authors' EfficientFormer" });
      expect(json.tensors[0]).to.deep.equal({
        group: ["model"],
        name: "patch_embed.0.weight",
        dtype: "F32",
        shape: [4, 3, 3, 3],
        bytes: 432,
      });
    });
  }

  it("show counts one tensor of one number as one", async () => {
    const path = join(folder, "one.safetensors");
    await writeSafetensors(path, [["a", { dtype: "F32", shape: [1], data: Float32Array.of(1) }]]);
    expect((await accepted(["weights", "show", path])).stdout).to.contain(": safetensors, 1 tensor, 1 number, ");
  });

  it("name the format of files that are not weights", async () => {
    const lfs = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
    const onnx = Buffer.from("\x08\x08\x12\x07pytorch\x1a\x052.1.0:\x00", "latin1");
    const others: [name: string, content: string | Buffer, told: RegExp][] = [
      ["empty.safetensors", "", /^the file is empty; download or write it again$/],
      ["lfs.safetensors", lfs, /^a Git LFS pointer, not the file of 12345 bytes it stands for; fetch .*"git lfs pull"/],
      ["page.pth", "<!DOCTYPE html><html><body>Not found</body></html>", /^a web page, not a weights file: perhaps/],
      ["mine.onnx", onnx, /^an ONNX file: weights cannot be read from one; give the \.safetensors or \.pth file/],
      ["renamed.safetensors", onnx, /^an ONNX file: weights/],
      ["keras.h5", Buffer.from("\x89HDF\r\n\x1a\n00", "latin1"), /^an HDF5 file of Keras, which cannot be read; save/],
      ["text.pth", "some text that is something else", /^a text file, not a weights file; give a \.safetensors, \.pth/],
      ["c.yaml", "# a config\nextends: a.yaml\ntask: detection\n", /^a YAML file, not a weights file; give/],
      ["umlaut.yaml", `name: ${"ü".repeat(400)}`, /^a YAML file, not a weights file; give/],
      ["results.json", '[{"image_id": 1}]', /^a JSON file, not a weights file; give/],
      ["scene.pth", Buffer.from("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "latin1"), /^an image, not a weights file; give/],
      ["model.pth.gz", Buffer.from("\x1f\x8b\x08\0\0\0\0\0", "latin1"), /^a gzip file, not a weights file; give/],
      [
        "noise.pth",
        Buffer.from("\x01\xff\x02\xfe\x03\xfd\x04\xfc\x05", "latin1"),
        /does not start with a safetensors header/,
      ],
    ];
    for (const [name, content, told] of others) {
      const path = join(folder, name);
      writeFileSync(path, content);
      const message = await refused(["weights", "show", path]);
      expect(message.startsWith(`${path}: `), message).to.equal(true);
      expect(message.slice(path.length + 2)).to.match(told);
    }
    if (process.platform !== "win32") {
      expect(await refused(["weights", "show", "/dev/zero"])).to.equal(
        "cannot read /dev/zero: it is a pipe or a device, not a file",
      );
    }
  });

  it("show --against and loading name tensors of element types that cannot be read", async () => {
    const wanted = [
      { name: "neck.a", shape: [2] },
      { name: "neck.b", shape: [2] },
    ];
    const header = JSON.stringify({
      "neck.a": { dtype: "F32", shape: [2], data_offsets: [0, 8] },
      "neck.b": { dtype: "F8_E4M3", shape: [2], data_offsets: [8, 10] },
      "neck.c": { dtype: "F8_E4M3", shape: [2], data_offsets: [10, 12] },
    });
    const bytes = Buffer.alloc(8 + header.length + 12);
    bytes.writeBigUInt64LE(BigInt(header.length));
    bytes.write(header, 8);
    const path = join(folder, "types.safetensors");
    writeFileSync(path, bytes);
    const file = await openTensorFile(path);
    const needed = planLoad({ file, wanted });
    expect(needed.unreadable).to.deep.equal([{ name: "neck.b", type: "F8_E4M3" }]);
    expect(needed.missing).to.deep.equal([]);
    expect(await userMessage(() => requireAll(needed))).to.equal(
      `${path}: of its 2 tensors 1 of an element type that cannot be read (neck.b: F8_E4M3); convert them to float32 where they were made`,
    );
    const enough = planLoad({ file, wanted: wanted.slice(0, 1) });
    requireAll(enough); // tensors that are not needed do not matter
    expect(describePlan("model", enough)).to.contain("loaded 1 of 1 tensors");
    await file.close();
  });

  it("report a file's metadata that is damaged", () => {
    const right = {
      task: "detection",
      classes: ["a", "b"],
      categoryIds: [1, 2],
      masks: true,
      palette: [
        [0, 0, 0],
        [1, 2, 3],
      ],
    };
    expect(fromMetadata({ densekit: JSON.stringify(right) }, "w.safetensors")).to.deep.equal(right);
    const wrong = [
      ...[
        { categoryIds: [1] },
        { categoryIds: ["1", "2"] },
        { masks: 1 },
        { palette: 5 },
        { palette: [[0, 0, 0], "red"] },
      ],
      ...[{ classes: "ab" }, { classes: [] }, { task: "__proto__" }],
    ];
    const texts = ["5", "null", "[", "[".repeat(300), ...wrong.map((fault) => JSON.stringify({ ...right, ...fault }))];
    for (const densekit of texts) {
      expect(() => fromMetadata({ densekit }, "w.safetensors"), densekit).to.throw(
        UserError,
        "w.safetensors: the file's metadata on its model cannot be understood",
      );
    }
  });

  it("report which of two models in a file is read, and read the other by its name", async () => {
    const state = (value: number) =>
      call("collections.OrderedDict", tuple(tuple(text("neck.a"), tensor({ key: String(value) }))));
    const storage = (value: number) => Buffer.from(new Float32Array(4).fill(value).buffer);
    const path = join(folder, "two.pth");
    const root = dict(text("model"), state(1), text("model_ema"), state(2));
    writeFileSync(path, torchZip(pickle(root), { 1: storage(1), 2: storage(2) }));
    const wanted = [{ name: "neck.a", shape: [4] }];
    for (const [name, value] of [
      [path, 1],
      [`${path}#model`, 1],
      [`${path}#model_ema`, 2],
    ] as const) {
      const file = await openTensorFile(await findWeights(name));
      const plan = planLoad({ file, wanted });
      const { data } = await file.read(plan.loads[0]!.tensor);
      expect([...data], name).to.deep.equal([value, value, value, value]);
      const told = describePlan("model", plan);
      if (name === path) {
        expect(told).to.contain(`; reading the part "model" of ${path}; ${path}#model_ema reads the other`);
      } else expect(plan.choice).to.equal(undefined);
      await file.close();
    }
    const { stdout } = await accepted(["weights", "convert", `${path}#model_ema`, join(folder, "ema.npz"), "--json"]);
    expect(JSON.parse(stdout)).to.include({ part: "model_ema", tensors: 1 });
    expect(await refused(["weights", "convert", `${path}#ema`, join(folder, "no.npz")])).to.equal(
      `${path}: has no part "ema"; its parts with tensors are model, model_ema`,
    );
  });

  for (const { place, folder: golden } of goldenFiles("checkpoints")) {
    it(`convert writes the model, or the named part, and keeps existing files: ${place}`, async function () {
      const path = join(golden(this), "tiny_training.pth");
      const to = join(folder, "tiny.safetensors");
      rmSync(to, { force: true });
      expect(await refused(["weights", "convert", path, join(folder, "a.txt")], { code: 2 })).to.contain(
        "unknown extension",
      );
      const { stdout } = await accepted(["weights", "convert", path, to, "--json"]);
      const official = await readSafetensors(join(golden(this), "tiny.safetensors"));
      expect(official.tensors.size).to.be.above(10);
      expect(JSON.parse(stdout)).to.include({ path: to, part: "model", tensors: official.tensors.size, left: 3 });
      const { tensors } = await readSafetensors(to);
      for (const [name, expected] of official.tensors) expect(tensors.get(name), name).to.deep.equal(expected);
      expect(await refused(["weights", "convert", path, to])).to.equal(`${to}: already exists; --force overwrites it`);
      await accepted(["weights", "convert", path, to, "--part", "model_ema", "--force"]);
      expect((await readSafetensors(to)).tensors.size).to.equal(3);
      expect(await refused(["weights", "convert", path, to, "--part", "none", "--force"])).to.contain(
        'has no part "none"; its parts with tensors are model, ',
      );
      expect((await readSafetensors(to)).tensors.size).to.equal(3);
    });
  }

  it("convert names element types that a format lacks, and writes nothing", async () => {
    const from = join(folder, "odd.safetensors");
    const odd: [string, Tensor][] = [
      ["half", { dtype: "BF16", shape: [2], data: Uint16Array.of(0x3f80, 0x4000) }],
      ["wide", { dtype: "U32", shape: [1], data: Uint32Array.of(7) }],
    ];
    await writeSafetensors(from, odd);
    const pth = join(folder, "odd.pth");
    expect(await refused(["weights", "convert", from, pth])).to.contain("wide: PyTorch has no storage of U32");
    expect(existsSync(pth)).to.equal(false);
    const npz = join(folder, "odd.npz");
    await accepted(["weights", "convert", from, npz]);
    const file = await openTensorFile(npz);
    const [half] = file.tensors;
    expect(await file.read(half!)).to.deep.equal({ dtype: "F32", shape: [2], data: Float32Array.of(1, 2) });
    await file.close();
  });

  it("reads the metadata of MMDetection 2.x and 3.x and MMSegmentation", async () => {
    const names = (...heads: string[]) => dict(...heads.flatMap((head) => [text(`${head}.weight`), tensor()]));
    const classes = tuple(text("cat"), text("dog"));
    const files = {
      old: dict(text("meta"), dict(text("CLASSES"), classes), text("state_dict"), names("roi_head.bbox_head.fc_cls")),
      masks: dict(
        text("meta"),
        dict(text("dataset_meta"), dict(text("classes"), classes)),
        text("state_dict"),
        names("roi_head.bbox_head.fc_cls", "roi_head.mask_head.conv_logits"),
      ),
      semantic: dict(text("meta"), dict(text("CLASSES"), classes), text("state_dict"), names("decode_head.conv_seg")),
      nothing: dict(text("meta"), dict(text("CLASSES"), raw("N")), text("state_dict"), names("decode_head.conv_seg")),
    };
    const found: Record<string, unknown> = {};
    for (const [name, content] of Object.entries(files)) {
      const path = join(folder, `${name}.pth`);
      writeFileSync(path, torchZip(pickle(content), { 0: new Uint8Array(16) }));
      const file = await openTensorFile(path);
      found[name] = describedByMeta(file);
      await file.close();
    }
    const both = ["cat", "dog"];
    expect(found).to.deep.equal({
      old: { task: "detection", classes: both, masks: false },
      masks: { task: "detection", classes: both, masks: true },
      semantic: { task: "segmentation", classes: both },
      nothing: undefined,
    });
  });

  for (const kind of ["detection", "segmentation"] as const) {
    it(`a model saved in the authors' names loads, evaluates the same, and is written back (${kind})`, async function () {
      this.timeout(240_000);
      const data: ShapesData = await makeShapes(2);
      try {
        const input = shapesConfig(kind, data, join(data.folder, "run"));
        const { config } = resolveConfig(input);
        const task = await kindOf(config).open(config);
        const values = new ParameterValues(task.parameters);
        values.initialise((name) => Random.of(3, name));
        const own = join(data.folder, "own.safetensors");
        const tensors = task.parameters.map(({ name, shape }): [string, Tensor] => [
          name,
          { dtype: "F32", shape, data: values.view(name) },
        ]);
        await writeSafetensors(own, tensors, { ...toMetadata(task.description), format: "pt" });
        const yaml = join(data.folder, "config.yaml");
        writeFileSync(yaml, JSON.stringify(input)); // JSON is YAML
        const evaluated = async (weights: string) =>
          JSON.parse((await accepted(["evaluate", yaml, "--weights", weights, "--json"])).stdout).metrics;

        const pth = join(data.folder, "authors.pth");
        await accepted(["weights", "convert", own, pth]);
        expect(await evaluated(pth)).to.deep.equal(await evaluated(own));
        const back = join(data.folder, "back.safetensors");
        await accepted(["weights", "convert", pth, back]);
        expect(readFileSync(back).equals(readFileSync(own))).to.equal(true);

        const fit = JSON.parse((await accepted(["weights", "show", pth, "--against", yaml, "--json"])).stdout);
        expect(fit.model.loaded).to.have.length(task.parameters.length);
        expect([fit.model.missing, fit.model.unexpected, fit.model.differentlyShaped]).to.deep.equal([[], [], []]);
        expect(fit.backbone.unexpected).to.not.deep.equal([]);
        const { stdout } = await accepted(["weights", "show", pth, "--against", yaml]);
        expect(stdout).to.contain(`the whole model (evaluate, predict): ${task.parameters.length} of`);
      } finally {
        rmSync(data.folder, { recursive: true });
      }
    });
  }
});
