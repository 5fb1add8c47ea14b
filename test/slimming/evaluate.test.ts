import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { pathsOfSupernet } from "../../lib/backbones/efficientformerSupernet.js";
import { resolveConfig } from "../../lib/config/load.js";
import { openEngine } from "../../lib/engines/index.js";
import { evaluate } from "../../lib/inference/evaluate.js";
import { type Parameter, ParameterValues } from "../../lib/nn/parameters.js";
import { Random } from "../../lib/random.js";
import { architectureOf, sizeOfArchitecture } from "../../lib/slimming/architecture.js";
import { calibrationOf } from "../../lib/slimming/calibrate.js";
import { subnetEvaluator } from "../../lib/slimming/evaluate.js";
import { subnetWeights } from "../../lib/slimming/subnet.js";
import { importancesOf, openSupernet } from "../../lib/slimming/supernet.js";
import { toMetadata } from "../../lib/tasks/description.js";
import { kindOf } from "../../lib/tasks/kinds.js";
import { writeSafetensors } from "../../lib/tensorfiles/safetensors.js";
import { backboneConfig } from "../support/backboneGoldens.js";
import { userMessage } from "../support/failure.js";
import { gridConfig, writeGridData } from "../support/grid.js";
import { trainQuietly } from "../support/runs.js";

const SIZE = { widths: [16, 32, 32, 48], depths: [1, 2, 2, 2], attentionBlocks: 2 } as const;
const WHOLE = architectureOf(SIZE);
const SMALLER = {
  widths: [16, 16, 32, 32],
  paths: [["MB4D"], ["identity", "MB4D"], ["MB4D", "identity"], ["MB4D", "MB3D"]],
} as const;

