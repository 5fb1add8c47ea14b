import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { exportModel } from "../../lib/export/exportModel.js";
import { verifyModel } from "../../lib/export/verify/verify.js";
import { sizeOfArchitecture } from "../../lib/slimming/architecture.js";
import { subnetWeights } from "../../lib/slimming/subnet.js";
import { openSupernet } from "../../lib/slimming/supernet.js";
import { toMetadata } from "../../lib/tasks/description.js";
import { writeSafetensors } from "../../lib/tensorfiles/safetensors.js";
import { predictFiles } from "../../lib/use/predict.js";
import { backboneConfig } from "../support/backboneGoldens.js";
import { gridConfig, writeGridData } from "../support/grid.js";
import { messagesOf, trainQuietly } from "../support/runs.js";

const SUPERNET = { widths: [32, 32, 48, 64], depths: [2, 1, 2, 2], attentionBlocks: 3 } as const;
/** MB3D from stage 3 on, narrower in three stages. */
const FOUND = {
  widths: [16, 32, 32, 48],
  paths: [["identity", "MB4D"], ["MB4D"], ["identity", "MB3D"], ["MB3D", "MB3D"]],
} as const;

describe("a network taken out of a supernet", function () {
  this.timeout(300_000);
  let folder: string;
  let weights: string;
  const backbone = (more: object = {}) =>
    backboneConfig.parse({ type: "efficientformer", size: sizeOfArchitecture(FOUND), ...more });
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "slimmed-"));
    weights = join(folder, "slimmed.safetensors");
    await writeGridData(folder);
    const supernet = backboneConfig.parse({ type: "efficientformerSupernet", size: SUPERNET });
    const { config, result } = await trainQuietly(gridConfig("classification", supernet, folder), ["training.steps=3"]);
    const { values, description } = await openSupernet(config, result.run);
    await writeSafetensors(weights, subnetWeights(values, SUPERNET, FOUND), toMetadata(description));
  });
  after(() => rmSync(folder, { recursive: true }));

  it("is trained from its weights, exported, verified and used for prediction", async () => {
    const input = gridConfig("classification", backbone({ weights }), folder);
    const { config, result, events } = await trainQuietly(input, ["training.steps=3"]);
    expect(messagesOf(events)).to.match(/^backbone: loaded (\d+) of \1 tensors from .*slimmed\.safetensors/m);
    const out = join(folder, "slimmed.onnx");
    await exportModel({ config, weights: result.run, format: "onnx", out });
    const verified = await verifyModel({ model: out, config, weights: result.run, data: true });
    expect(verified.failures).to.deep.equal([]);
    expect(verified.passed).to.equal(true);
    const inputs = [join(folder, "crops", "val", "**", "*")];
    const { images, unreadable } = await predictFiles({
      config,
      weights: result.run,
      inputs,
      outDir: join(folder, "found"),
    });
    expect(unreadable).to.deep.equal([]);
    expect(images.length).to.be.above(5);
  });

  it("is the backbone of a Mask R-CNN that trains", async () => {
    const input = gridConfig("detection", backbone({ weights }), folder);
    const { result, events } = await trainQuietly(input, ["training.steps=4"]);
    expect(result.steps).to.equal(4);
    expect(messagesOf(events)).to.contain("slimmed.safetensors");
    const losses = events.flatMap((event) => (event.type === "step" ? [event.loss] : []));
    expect(losses.every(Number.isFinite)).to.equal(true);
  });
});
