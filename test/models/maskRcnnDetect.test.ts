import { expect } from "chai";
import { onnxRuntimeEngine } from "../../lib/engines/onnxruntime/engine.js";
import { input } from "../../lib/graph/index.js";
import { rleIou } from "../../lib/masks/overlap.js";
import { decompressRle } from "../../lib/masks/strings.js";
import type { Rle } from "../../lib/masks/types.js";
import { detector } from "../../lib/models/maskRcnn/detector.js";
import { type MaskRcnn, maskRcnn } from "../../lib/models/maskRcnn/model.js";
import { proposalGraph } from "../../lib/models/maskRcnn/proposalGraph.js";
import type { Detections } from "../../lib/models/predictions.js";
import { Context } from "../../lib/nn/context.js";
import { ParameterValues } from "../../lib/nn/parameters.js";
import { maskRcnnConfig, type NarrowHeads } from "../support/configs.js";
import { type Golden, goldens } from "../support/goldens.js";
import {
  expectGoldenOutput,
  expectGoldenParameters,
  fillFromPrng,
  type GoldenParameters,
  type PrngInput,
  prngInput,
  type SampledOutput,
} from "../support/tensors.js";

const CLASSES = 3;

interface Meta extends GoldenParameters {
  readonly prefix: string;
  /** With the smallest backbone and narrow heads; otherwise all is the published recipe's. */
  readonly narrow?: NarrowHeads;
  readonly gains: Record<string, number>;
  readonly bias_overrides: Record<string, number[]>;
  readonly input: PrngInput;
  readonly img_shape_hw: readonly [number, number];
  readonly ori_shape_hw: readonly [number, number];
  readonly scale_factor: readonly [number, number, number, number];
  readonly outputs: readonly SampledOutput[];
  /** How many proposals there are, if only some are stored. */
  readonly proposal_count?: number;
}

interface Loaded {
  readonly golden: Meta;
  readonly model: MaskRcnn;
  readonly values: ParameterValues;
  readonly images: Float32Array;
}

function load({ json }: Golden): Loaded {
  const golden = json<Meta>("meta.json");
  const { narrow } = golden;
  const model = maskRcnn(maskRcnnConfig(narrow && { variant: "nano", narrow }), CLASSES, true);
  const values = new ParameterValues(model.parameters);
  fillFromPrng(values, model.parameters, golden.prefix, golden.gains, golden.bias_overrides);
  const images = prngInput(golden.input);
  const [, , height, width] = golden.input.shape as [number, number, number, number];
  const [validHeight, validWidth] = golden.img_shape_hw;
  images.forEach((_, i) => {
    if (Math.floor(i / width) % height >= validHeight || i % width >= validWidth) images[i] = 0;
  });
  return { golden, model, values, images };
}

/** The detection of the same label whose box is nearest. */
function nearest(found: Detections, box: ArrayLike<number>, label: number): { index: number; distance: number } {
  let best = { index: -1, distance: Number.POSITIVE_INFINITY };
  found.labels.forEach((own, index) => {
    if (own !== label) return;
    const distance = Math.max(...[0, 1, 2, 3].map((j) => Math.abs(found.boxes[4 * index + j]! - box[j]!)));
    if (distance < best.distance) best = { index, distance };
  });
  return best;
}

