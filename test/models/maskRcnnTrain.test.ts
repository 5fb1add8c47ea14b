import { expect } from "chai";
import type { DetectionConfig } from "../../lib/config/schema.js";
import type { DetectionBatch } from "../../lib/datasets/loader/batch.js";
import { metaOf } from "../../lib/datasets/meta.js";
import type { Instances } from "../../lib/datasets/types.js";
import { onnxRuntimeEngine } from "../../lib/engines/onnxruntime/engine.js";
import { encodeRle } from "../../lib/masks/rle.js";
import { decompressRle } from "../../lib/masks/strings.js";
import { maskRcnn } from "../../lib/models/maskRcnn/model.js";
import { maskRcnnTrainer } from "../../lib/models/maskRcnn/trainer.js";
import { ParameterValues, viewsOf } from "../../lib/nn/parameters.js";
import { Random } from "../../lib/random.js";
import { maskRcnnConfig, type NarrowHeads } from "../support/configs.js";
import { goldens } from "../support/goldens.js";
import {
  expectGoldenGradients,
  fillFromPrng,
  type GoldenGradient,
  type PrngInput,
  prngInput,
} from "../support/tensors.js";

interface Golden {
  readonly prefix: string;
  readonly gains: Record<string, number>;
  readonly num_classes: number;
  /** With the smallest backbone and narrow heads; otherwise all is the published recipe's. */
  readonly narrow?: NarrowHeads;
  readonly input: PrngInput;
  readonly gt_boxes: readonly (readonly (readonly number[])[])[];
  readonly gt_labels: readonly (readonly number[])[];
  readonly gt_mask_rle: readonly (readonly string[])[];
  readonly proposals: readonly string[];
  readonly losses: {
    readonly loss_rpn_cls: readonly number[];
    readonly loss_rpn_bbox: readonly number[];
    readonly loss_cls: number;
    readonly loss_bbox: number;
    readonly loss_mask: number;
  };
  readonly params: readonly GoldenGradient[];
}

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

/** Of all levels. */
function anchorsOf({ input }: Golden): number {
  const [height, width] = input.shape.slice(2) as [number, number];
  return sum([4, 8, 16, 32, 64].map((stride) => 3 * Math.ceil(height / stride) * Math.ceil(width / stride)));
}

function instancesOf(golden: Golden, image: number): Instances {
  const [height, width] = golden.input.shape.slice(2) as [number, number];
  const boxes = golden.gt_boxes[image]!;
  return {
    boxes: Float32Array.from(boxes.flat()),
    labels: Int32Array.from(golden.gt_labels[image]!),
    crowd: new Uint8Array(boxes.length),
    masks: golden.gt_mask_rle[image]!.map((rle) => decompressRle(rle, height, width)),
    areas: new Float32Array(boxes.length),
    ids: new Float64Array(boxes.length),
  };
}

