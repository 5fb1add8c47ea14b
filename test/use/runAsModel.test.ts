import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cp, mkdir, rename } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { openModel } from "../../lib/profile/model.js";
import { loadModel } from "../../lib/use/loadModel.js";
import { resolveModel } from "../../lib/use/resolveModel.js";
import { accepted, refused } from "../cli/refused.js";
import { userMessage } from "../support/failure.js";
import { trainQuietly } from "../support/runs.js";
import { makeShapes, type ShapesData, shapesConfig } from "../support/shapes.js";

for (const task of ["detection", "segmentation", "classification"] as const) {
  describe(`a run's folder as a model (${task})`, function () {
    this.timeout(120_000);
    let data: ShapesData;
    let config: string;
    /** Moved since its training. */
    let run: string;
    const score = task === "detection" ? ["--set", "model.head.test.scoreThreshold=0"] : [];
    const metric = { detection: "boxAP", segmentation: "mIoU", classification: "top1" }[task];
    const contentsOf = (folder: string): Buffer[] =>
      readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ parentPath, name }) => join(parentPath, name))
        .sort()
        .map((path) => readFileSync(path));
    before(async () => {
      data = await makeShapes(3);
      const input = shapesConfig(task, data, join(data.folder, "trained"));
      config = join(data.folder, "config.yaml");
      writeFileSync(config, JSON.stringify(input)); // JSON is YAML
      await trainQuietly(input, ["training.steps=4", "data.testBatchSize=1", "training.checkpoint.keep=5"]);
      run = join(data.folder, "moved");
      await rename(join(data.folder, "trained"), run);
    });
    after(() => rmSync(data.folder, { recursive: true }));

    it("predicts, evaluates, exports and verifies like the config with its weights", async () => {
      const predicted = async (out: string, ...args: string[]): Promise<unknown> => {
        const image = join(data.images, "0.png");
        const { stdout, stderr } = await accepted([
          ...["predict", args[0]!, image, ...args.slice(1), "--out", join(data.folder, out), "--json", ...score],
        ]);
        expect(stderr).to.not.contain("these are not its final weights");
        const places = stdout.replaceAll(join(data.folder, out), "OUT");
        return [places, ...contentsOf(join(data.folder, out))];
      };
      const trainedWith = ["--set", "data.testBatchSize=1"];
      const own = await predicted("a", run);
      expect(own).to.deep.equal(await predicted("b", config, "--weights", run, ...trainedWith));
      const figures = async (...args: string[]) => JSON.parse((await accepted(["evaluate", ...args, "--json"])).stdout);
      const { metrics, output, weights } = await figures(run);
      expect({ output, weights }).to.deep.equal({
        output: join(run, "evaluation"), // where the folder is now
        weights: (await resolveModel(run)).weights,
      });
      expect(metrics).to.have.property(metric);
      const out = join(data.folder, "figures");
      expect((await figures(config, "--weights", run, "--out", out)).metrics[metric]).to.equal(metrics[metric]);
      const file = join(data.folder, "m.onnx");
      await accepted(["export", run, "--out", file, "--size", "64x64"]);
      const images = ["--images", join(data.images, "0.png")];
      expect((await accepted(["verify", file, "--against", run, ...images])).stdout).to.contain("passed");
    });

    it("tells that a config gives its weights other images than it was trained with", async () => {
      const remarks = async (...overrides: string[]) =>
        (await resolveModel(config, { weights: run, overrides })).remarks;
      expect(await remarks("data.batchSize=1")).to.deep.equal([]);
      expect(await remarks("data.normalisation.mean=[1, 2, 3]")).to.deep.equal([
        `${run} was trained with another data.normalisation than that of ${config}, which is used; name ${run} alone to use its own`,
      ]);
    });

    it("is a model in programs too, with the results of its checkpoint", async () => {
      const overrides = score.filter((text) => text !== "--set");
      const image = join(data.images, "1.png");
      const answers: unknown[] = [];
      const last = join(run, "checkpoints", "step-00000004");
      for (const [named, weights] of [[run], [last], [config, run], [run, last]] as const) {
        const model = await loadModel(named, { overrides, ...(weights !== undefined && { weights }) });
        expect(model.task).to.equal(task);
        answers.push(await model.predict(image));
        await model.dispose();
      }
      const [own, checkpoint, given, other] = answers;
      expect(own).to.deep.equal(given);
      expect(checkpoint).to.deep.equal(other);
      const first = await loadModel(join(run, "checkpoints", "step-00000001"), { overrides });
      expect(await first.predict(image)).to.not.deep.equal(checkpoint);
      await first.dispose();
    });

    it("gives its config wherever one is accepted", async () => {
      const { stdout } = await accepted(["config", run, "--json", "--set", "training.seed=9"]);
      const printed = JSON.parse(stdout);
      expect(printed.training).to.include({ steps: 4, seed: 9 });
      expect(printed.output).to.equal(run);
      expect((await openModel(run, {})).config).to.deep.include({ task, output: run });
      const shown = await accepted(["weights", "show", join(run, "checkpoints", "step-00000004"), "--against", run]);
      expect(shown.stdout).to.match(/the whole model \(evaluate, predict\): (\d+) of \1 tensors fit/);
      expect((await accepted(["data", "check", run])).stdout).to.contain("0 errors");
    });

    it("reports folders that are not runs, and runs that have not ended", async () => {
      const image = join(data.images, "0.png");
      const out = ["--out", join(data.folder, "none")];
      const advice = "name the folder that train wrote to, or a config, with --weights for its weights";
      expect(await refused(["predict", data.images, image, ...out])).to.equal(
        `${data.images}: not a run's folder: it holds no config.yaml; ${advice}`,
      );
      const checkpoint = join(data.folder, "loose", "step-00000004");
      await cp(join(run, "checkpoints", "step-00000004"), checkpoint, { recursive: true });
      expect(await refused(["export", checkpoint, ...out])).to.equal(
        `${checkpoint}: a checkpoint outside of its run's folder, which holds the config (config.yaml); ${advice}`,
      );
      expect(await refused(["evaluate", join(run, "evaluation")])).to.equal(
        `${join(run, "evaluation")}: an evaluation's folder, which holds no model; name the folder of a run`,
      );
      const begun = join(data.folder, "begun");
      await mkdir(begun);
      await cp(join(run, "config.yaml"), join(begun, "config.yaml"));
      writeFileSync(join(begun, "log.jsonl"), "");
      expect(await userMessage(() => loadModel(begun))).to.equal(
        `${begun}: the run has no weights yet: the first are written after its first step; wait for them, train it, or give others ` +
          "with --weights (in the API weights)",
      );
      expect((await resolveModel(begun, { weights: run })).config.output).to.equal(begun);
      const stopped = join(data.folder, "stopped");
      await cp(run, stopped, { recursive: true });
      const log = readFileSync(join(run, "log.jsonl"), "utf8");
      writeFileSync(join(stopped, "log.jsonl"), log.slice(0, log.indexOf('{"type":"step","step":3')));
      const remark = (state: string) =>
        `${stopped}: the run ${state} (2 of 4 steps done), so these are not its final weights`;
      expect((await resolveModel(stopped)).remarks).to.deep.equal([remark("was stopped before its end")]);
      const holder = { pid: process.pid, host: hostname(), since: "now", id: "x" };
      writeFileSync(join(stopped, "run.lock"), JSON.stringify(holder));
      const told = await accepted(["predict", stopped, image, "--out", join(data.folder, "c")]);
      expect(told.stderr).to.contain(`${remark("is still being trained")}\n`);
      expect((await resolveModel(stopped, { weights: run })).remarks).to.deep.equal([]);
      const stopsEarly = `{"type":"message","text":"stopped early after step 2 of 4: it got no better","time":""}\n`;
      writeFileSync(join(stopped, "log.jsonl"), log.slice(0, log.indexOf('{"type":"step","step":3')) + stopsEarly);
      expect((await resolveModel(stopped)).remarks).to.deep.equal([]);
    });
  });
}
