import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import type { Config } from "../../lib/config/schema.js";
import { exportModel } from "../../lib/export/exportModel.js";
import { verifyModel } from "../../lib/export/verify/verify.js";
import { readSafetensors, writeSafetensors } from "../../lib/tensorfiles/safetensors.js";
import { toFloat32 } from "../../lib/tensors/tensor.js";
import { command } from "../support/commandLine.js";
import { userMessage } from "../support/failure.js";
import { type Trained, trainedShapes } from "./support.js";

for (const task of ["detection", "segmentation", "classification"] as const) {
  describe(`verifying an exported file (${task})`, function () {
    this.timeout(240_000);
    let trained: Trained;
    let shared: Pick<Parameters<typeof exportModel>[0], "config" | "weights" | "format" | "force">;
    before(async () => {
      trained = await trainedShapes(task, task === "detection" ? 30 : 10);
      shared = { config: trained.config, weights: trained.run, format: "onnx", force: true };
    });
    after(() => rmSync(trained.data.folder, { recursive: true }));
    const inFolder = (name: string) => join(trained.data.folder, name);

    it("passes with free sizes, on images and on the data set", async () => {
      const model = inFolder("free.onnx");
      await exportModel({ ...shared, out: model, size: "free", batch: "free" });
      const result = await verifyModel({ model, config: trained.config, weights: trained.run, data: true });
      expect(result.failures).to.deep.equal([]);
      expect(result.images).to.equal(task === "classification" ? 4 : 3);
      const figure = { detection: "maskAP", segmentation: "mIoU", classification: "top1" }[task];
      expect(result.metrics!.model[figure]).to.be.greaterThan(0);
      expect(result.metrics!.file[figure]).to.be.closeTo(result.metrics!.model[figure]!, 1e-6);
      if (task !== "detection") expect(result.outputs.logits!.relative).to.be.within(0, 1e-4);
      else expect(result.found!.pairs).to.be.greaterThan(3);
    });

    it("passes with pre- and post-processing inside, with images scaled into a fixed size", async () => {
      const size = { height: 64, width: 32 };
      const model = inFolder("whole.onnx");
      await exportModel({ ...shared, out: model, size, batch: 2, preprocess: true, postprocess: true });
      const result = await verifyModel({ model, config: trained.config, weights: trained.run });
      expect(result.failures).to.deep.equal([]);
      const message = await userMessage(() =>
        verifyModel({ model, config: trained.config, weights: trained.run, data: true }),
      );
      expect(message).to.contain("verify a file exported without it");
    });

    it("evaluates a file with a fixed size and batch on the data set", async () => {
      const model = inFolder("fixed.onnx");
      await exportModel({ ...shared, out: model, size: { height: 64, width: 96 }, batch: 2 });
      const result = await verifyModel({ model, config: trained.config, weights: trained.run, data: true });
      expect(result.failures).to.deep.equal([]);
    });

    it("compares with the model on the config's engine", async () => {
      const model = inFolder("engine.onnx");
      await exportModel({ ...shared, out: model, size: "free" });
      const engine: Config["engine"] = { ...trained.config.engine, type: "tfjs", backends: ["webgpu"] };
      const config = { ...trained.config, engine };
      const message = await userMessage(() => verifyModel({ model, config, weights: trained.run }));
      expect(message).to.contain("none of webgpu can be used here");
    });

    it("fails, with exit code 1, against other weights than the file's", async () => {
      const model = inFolder("old.onnx");
      await exportModel({ ...shared, out: model, size: "free" });
      const { tensors, metadata } = await readSafetensors(join(trained.run, "best.safetensors"));
      const changed = new Map(
        [...tensors].map(([name, tensor]) => [
          name,
          { ...tensor, dtype: "F32" as const, data: toFloat32(tensor).map((x) => x * 1.05) },
        ]),
      );
      const other = inFolder("other.safetensors");
      await writeSafetensors(other, changed, metadata);
      const given = ["verify", model, "--against", trained.configPath, "--weights"];
      const { code, stdout, stderr } = await command(...given, other, "--json");
      expect(code).to.equal(1);
      const { passed, failures } = JSON.parse(stdout);
      expect(passed).to.equal(false);
      expect(failures).not.to.deep.equal([]);
      expect(stderr).to.contain(`${model} differs from the model: ${failures[0]}`);
      const right = await command(...given, trained.run, "--images", join(trained.data.images, "1.png"));
      expect(right.code, right.stderr).to.equal(0);
      expect(right.stdout).to.contain("1 image, tolerance 0.001: passed");
    });

    it("names a file's faults", async () => {
      const { config, weights } = shared;
      const told = (model: string) => userMessage(() => verifyModel({ model, config, weights }));
      const text = inFolder("text.onnx");
      writeFileSync(text, "this is no model");
      expect(await told(text)).to.equal(`${text}: not an ONNX model, or a damaged one`);
      const model = inFolder("cut.onnx");
      await exportModel({ ...shared, out: model, size: "free" });
      writeFileSync(model, readFileSync(model).subarray(0, 5000));
      expect(await told(model)).to.equal(`${model}: not an ONNX model, or a damaged one`);
      expect(await told("absent.onnx")).to.equal("cannot read absent.onnx: no such file or folder");
      expect(await told("model.pt")).to.equal("model.pt: not the name of an exported model (onnx, tfjs)");
    });
  });
}
