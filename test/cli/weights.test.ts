import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { resolveConfig } from "../../lib/config/load.js";
import { openTensorFile } from "../../lib/formats/openTensorFile.js";
import { readSafetensors, writeSafetensors } from "../../lib/formats/safetensors.js";
import type { Tensor } from "../../lib/formats/tensor.js";
import { ParameterValues } from "../../lib/nn/parameters.js";
import { Random } from "../../lib/random.js";
import { toMetadata } from "../../lib/tasks/description.js";
import { instancesTask } from "../../lib/tasks/instances.js";
import { semanticTask } from "../../lib/tasks/semantic.js";
import { describedByMeta } from "../../lib/weights/description.js";
import { requireGoldens } from "../support/goldens.js";
import { dict, pickle, raw, tensor, text, torchZip, tuple } from "../support/pickles.js";
import { makeShapes, type ShapesData, shapesConfig } from "../support/shapes.js";
import { accepted, refused } from "./refused.js";

describe("densekit weights", () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "densekit-weights-"));
  });
  after(() => rmSync(folder, { recursive: true }));

  it("show lists tensors, types, shapes and what surrounds them", async function () {
    const path = join(requireGoldens(this, "checkpoints"), "tiny_training.pth");
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

  it("convert takes the model, or the part that is named, and keeps files that are there", async function () {
    const path = join(requireGoldens(this, "checkpoints"), "tiny_training.pth");
    const to = join(folder, "tiny.safetensors");
    expect(await refused(["weights", "convert", path, join(folder, "a.txt")], { code: 2 })).to.contain(
      "no format is known",
    );
    const { stdout } = await accepted(["weights", "convert", path, to, "--json"]);
    expect(JSON.parse(stdout)).to.include({ path: to, part: "model", tensors: 121, left: 3 });
    const official = await readSafetensors(join(requireGoldens(this, "checkpoints"), "tiny.safetensors"));
    const { tensors } = await readSafetensors(to);
    for (const [name, expected] of official.tensors) expect(tensors.get(name), name).to.deep.equal(expected);
    expect(await refused(["weights", "convert", path, to])).to.equal(`${to}: is there already; --force replaces it`);
    await accepted(["weights", "convert", path, to, "--part", "model_ema", "--force"]);
    expect((await readSafetensors(to)).tensors.size).to.equal(3);
    expect(await refused(["weights", "convert", path, to, "--part", "none", "--force"])).to.contain(
      'has no part "none"; its parts with tensors are model, ',
    );
    expect((await readSafetensors(to)).tensors.size).to.equal(3);
  });

  it("convert says which element types a format cannot hold, and writes nothing", async () => {
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

  it("understands what MMDetection 2.x and 3.x and MMSegmentation say of their models", async () => {
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
      old: { task: "instances", classes: both, masks: false },
      masks: { task: "instances", classes: both, masks: true },
      semantic: { task: "semantic", classes: both },
      nothing: undefined,
    });
  });

  for (const kind of ["instances", "semantic"] as const) {
    it(`a model saved in the authors' names loads, evaluates the same, and is written back (${kind})`, async function () {
      this.timeout(240_000);
      const data: ShapesData = await makeShapes(2);
      try {
        const input = shapesConfig(kind, data, join(data.folder, "run"));
        const { config } = resolveConfig(input);
        const task = config.task === "semantic" ? await semanticTask(config) : await instancesTask(config);
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
