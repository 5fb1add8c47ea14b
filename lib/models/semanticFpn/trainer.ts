import type { SegmentationBatch } from "../../datasets/loader/batch.js";
import { cast, input, less, mul, reshape, resizedCrossEntropy, scalar, type Value } from "../../graph/index.js";
import type { Context } from "../../nn/context.js";
import type { Trainer, TrainerOptions } from "../model.js";
import { programTrainer } from "../programTrainer.js";
import type { SemanticFpn } from "./model.js";

export interface SemanticTrainerOptions extends TrainerOptions {
  readonly model: SemanticFpn;
  /** Divide the loss by all pixels, ignored ones included; else by the labelled ones. */
  readonly averageOverAllPixels: boolean;
}

/** The training step of Semantic FPN: forward, cross-entropy at full size and all gradients are one program. */
export function semanticTrainer({
  model,
  averageOverAllPixels,
  ...options
}: SemanticTrainerOptions): Trainer<SegmentationBatch> {
  const { parameters, classes } = model;
  const losses = (images: Value, context: Context) => ({ loss: crossEntropy(model, images, context) });
  const trainer = programTrainer({ parameters, losses }, options);
  const given = ({ labels }: SegmentationBatch) => ({
    labels,
    normaliser: Float32Array.of(normaliser(labels, classes, averageOverAllPixels)),
  });
  return {
    step: (batch, step) => trainer.step(batch, given(batch), step),
    losses: (batch) => trainer.losses(batch, given(batch)),
    dispose: trainer.dispose,
  };
}

/** Σ over labelled pixels of the cross-entropy, times the input `normaliser`. */
function crossEntropy(model: SemanticFpn, images: Value, context: Context): Value {
  const [batch, , height, width] = images.shape as [number, number, number, number];
  const labels = cast(input("labels", [batch, height, width], "uint8"), "int32");
  const labelled = cast(less(labels, scalar(model.classes, "int32")), "float32");
  const weights = mul(labelled, reshape(input("normaliser", [1]), []));
  return resizedCrossEntropy(model.forward(images, context), labels, weights);
}

/** 1 / the number of pixels that the loss is averaged over; 0 if there are none. */
function normaliser(labels: Uint8Array, classes: number, all: boolean): number {
  let count = 0;
  if (all) count = labels.length;
  else for (const label of labels) if (label < classes) count++;
  return count === 0 ? 0 : 1 / count;
}