describe("evaluating networks of a supernet", function () {
  this.timeout(300_000);
  let folder: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "subnets-"));
    await writeGridData(folder);
  });
  after(() => rmSync(folder, { recursive: true }));

  for (const task of ["classification", "segmentation"] as const) {
    it(`${task}: gives the metrics of the network by itself, without compiling it`, async () => {
      const input = gridConfig(
        task,
        backboneConfig.parse({ type: "efficientformerSupernet", size: SIZE, layerScaleInit: 1 }),
        folder,
      );
      const { config, result } = await trainQuietly(input, ["training.steps=20", "training.optimizer.lr=2e-3"]);
      const supernet = await openSupernet(config, result.run);
      const engine = await openEngine(config.engine);
      let compiled = 0;
      const counting = {
        ...engine,
        compile: (...of: Parameters<typeof engine.compile>) => {
          compiled++;
          return engine.compile(...of);
        },
      };
      const evaluator = await subnetEvaluator(supernet, { engine: counting, loss: task === "classification" });
      await evaluator.evaluate(WHOLE);
      const before = compiled;
      const found = [];
      for (const architecture of [SMALLER, WHOLE, SMALLER]) found.push(await evaluator.evaluate(architecture));
      expect(compiled).to.equal(before);
      expect(found[2]).to.deep.equal(found[0]);
      await evaluator.dispose();

      for (const [i, architecture] of [SMALLER, WHOLE].entries()) {
        const weights = join(folder, `${task}-${i}.safetensors`);
        await writeSafetensors(
          weights,
          subnetWeights(supernet.values, SIZE, architecture),
          toMetadata(supernet.description),
        );
        const own = { type: "efficientformer", size: sizeOfArchitecture(architecture) };
        const slimmed = resolveConfig({ ...config, model: { ...config.model, backbone: own } } as never).config;
        const { metrics } = await evaluate({ config: slimmed, weights, output: join(folder, `${task}-${i}`) });
        const { accuracy, images, metrics: judged } = found[i]!;
        expect(images).to.be.above(4);
        expect(accuracy).to.be.closeTo(metrics[task === "classification" ? "top1" : "mIoU"]!, 1e-3);
        const shared = Object.keys(metrics).filter((name) => name in judged && name !== "loss");
        expect(shared.length).to.be.above(1);
        for (const name of shared) expect(judged[name], name).to.be.closeTo(metrics[name]!, 1e-3);
      }
      expect(found[0]!.metrics).not.to.deep.equal(found[1]!.metrics);
      if (task === "classification") expect(found[0]!.metrics.loss).to.be.above(0);
      const few = await subnetEvaluator(supernet, { engine, images: 3 });
      expect((await few.evaluate(SMALLER)).images).to.equal(3);
      await few.dispose();
    });
  }

  it("gives each network's batch norms the statistics that it has by itself", async () => {
    const input = gridConfig(
      "classification",
      backboneConfig.parse({ type: "efficientformerSupernet", size: SIZE, layerScaleInit: 1 }),
      folder,
    );
    const { config, result } = await trainQuietly(input, [
      "training.steps=4",
      `output=${join(folder, "calibrated-run")}`,
    ]);
    const supernet = await openSupernet(config, result.run);
    const engine = await openEngine(config.engine);
    const evaluator = await subnetEvaluator(supernet, { engine, calibration: 2 });
    const judged = await evaluator.evaluate(SMALLER);
    const values = await evaluator.valuesOf(SMALLER);
    await evaluator.dispose();
    const weights = subnetWeights(values, SIZE, SMALLER);
    const before = subnetWeights(supernet.values, SIZE, SMALLER);

    const own = { type: "efficientformer", size: sizeOfArchitecture(SMALLER) };
    const slimmed = resolveConfig({ ...config, model: { ...config.model, backbone: own } } as never).config;
    const task = await kindOf(slimmed).open(slimmed, supernet.description);
    const alone = new ParameterValues(task.parameters);
    for (const { name } of alone.parameters) alone.view(name).set(before.get(name)!.data as Float32Array);
    const normMode = () => "batch" as const;
    const calibration = await calibrationOf(task, { engine, values: alone, normMode, batches: 2 });
    await calibration.run();
    await calibration.dispose();
    const statistics = alone.parameters.filter(({ name }) => /running_(mean|var)$/.test(name));
    expect(statistics.length).to.be.above(20);
    for (const { name } of statistics) {
      const [judgedBy, right] = [weights.get(name)!.data, alone.view(name)];
      const variance = alone.view(name.replace("running_mean", "running_var"));
      const scale = name.endsWith("mean") ? variance.map(Math.sqrt) : variance; // many means are 0 but for rounding
      expect(Math.hypot(...right.map((value, i) => value - Number(judgedBy[i]))), name).to.be.below(
        1e-4 * Math.hypot(...scale),
      );
    }
    const last = "backbone.network.6.0.mlp.norm2.running_var";
    expect(weights.get(last)!.data).not.to.deep.equal(before.get(last)?.data);

    const file = join(folder, "calibrated.safetensors");
    await writeSafetensors(file, weights, toMetadata(supernet.description));
    const { metrics } = await evaluate({ config: slimmed, weights: file, output: join(folder, "calibrated") });
    expect(judged.accuracy).to.be.closeTo(metrics.top1!, 1e-3);
  });

  it("gives the importances of trained α, as positive numbers that sum to 1", () => {
    const parameters = pathsOfSupernet(SIZE).map(({ stage, block, choices }): Parameter => {
      const alpha = (values: Float32Array) => values.set([Math.log(2), Math.log(5), 0].slice(0, values.length));
      return {
        name: `backbone.alpha.${stage * 2}.${block}`,
        shape: [choices.length],
        role: "alpha",
        initialise: alpha,
      };
    });
    const values = new ParameterValues(parameters);
    values.initialise(() => Random.of(0));
    const importances = importancesOf({ size: SIZE, values });
    expect(importances.map((stage) => stage.length)).to.deep.equal(SIZE.depths);
    expect(Object.keys(importances[0]![0]!)).to.deep.equal(["MB4D", "identity"]);
    const { MB4D, MB3D, identity } = importances[3]![1]!;
    for (const [value, share] of [
      [MB4D, 2],
      [MB3D, 5],
      [identity, 1],
    ] as const)
      expect(value).to.be.closeTo(share / 8, 1e-6);
  });

  it("refuses a config without a supernet", async () => {
    const input = gridConfig(
      "classification",
      backboneConfig.parse({ type: "efficientformer", variant: "nano" }),
      folder,
    );
    const { config } = resolveConfig(input);
    expect(await userMessage(() => openSupernet(config, "nowhere"))).to.equal(
      "model.backbone: type efficientformer has nothing to choose; a search needs type efficientformerSupernet",
    );
  });
});
