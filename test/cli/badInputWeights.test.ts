import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { readSafetensors, writeSafetensors } from "../../lib/tensorfiles/safetensors.js";
import { type Tensor, toFloat32 } from "../../lib/tensors/tensor.js";
import { call, dict, pickle, raw, tensor, text, torchZip } from "../support/pickles.js";
import { decidedLines } from "../support/runs.js";
import { makeShapes, type ShapesData, shapesConfig } from "../support/shapes.js";
import { zipOf } from "../support/zip.js";
import { accepted, refused, set } from "./refused.js";

describe("bad input: weights and checkpoints", () => {
  let data: ShapesData;
  let config: string;
  let best: string;
  before(async function () {
    this.timeout(120_000);
    data = await makeShapes(2);
    config = join(data.folder, "config.yaml");
    const run = join(data.folder, "run");
    best = join(run, "best.safetensors");
    writeFileSync(config, JSON.stringify(shapesConfig("segmentation", data, run))); // JSON is YAML
    await accepted(["train", config, ...set("training.steps=2", "training.checkpoint.every=1")]);
  });
  after(() => rmSync(data.folder, { recursive: true }));

  /** The message of both users of weights. */
  const told = async (weights: string, ...overrides: string[]): Promise<string> => {
    const given = ["--weights", weights, ...set(...overrides)];
    const message = await refused(["evaluate", config, "--out", join(data.folder, "figures"), ...given]);
    const out = join(data.folder, "out");
    expect(await refused(["predict", config, data.images, "--out", out, ...given])).to.equal(message);
    return message;
  };
  const written = (name: string, bytes: Uint8Array): string => {
    const path = join(data.folder, name);
    writeFileSync(path, bytes);
    return path;
  };

  it("names weights that are missing, and folders without any", async () => {
    const none = join(data.folder, "none.safetensors");
    expect(await told(none)).to.equal(`cannot read the weights ${none}: no such file or folder`);
    expect(await told(data.images)).to.contain(`${data.images}: neither a checkpoint nor a run's folder`);
  });

  it("names weights that are cut short or not weights", async () => {
    const bytes = readFileSync(best);
    const cut = (length: number) => written("cut.safetensors", bytes.subarray(0, length));
    const mend = "download or write it again";
    expect(await told(cut(bytes.length - 4))).to.match(/cut\.safetensors: the safetensors file is truncated: tensor/);
    expect(await told(cut(1000)))
      .to.contain("is truncated inside its header (1000 bytes)")
      .and.contain(mend);
    expect(await told(cut(0))).to.contain("cut.safetensors: the file is empty; download or write it again");
    expect(await told(join(data.images, "0.png"))).to.contain(
      "0.png: an image, not a weights file; give a .safetensors, .pth or .npz file, or a run's folder",
    );
  });

  it("names faults of PyTorch's files", async () => {
    const harm = torchZip(pickle(dict(text("state_dict"), call("os.system", text("touch /tmp/densekit-was-here")))));
    const whole = torchZip(pickle(dict(text("a"), tensor())), { 0: new Uint8Array(16) });
    const bomb = zipOf([{ name: "a/data.pkl", content: Buffer.alloc(9_000_000), deflate: true, claimed: 100 }]);
    for (const [name, bytes, expected] of [
      ["harm.pth", harm, "asks to run os.system, which no weights need"],
      ["cut.pth", whole.subarray(0, whole.length - 40), "damaged zip archive"],
      ["bomb.pth", bomb, "damaged zip archive"],
      ["archive.pth", zipOf([{ name: "a.txt", content: raw("a") }]), "a zip archive, but not one of PyTorch's"],
      ["old.pt", Buffer.from("80028a0a6cfc9c46f9206aa850192e80024de903", "hex"), "is cut short"],
      ["object.pth", torchZip(pickle(call("my.Net"))), "holds no tensors that can be read, but an object of my.Net"],
    ] as const) {
      const path = written(name, bytes);
      expect(await told(path))
        .to.contain(`${path}: `)
        .and.contain(expected);
      const output = `output=${join(data.folder, "other")}`;
      const message = await refused(["train", config, ...set(`model.backbone.weights=${path}`, output)]);
      expect(message).to.contain(`${path}: `).and.contain(expected);
    }
    expect(existsSync("/tmp/densekit-was-here")).to.equal(false);
    const other = written("other.pth", whole);
    expect(await told(other)).to.contain(`${other}: weights of another model: of its`);
  });

  it("names backbone weights that are missing or fit nowhere", async () => {
    const output = `output=${join(data.folder, "other")}`;
    const train = (weights: string) => refused(["train", config, ...set(`model.backbone.weights=${weights}`, output)]);
    const none = join(data.folder, "none.safetensors");
    expect(await train(none)).to.equal(`cannot read ${none}: no such file or folder`);
    const strange = join(data.folder, "strange.safetensors");
    await writeSafetensors(strange, [["a", { dtype: "F32", shape: [1], data: Float32Array.of(1) }]]);
    expect(await train(strange)).to.contain(`${strange}: none of its 1 tensors fits the backbone`);
  });

  it("names weights of another model", async () => {
    expect(await told(best, "model.neck.channels=16"))
      .to.contain(`${best}: weights of another model: of its`)
      .and.contain("Use the config the weights were trained with");
    const other = join(data.folder, "instances.yaml");
    writeFileSync(other, JSON.stringify(shapesConfig("detection", data, join(data.folder, "other"))));
    expect(await refused(["evaluate", other, "--weights", best])).to.equal(
      `${best}: these are the weights of a model of the task segmentation, but the config's task is detection`,
    );
  });

  it("names the tensor that contains NaN", async () => {
    const { tensors, metadata } = await readSafetensors(best);
    const name = "backbone.patch_embed.0.weight";
    const values = toFloat32(tensors.get(name)!).slice();
    values[1] = Number.NaN;
    const path = join(data.folder, "nan.safetensors");
    const spoilt = [...tensors].map(([own, tensor]): [string, Tensor] => [
      own,
      own === name ? { ...tensor, data: values } : tensor,
    ]);
    await writeSafetensors(path, spoilt, metadata);
    expect(await told(path)).to.contain(`${path}: ${name} holds NaN (element 1)`);
  });

  it("resumes from the checkpoint before a truncated one, and says so; refuses if all are truncated", async () => {
    const run = join(data.folder, "resumed");
    const train = (...more: string[]) => ["train", config, ...set(`output=${run}`, "training.steps=3"), ...more];
    const state = (step: number) => join(run, "checkpoints", `step-0000000${step}`);
    for (const step of [1, 2]) {
      mkdirSync(state(step), { recursive: true });
      for (const name of ["model.safetensors", "optimizer.safetensors", "state.json"]) {
        copyFileSync(join(state(step).replace("resumed", "run"), name), join(state(step), name));
      }
    }
    truncateSync(join(state(2), "optimizer.safetensors"), 2000);
    const { stderr } = await accepted(train("--resume"));
    expect(stderr).to.match(
      /step-00000002.*truncated.*; skipping the checkpoint step-00000002 and trying the one before/,
    );
    expect(stderr).to.match(/^training .*, from step 1; run folder/m);
    expect(decidedLines(run).map((line) => "step" in line && line.step)).to.deep.equal([2, 3, 3]);
    expect(existsSync(state(2)), "a good one of a later step exists").to.equal(false);
    for (const step of [1, 3]) truncateSync(join(state(step), "model.safetensors"), 20);
    const outcome = await refused(train("--resume"));
    expect(outcome).to.equal(
      `${run}: all 2 checkpoints are damaged; start over with --restart, which deletes this run`,
    );
  });
});
