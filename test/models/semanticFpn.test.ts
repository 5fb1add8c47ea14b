import { expect } from "chai";
import type { SegmentationConfig } from "../../lib/config/schema.js";
import type { SegmentationBatch } from "../../lib/datasets/loader/batch.js";
import { onnxRuntimeEngine } from "../../lib/engines/onnxruntime/engine.js";
import { input, resizeBilinear } from "../../lib/graph/index.js";
import { semanticFpn } from "../../lib/models/semanticFpn/model.js";
import { semanticTrainer } from "../../lib/models/semanticFpn/trainer.js";
import { Context } from "../../lib/nn/context.js";
import { ParameterValues, viewsOf } from "../../lib/nn/parameters.js";
import { createOptimizer } from "../../lib/optimizers/index.js";
import { Random } from "../../lib/random.js";
import { createSegments } from "../../lib/training/segments.js";
import { integers } from "../../tools/prng.js";
import { inShared, inTree, withRecordings } from "../support/goldens.js";
import {
  expectClose,
  expectGoldenGradients,
  expectGoldenOutput,
  expectGoldenParameters,
  fillFromPrng,
  type GoldenGradient,
  type GoldenParameters,
  type PrngInput,
  prngInput,
  type SampledOutput,
} from "../support/tensors.js";

type Variant = "nano" | "l1";

const modelOf = (variant: Variant): SegmentationConfig["model"] => ({
  backbone: {
    type: "efficientformer",
    variant,
    dropPath: 0,
    layerScaleInit: 1e-5,
    frozenStages: 0,
    attentionBias: "zeros",
    batchNorm: "training",
  },
  neck: { type: "fpn", channels: 256 },
  head: { type: "semanticFpn", channels: 128, dropout: 0, classifierStd: 0.01, averageOverAllPixels: true },
});

interface GoldenCase extends GoldenParameters {
  readonly tag: string;
  readonly prefix: string;
  readonly num_classes: number;
  readonly gains: Record<string, number>;
  readonly bias_overrides: Record<string, number[]>;
  readonly input: PrngInput;
  readonly outputs: readonly SampledOutput[];
  readonly argmax_pixels_with_gap_below_1e_4: number;
}

interface GoldenStep {
  readonly prefix: string;
  readonly num_classes: number;
  readonly gains: Record<string, number>;
  readonly input: PrngInput;
  readonly label: { readonly key: string; readonly shape: readonly number[] };
  readonly loss: number;
  readonly loss_mean_over_valid: number;
  readonly optimizer: { readonly lr: number; readonly weight_decay: number };
  readonly params: readonly (GoldenGradient & { readonly after_step: readonly number[] })[];
  readonly bn_after: readonly {
    readonly name: string;
    readonly idx: readonly number[];
    readonly val: readonly number[];
  }[];
}

interface Golden {
  readonly cases: readonly GoldenCase[];
  readonly training: GoldenStep;
}

