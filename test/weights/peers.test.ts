import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { backboneTitle, makeClassifier } from "../../lib/backbones/index.js";
import { onnxRuntimeEngine } from "../../lib/engines/onnxruntime/engine.js";
import { input } from "../../lib/graph/index.js";
import { Context } from "../../lib/nn/context.js";
import { ParameterList, ParameterValues } from "../../lib/nn/parameters.js";
import { openTensorFile } from "../../lib/tensorfiles/open.js";
import { convertWeights } from "../../lib/weights/convert.js";
import { fillFrom } from "../../lib/weights/load.js";
import { planLoad } from "../../lib/weights/plan.js";
import { requireAll } from "../../lib/weights/report.js";
import { backboneConfig } from "../support/backboneGoldens.js";
import { goldenFiles, readNpy } from "../support/goldens.js";

const SCRIPT = fileURLToPath(new URL("../../../test/weights/peers.py", import.meta.url));

describe("weights compared with PyTorch", function () {
  this.timeout(300_000);
  let folder: string;
  let written: readonly string[];

  const python = (...args: string[]): string => {
    const { status, stdout, stderr } = spawnSync(process.env.DENSEKIT_PYTHON!, ["-B", SCRIPT, ...args], {
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(stderr.trimEnd().split("\n").at(-1));
    return stdout.trim();
  };

  before(function () {
    folder = mkdtempSync(join(tmpdir(), "densekit-peers-"));
    if (process.env.DENSEKIT_PYTHON === undefined) {
      console.warn("      skipped: DENSEKIT_PYTHON does not name a Python with torch");
      this.skip();
    }
    written = python(folder).split("\n");
  });
  after(() => rmSync(folder, { recursive: true }));

  const efficientFormer = { type: "efficientformer", variant: "l1" } as const;
  for (const [name, backbone] of [
    ["timm", efficientFormer],
    ["transformers", efficientFormer],
    ["timm-mobilenetv2", { type: "mobilenetv2", variant: "x1.0" }],
    ["transformers-mobilevit", { type: "mobilevit", variant: "xs" }],
  ] as const) {
    const config = backboneConfig.parse(backbone);
    it(`${backboneTitle(config)} of ${name.split("-")[0]} gives the same outputs here`, async function () {
      if (!written.includes(name)) {
        console.warn(`      skipped: that Python has no ${name} with it`);
        this.skip();
      }
      const list = new ParameterList();
      const { forward } = makeClassifier(list.scope(), config, { imageSide: 224, classes: 1000 });
      const values = new ParameterValues(list.all);
      const file = await openTensorFile(join(folder, `${name}.pth`));
      const plan = planLoad({ file, wanted: list.all });
      requireAll(plan);
      await fillFrom(file, plan, values);
      await file.close();
      const image = readNpy(join(folder, `${name}.input.npy`));
      const logits = forward(input("x", [1, 3, 224, 224]), Context.inference(values));
      const program = await onnxRuntimeEngine().compile({ logits });
      const outputs = await program.run({ x: image.data as Float32Array });
      await program.dispose();
      const expected = readNpy(join(folder, `${name}.logits.npy`)).data;
      const largest = Math.max(...Array.from(expected, Math.abs));
      const worst = Math.max(...Array.from(expected, (value, i) => Math.abs(value - outputs.logits![i]!)));
      expect(worst / largest).to.be.lessThan(2e-5);
      expect(largest).to.be.greaterThan(0.1);
    });
  }

  goldenFiles("checkpoint_layouts").forEach(({ place, folder: layouts }, i) => {
    it(`loads files written here, bit for bit: ${place}`, async function () {
      const golden = join(layouts(this), "zip_dtypes.pth");
      const ours = join(folder, `ours${i}.pth`);
      const { tensors } = await convertWeights({ from: golden, to: ours });
      expect(python("check", ours, golden)).to.equal(String(tensors));
      const theirs = join(goldenFiles("checkpoints")[i]!.folder(this), "tiny_flat.pth");
      const arrays = join(folder, `ours${i}.npz`);
      await convertWeights({ from: theirs, to: arrays });
      expect(Number(python("check", arrays, theirs))).to.be.greaterThan(10);
    });
  });
});