describe("a training step of Mask R-CNN", () => {
  for (const { place, open } of goldens("maskrcnn_train")) {
    it(`gives the losses and gradients of the reference: ${place}`, async function () {
      const { json, array } = open(this);
      const golden = json<Golden>("meta.json");
      const { narrow } = golden;
      const proposals = golden.proposals.map((file) => {
        const { data } = array(file);
        return Float32Array.from(Array.from(data).filter((_, i) => i % 5 < 4)); // the fifth column is the score
      });
      // Everything is sampled, so nothing is random: there are as many places as anchors and RoIs.
      const everything: DetectionConfig["model"] = maskRcnnConfig({
        rpnSamples: anchorsOf(golden),
        roiSamples: Math.max(...golden.gt_boxes.map((boxes, i) => boxes.length + proposals[i]!.length / 4)),
        ...(narrow && { variant: "nano", narrow }),
      });
      const all = { ...everything.head, rpn: { ...everything.head.rpn, positiveFraction: 1 } };
      const head = { ...all, roi: { ...all.roi, positiveFraction: 1 } };
      const model = maskRcnn({ ...everything, head }, golden.num_classes, true);
      const values = new ParameterValues(model.parameters);
      fillFromPrng(values, model.parameters, golden.prefix, golden.gains);
      const trainer = maskRcnnTrainer({
        model,
        values,
        engine: onnxRuntimeEngine(),
        normMode: () => "batch",
        frozen: () => false,
        proposals: () => proposals,
      });
      const [, , height, width] = golden.input.shape as [number, number, number, number];
      const meta = { id: 0, file: "", originalHeight: height, originalWidth: width, height, width, flipped: false };
      const batch: DetectionBatch = {
        kind: "detection",
        images: prngInput(golden.input),
        height,
        width,
        indices: Int32Array.of(0, 1),
        meta: [0, 1].map(() => ({ ...meta, scaleFactor: [1, 1] as const })),
        instances: [instancesOf(golden, 0), instancesOf(golden, 1)],
      };
      const gradients = new Float32Array(values.flat.length);
      const losses = await trainer.step(batch, { random: Random.of(0), gradients });
      await trainer.dispose();

      const expected = golden.losses;
      const close = (name: string, value: number) =>
        expect(losses[name], name).to.be.closeTo(value, 1e-4 * Math.max(value, 1e-3));
      close("rpnClass", sum(expected.loss_rpn_cls));
      close("rpnBox", sum(expected.loss_rpn_bbox));
      close("boxClass", expected.loss_cls);
      close("box", expected.loss_bbox);
      close("mask", expected.loss_mask);
      expectGoldenGradients(viewsOf(gradients, values.trainable), golden.params, 5e-3);
    });
  }

  it("gives only the heads' gradients if everything before them is frozen", async () => {
    const side = 64;
    const model = maskRcnn(maskRcnnConfig({ variant: "nano", rpnSamples: 32, roiSamples: 16 }), 2, true);
    const values = new ParameterValues(model.parameters);
    values.initialise((name) => Random.of(name));
    const image = Random.of("image");
    const batch: DetectionBatch = {
      kind: "detection",
      images: Float32Array.from({ length: 3 * side * side }, () => image.uniform(-1, 1)),
      height: side,
      width: side,
      indices: Int32Array.of(0),
      meta: [metaOf({ id: 0, file: "" }, { width: side, height: side })],
      instances: [
        {
          boxes: Float32Array.of(8, 8, 40, 48),
          labels: Int32Array.of(1),
          crowd: new Uint8Array(1),
          masks: [encodeRle(new Uint8Array(side * side).fill(1), side, side)],
          areas: new Float32Array(1),
          ids: new Float64Array(1),
        },
      ],
    };
    const isHead = (name: string) => name.startsWith("rpn_head") || name.startsWith("roi_head");
    const stepOf = async (frozen: (name: string) => boolean) => {
      const trainer = maskRcnnTrainer({
        model,
        values,
        engine: onnxRuntimeEngine({ threads: 1 }),
        normMode: () => "running",
        frozen,
      });
      const gradients = new Float32Array(values.flat.length).fill(Number.NaN);
      const losses = await trainer.step(batch, { random: Random.of("step"), gradients });
      await trainer.dispose();
      return { losses, gradients: viewsOf(gradients, values.trainable) };
    };
    const whole = await stepOf(() => false);
    const heads = await stepOf((name) => !isHead(name));
    for (const [name, loss] of Object.entries(whole.losses)) {
      expect(heads.losses[name], name).to.be.closeTo(loss, 1e-5 * loss);
    }
    for (const [name, gradient] of heads.gradients) {
      const expected = isHead(name) ? whole.gradients.get(name)! : new Float32Array(gradient.length);
      const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      for (const [i, value] of gradient.entries()) {
        if (!(Math.abs(value - expected[i]!) <= 1e-4 * largest)) expect(value, `${name} ${i}`).to.equal(expected[i]);
      }
    }
    expect([...heads.gradients.values()].some((gradient) => gradient.some((value) => value !== 0))).to.equal(true);
  });
});