for (const [variant, { place, open }] of withRecordings(
  [["nano", inTree("semfpn_e2e")]],
  [["l1", inShared("semfpn_e2e")]],
)) {
  describe(`Semantic FPN: ${place}`, () => {
    const engine = onnxRuntimeEngine();

    it("gives the reference's logits and label map", async function () {
      const recorded = open(this);
      const golden = recorded.json<Golden>("meta.json").cases.find(({ tag }) => tag === variant)!;
      const model = semanticFpn(modelOf(variant), golden.num_classes);
      expectGoldenParameters(model.parameters, golden);
      const values = new ParameterValues(model.parameters);
      fillFromPrng(values, model.parameters, golden.prefix, golden.gains, golden.bias_overrides);

      const logits = model.forward(input("images", golden.input.shape), Context.inference(values));
      const [height, width] = golden.input.shape.slice(2) as [number, number];
      const program = await engine.compile({ logits, full: resizeBilinear(logits, [height, width]) });
      const { logits: strided, full } = await program.run({ images: prngInput(golden.input) });
      await program.dispose();
      const stored = (name: string) => golden.outputs.find((output) => output.name === `${variant}.${name}`)!;
      expectGoldenOutput(recorded, stored("logits_stride4"), strided!, 2e-5);
      expectGoldenOutput(recorded, stored("logits_full"), full!, 2e-5);

      const { indices, data: expected } = recorded.array(`${variant}.argmax.npy`);
      const pixels = height * width;
      let different = 0;
      for (let i = 0; i < expected.length; i++) {
        const p = indices?.[i] ?? i;
        let best = 0;
        for (let k = 1; k < golden.num_classes; k++) if (full![k * pixels + p]! > full![best * pixels + p]!) best = k;
        if (best !== expected[i]) different++;
      }
      expect(new Set(Array.from(expected)).size, "classes in the label map").to.be.above(3);
      expect(different).to.be.at.most(golden.argmax_pixels_with_gap_below_1e_4);
    });

    describe("a training step", () => {
      const step = async (golden: GoldenStep, averageOverAllPixels: boolean) => {
        const model = semanticFpn(modelOf(variant), golden.num_classes);
        const values = new ParameterValues(model.parameters);
        fillFromPrng(values, model.parameters, golden.prefix, golden.gains);
        const trainer = semanticTrainer({
          model,
          values,
          engine,
          averageOverAllPixels,
          normMode: () => "batch",
          frozen: () => false,
        });
        const [count, height, width] = golden.label.shape as [number, number, number];
        const labels = Uint8Array.from(integers(golden.label.key, count * height * width, 12), (label) =>
          label === 11 ? 255 : label,
        );
        const batch: SegmentationBatch = {
          kind: "segmentation",
          images: prngInput(golden.input),
          height,
          width,
          indices: Int32Array.of(0, 1),
          meta: [],
          labels,
          labelMaps: [],
        };
        const gradients = new Float32Array(values.flat.length);
        const losses = await trainer.step(batch, { random: Random.of(0), gradients });
        await trainer.dispose();
        return { loss: losses.loss!, gradients, values };
      };

      it("gives the reference's loss, gradients, running statistics and parameters after AdamW", async function () {
        const golden = open(this).json<Golden>("meta.json").training;
        const { loss, gradients, values } = await step(golden, true);
        expect(loss).to.be.closeTo(golden.loss, 1e-5 * golden.loss);
        const views = viewsOf(gradients, values.trainable);
        expectGoldenGradients(views, golden.params, 2e-3);
        for (const { name, idx, val } of golden.bn_after) {
          expectClose(
            idx.map((i) => values.view(name)[i]!),
            val,
            1e-4,
            name,
          );
        }

        const { lr, weight_decay: weightDecay } = golden.optimizer;
        const betas: [number, number] = [0.9, 0.999];
        const every = { decayNormsAndBiases: true, multipliers: [] };
        const config = { type: "adamw" as const, lr, weightDecay, betas, eps: 1e-8, ...every };
        const optimizer = createOptimizer(config, values.flat.length);
        const segments = createSegments(values.trainable, { optimizer: config });
        optimizer.update({ parameters: values.flat, gradients, segments, lr, update: 1 });
        for (const { name, idx, grad, after_step } of golden.params) {
          idx.forEach((flat, i) => {
            // For a gradient close to 0, Adam's first step is its sign, which depends on rounding.
            if (Math.abs(grad[i]!) <= 1e-6) return;
            expect(values.view(name)[flat], `${name}[${flat}] after the step`).to.be.closeTo(after_step[i]!, 2e-6);
          });
        }
      });

      it("averages over the labelled pixels by default", async function () {
        const golden = open(this).json<Golden>("meta.json").training;
        const { loss } = await step(golden, false);
        expect(loss).to.be.closeTo(golden.loss_mean_over_valid, 1e-5 * golden.loss_mean_over_valid);
      });
    });
  });
}