for (const { place, open } of goldens("maskrcnn_e2e")) {
  describe(`detection with Mask R-CNN: ${place}`, () => {
    const engine = onnxRuntimeEngine();

    it("has the reference's parameters, pyramid, predictions and proposals", async function () {
      const recorded = open(this);
      const { golden, model, values, images } = load(recorded);
      expectGoldenParameters(model.parameters, golden);
      const context = Context.inference(values);
      const value = input("images", golden.input.shape);
      const stages = model.backbone.forward(value, context);
      const pyramid = model.features(value, context);
      const { logits, deltas } = model.rpn.forward(pyramid, context);
      const size = input("size", [1, 4]);
      const proposals = proposalGraph(model, logits, deltas, size);
      const named = {
        ...Object.fromEntries(stages.map((value, i) => [`c${i + 2}`, value])),
        ...Object.fromEntries(pyramid.map((value, i) => [`p${i + 2}`, value])),
        ...Object.fromEntries(logits.map((value, i) => [`rpn_cls${i}`, value])),
        ...Object.fromEntries(deltas.map((value, i) => [`rpn_reg${i}`, value])),
      };
      const program = await engine.compile({ ...named, proposals: proposals.boxes, valid: proposals.valid });
      const [h, w] = golden.img_shape_hw;
      const outputs = await program.run({ images, size: Float32Array.of(w, h, w, h) });
      await program.dispose();
      for (const name of Object.keys(named)) {
        const stored = golden.outputs.find((output) => output.name === name)!;
        expectGoldenOutput(recorded, stored, outputs[name]!, 1e-4);
      }
      const expected = recorded.array("proposals.npy"); // [n, 4 or more]: the box comes first
      const [rows, columns] = expected.shape as [number, number];
      const count = golden.proposal_count ?? rows;
      expect(Array.from(outputs.valid!).filter((flag) => flag !== 0).length).to.equal(count);
      // Scores that tie after the sigmoid may swap, so each is looked for among all.
      const boxes = outputs.proposals!;
      for (let i = 0; i < rows; i++) {
        const row = Array.from({ length: 4 }, (_, j) => expected.data[columns * i + j]!);
        let distance = Number.POSITIVE_INFINITY;
        for (let k = 0; k < count; k++) {
          distance = Math.min(distance, Math.max(...[0, 1, 2, 3].map((j) => Math.abs(boxes[4 * k + j]! - row[j]!))));
        }
        expect(distance, `proposal ${i}`).to.be.at.most(0.05);
      }
    });

    for (const folded of [true, false]) {
      it(`finds the reference's boxes, classes, scores and masks (${folded ? "folded" : "open"} parameters)`, async function () {
        const recorded = open(this);
        const { golden, model, values, images } = load(recorded);
        const [, , height, width] = golden.input.shape as [number, number, number, number];
        const [x, y] = golden.scale_factor;
        const finder = detector({ model, values, engine, folded });
        const meta = {
          id: 0,
          file: "",
          originalHeight: golden.ori_shape_hw[0],
          originalWidth: golden.ori_shape_hw[1],
          height: golden.img_shape_hw[0],
          width: golden.img_shape_hw[1],
          scaleFactor: [x, y] as const,
          flipped: false,
        };
        // Twice in one batch: images must not affect each other.
        const both = new Float32Array(2 * images.length);
        both.set(images);
        both.set(images, images.length);
        const [found, again] = await finder.predict({ images: both, height, width, meta: [meta, meta] });
        await finder.dispose();
        expect(again!.boxes).to.deep.equal(found!.boxes);

        const boxes = recorded.array("det_bboxes.npy");
        const labels = Array.from(recorded.array("det_labels.npy").data);
        const masks = recorded.json<{ readonly rle: readonly string[] }>("masks.json");
        expect(found!.labels.length).to.equal(boxes.shape[0]);
        const taken = new Set<number>();
        labels.forEach((label, i) => {
          const row = Array.from(boxes.data).slice(5 * i, 5 * i + 5);
          const { index, distance } = nearest(found!, row, label);
          expect(distance, `box ${i}`).to.be.at.most(0.05);
          expect(taken.has(index), `box ${i} is found twice`).to.equal(false);
          taken.add(index);
          expect(found!.scores[index], `score ${i}`).to.be.closeTo(row[4]!, 1e-4);
          const text = masks.rle[i];
          if (text === undefined) return; // the tree has the best ones
          const mask: Rle = decompressRle(text, golden.ori_shape_hw[0], golden.ori_shape_hw[1]);
          const own = found!.masks![index]!;
          const bothEmpty = [mask, own].every((rle) => rle.counts.length <= 1);
          if (!bothEmpty) expect(rleIou([own], [mask], [0])[0], `mask ${i}`).to.be.greaterThan(0.99);
        });
      });
    }
  });
}
