import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { parse } from "yaml";
import type { ConfigInput } from "../../lib/config/schema.js";
import { readSafetensors, writeSafetensors } from "../../lib/tensorfiles/safetensors.js";
import { loadModel } from "../../lib/use/loadModel.js";
import { resolveModel } from "../../lib/use/resolveModel.js";
import { ownVersion } from "../../lib/version.js";
import { accepted, refused, set } from "../cli/refused.js";
import { userMessage } from "../support/failure.js";
import { trainQuietly } from "../support/runs.js";
import { makeShapes, type ShapesData, shapesConfig } from "../support/shapes.js";

for (const task of ["detection", "segmentation", "classification"] as const) {
  describe(`a model in one file (${task})`, function () {
    this.timeout(120_000);
    let data: ShapesData;
    let input: ConfigInput;
    let run: string;
    let packed: string;
    const score = task === "detection" ? ["model.head.test.scoreThreshold=0"] : [];
    before(async () => {
      data = await makeShapes(3);
      run = join(data.folder, "run");
      input = shapesConfig(task, data, run);
      await trainQuietly(input, ["training.steps=2", "data.testBatchSize=1"]);
      packed = join(data.folder, "m.densekit");
      const { stdout } = await accepted(["pack", run, packed]);
      expect(stdout).to.match(/m\.densekit: \d+ tensors, [23] classes, \d+\.\d MB\n$/);
    });
    after(() => rmSync(data.folder, { recursive: true }));

    /** The packed file with other metadata. */
    const withMetadata = async (name: string, change: (before: Record<string, string>) => Record<string, string>) => {
      const { tensors, metadata } = await readSafetensors(packed);
      const path = join(data.folder, name);
      await writeSafetensors(path, tensors, change({ ...metadata }));
      return path;
    };
    const withConfig = (text: string) => withMetadata("other.densekit", (all) => ({ ...all, "densekit.config": text }));

    it("contains the weights bit for bit, the config without paths, and the classes", async () => {
      const { weights } = await resolveModel(run);
      const [own, other] = [await readSafetensors(packed), await readSafetensors(weights)];
      expect([...own.tensors]).to.deep.equal([...other.tensors]);
      const { metadata } = own;
      const classes = { detection: 2, segmentation: 3, classification: 2 }[task];
      expect(JSON.parse(metadata.densekit!).classes).to.have.length(classes);
      expect(metadata["densekit.version"]).to.equal(ownVersion());
      const text = metadata["densekit.config"]!;
      expect(readFileSync(packed, "latin1").slice(0, 20_000)).to.not.contain(data.folder);
      expect(text).to.not.contain(data.folder);
      const config = parse(text);
      expect(config).to.have.all.keys("task", "model", "data", "training");
      expect(config.data).to.not.have.any.keys("train", "val", "objectInfo");
      expect(config.training.steps).to.equal(2);
      const told = (await resolveModel(packed)).config;
      const asTrained = (await resolveModel(run)).config;
      expect(told.model).to.deep.equal(asTrained.model);
      expect(told.data.transforms).to.deep.equal(asTrained.data.transforms);
    });

    it("gives the run's results, wherever a model is accepted", async () => {
      const image = join(data.images, "0.png");
      const answers: unknown[] = [];
      for (const named of [run, packed]) {
        const model = await loadModel(named, { overrides: score });
        answers.push(await model.predict(image), model.classes);
        await model.dispose();
      }
      expect(answers.slice(2)).to.deep.equal(answers.slice(0, 2));
      const out = join(data.folder, "m.onnx");
      await accepted(["export", packed, "--out", out, "--size", "64x64", "--force"]);
      expect((await accepted(["verify", out, "--against", packed, "--images", image])).stdout).to.contain("passed");
      await accepted(["predict", packed, image, "--out", join(data.folder, "found")]);
      expect((await accepted(["config", packed])).stdout).to.contain(`task: ${task}`);
      const again = join(data.folder, "again.densekit");
      await accepted(["pack", packed, again]);
      expect(readFileSync(again)).to.deep.equal(readFileSync(packed));
    });

    it("is evaluated on a named data set, and asks for one if none is named", async () => {
      const asked = { detection: ["annotations", "images"], segmentation: ["images", "labelMaps"] };
      const names = task === "classification" ? ["images"] : asked[task];
      const keys = names.map((name) => `--set data.val.${name}=...`).join(" ");
      const none = `${packed}: the model's file names no data set; name one with ${keys}`;
      const out = ["--out", join(data.folder, "figures")];
      expect(await refused(["evaluate", packed, ...out])).to.equal(none);
      expect(await refused(["verify", join(data.folder, "m.onnx"), "--against", packed])).to.equal(none);
      expect(await refused(["data", "check", packed])).to.equal(none.replaceAll("val", "train"));
      const { val } = (await resolveModel(run)).config.data;
      const named = set(...Object.entries(val).map(([key, path]) => `data.val.${key}=${path}`));
      const figures = async (model: string, ...args: string[]) =>
        JSON.parse((await accepted(["evaluate", model, ...args, "--json"])).stdout).metrics;
      expect(await figures(packed, ...named, ...out)).to.deep.equal(await figures(run));
    });

    if (task !== "detection") return; // the rest does not depend on the task

    it("is not a config to train, nor a run to report", async () => {
      expect(await refused(["train", packed])).to.equal(
        `${packed}: a trained model, and train takes a config; its backbone is a start for a config of your own: ` +
          `--set model.backbone.weights=${packed}`,
      );
      expect(await refused(["train", run])).to.equal(
        `${run}: a trained model, and train takes a config; to continue it, train its config: ` +
          `densekit train ${join(run, "config.yaml")} --resume`,
      );
      expect(await refused(["report", packed])).to.equal(
        `${packed}: a file, which has no training log; evaluate the model with --out NAME/evaluation and report the folder NAME`,
      );
      const tuned = { ...input, output: join(data.folder, "tuned") };
      const { events } = await trainQuietly(tuned, ["training.steps=1", `model.backbone.weights=${packed}`]);
      const told = events.flatMap((event) => (event.type === "message" ? [event.text] : [])).join("\n");
      expect(told).to.match(/backbone: loaded (\d+) of \1 tensors from .*m\.densekit/);
    });

    it("does not overwrite an existing file, and is not made from another model's weights", async () => {
      const before = statSync(packed).mtimeMs;
      expect(await refused(["pack", run, packed])).to.equal(
        `${packed}: already exists; choose another path, or overwrite it with --force`,
      );
      const path = join(data.folder, "new.densekit");
      expect(await refused(["pack", run, path, "--set", "model.backbone={type: resnet, variant: 18}"])).to.contain(
        "weights of another model",
      );
      expect(statSync(packed).mtimeMs).to.equal(before);
      expect(statSync(path, { throwIfNoEntry: false })).to.equal(undefined);
      const plain = join(run, "best.safetensors");
      const weights =
        statSync(plain, { throwIfNoEntry: false }) === undefined ? (await resolveModel(run)).weights : plain;
      expect(await userMessage(() => loadModel(weights))).to.equal(
        `${weights}: weights without a config; name the folder of their run, or a config with --weights ${weights}`,
      );
    });

    it("may be untrusted: its config names no files and extends none, and faults are reported", async () => {
      const config = (await readSafetensors(packed)).metadata["densekit.config"]!;
      const secret = join(data.folder, "secret.yaml");
      writeFileSync(secret, "task: detection\n");
      await mkdir(join(data.folder, "m"));
      const place = `${join(data.folder, "other.densekit")}: its config`;
      const told = async (text: string) => {
        const path = await withConfig(text);
        return userMessage(() => resolveModel(path));
      };
      const only = "the config in a model's file may hold nothing but task, model, data, training, plugins";
      const noFiles = "the config in a model's file may name no files; name yours with --set";
      for (const [text, message] of [
        [`extends: ${secret}\n${config}`, `:1:1: extends: ${only}`],
        [
          `plugins: [./evil.js]\n${config}`,
          "plugins: the config comes with a model or from an address, and names plugins (./evil.js); plugins are code",
        ],
        [`output: /etc\n${config}`, `:1:1: output: ${only}`],
        [config.replace("data:\n", "data:\n  val:\n    images: /etc\n"), `: data.val.images: ${noFiles}`],
        [
          config.replace("  backbone:\n", "  backbone:\n    weights: https://example.org/w.pth\n"),
          `: model.backbone.weights: ${noFiles}`,
        ],
        ["", "a config is a mapping of keys to values"],
        ["[1, 2]", "a config is a mapping of keys to values"],
        ["task: nothing", "task: must be one of"],
        [`a: &a [${"1, ".repeat(999)}1]\nb: [${"*a, ".repeat(100)}]`, "the file has more than 100000 values"],
        [`${"[".repeat(3000)}`, "not valid YAML"],
        [`task: ${"x".repeat(600_000)}`, "bytes of YAML; 524288 can be read"],
        [config.replace("steps: 2", "steps: -2"), "training.steps: must be at least 1"],
      ] as const) {
        const got = await told(text);
        expect(got).to.contain(message);
        expect(got).to.contain(place);
      }
      const { config: merged } = await resolveModel(packed, { overrides: ["training.seed=4", "data.val.limit=2"] });
      expect(merged.training.seed).to.equal(4);
      const noClasses = await withMetadata("c.densekit", (all) => ({ ...all, densekit: "{}" }));
      expect(await userMessage(() => loadModel(noClasses))).to.contain("metadata on its model cannot be understood");
    });

    it("allocates no memory for a model that its tensors do not fit", async () => {
      const config = (await readSafetensors(packed)).metadata["densekit.config"]!;
      const path = await withConfig(config.replace("channels: 32", "channels: 2000000"));
      const before = process.memoryUsage().arrayBuffers;
      expect(await userMessage(() => loadModel(path))).to.contain("weights of another model");
      expect(process.memoryUsage().arrayBuffers - before).to.be.below(100e6);
    });
  });
}
