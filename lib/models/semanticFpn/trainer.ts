import type { SegmentationBatch } from "../../datasets/loader/batch.js";
import {
  cast,
  constant,
  gather,
  input,
  less,
  mul,
  reshape,
  resizeBilinear,
  resizedCrossEntropy,
  scalar,
  softmaxCrossEntropy,
  sum,
  type Value,
} from "../../graph/index.js";
import type { ClassLoss } from "../../heads/losses/loss.js";
import type { Context } from "../../nn/context.js";
import type { Trainer, TrainerOptions } from "../model.js";
import { programTrainer } from "../programTrainer.js";
import type { SemanticFpn } from "./model.js";

export interface SemanticTrainerOptions extends TrainerOptions {
  readonly model: SemanticFpn;
  /** Divide the loss by all pixels, ignored ones included; else by the labelled ones. */
  readonly averageOverAllPixels: boolean;
  /** [classes]; default all 1. */
  readonly classWeights?: readonly number[] | undefined;
  /** Default cross-entropy. */
  readonly classLoss?: ClassLoss | undefined;
}

type LossOptions = Pick<SemanticTrainerOptions, "classWeights" | "classLoss">;

/** The training step of Semantic FPN: forward, cross-entropy at full size and all gradients are one program. */
export function semanticTrainer({
  model,
  averageOverAllPixels,
  classWeights,
  classLoss,
  ...options
}: SemanticTrainerOptions): Trainer<SegmentationBatch> {
  const { parameters, classes } = model;
  // As elsewhere, the validation loss is that of every pixel.
  const losses = (images: Value, context: Context, training: boolean) => ({
    loss: lossOf(model, images, context, { classLoss, ...(training && { classWeights }) }),
  });
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

/** Σ over labelled pixels of the loss, times the input `normaliser`. */
function lossOf(model: SemanticFpn, images: Value, context: Context, { classWeights, classLoss }: LossOptions): Value {
  const [batch, , height, width] = images.shape as [number, number, number, number];
  const labels = cast(input("labels", [batch, height, width], "uint8"), "int32");
  const labelled = cast(less(labels, scalar(model.classes, "int32")), "float32");
  const counting = classWeights === undefined ? labelled : gather(weightTable(classWeights), labels, 0);
  const weights = mul(counting, reshape(input("normaliser", [1]), []));
  const logits = model.forward(images, context);
  if (classLoss === undefined) return resizedCrossEntropy(logits, labels, weights);
  // Of each pixel: what the operator above does without, the enlarged logits, is needed.
  const full = reshape(resizeBilinear(logits, [height, width]), [batch, model.classes, height * width]);
  const right = reshape(labels, [batch, height * width]);
  const perPixel = classLoss({ crossEntropy: softmaxCrossEntropy(full, right), logits: full, labels: right });
  return sum(mul(perPixel, reshape(weights, [batch, height * width])));
}

/** [256] by label; those that are no class have 0. */
const weightTable = (classWeights: readonly number[]): Value =>
  constant(
    Float32Array.from({ length: 256 }, (_, label) => classWeights[label] ?? 0),
    [256],
  );

/** 1 / the number of pixels that the loss is averaged over; 0 if there are none. */
function normaliser(labels: Uint8Array, classes: number, all: boolean): number {
  let count = 0;
  if (all) count = labels.length;
  else for (const label of labels) if (label < classes) count++;
  return count === 0 ? 0 : 1 / count;
}
