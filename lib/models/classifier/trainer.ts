import type { ClassificationBatch } from "../../datasets/loader/batch.js";
import {
  add,
  broadcastTo,
  input,
  int32Indices,
  logSumExp,
  mul,
  reshape,
  scalar,
  sub,
  sum,
  type Value,
} from "../../graph/index.js";
import type { ClassLoss } from "../../heads/losses/loss.js";
import type { Context } from "../../nn/context.js";
import type { Trainer, TrainerOptions } from "../model.js";
import { programTrainer } from "../programTrainer.js";
import { type DistillationOptions, distillationTargets } from "./distillation.js";
import { type MixingOptions, mixBatch } from "./mixing.js";
import type { ClassifierModel } from "./model.js";
import { targetsOf } from "./targets.js";

export interface ClassifierTrainerOptions extends TrainerOptions {
  readonly model: ClassifierModel;
  readonly labelSmoothing: number;
  /** [classes] */
  readonly classWeights?: readonly number[] | undefined;
  /** Default cross-entropy. */
  readonly classLoss?: ClassLoss | undefined;
  readonly mixing: MixingOptions;
  readonly distillation?: DistillationOptions | undefined;
}

/**
 * The training step of a classifier: cross-entropy against soft targets, which the host makes, and all gradients are
 * one program. With a teacher there is a second cross-entropy against the teacher's output, for the distillation head
 * if the model has one, otherwise for its only head.
 */
export function classifierTrainer(options: ClassifierTrainerOptions): Trainer<ClassificationBatch> {
  const { model, labelSmoothing, classWeights, classLoss, mixing, distillation, ...shared } = options;
  const { classes, parameters } = model;
  const temperature = distillation?.type === "soft" ? distillation.temperature : 1;

  const labelled = (logits: Value, targets: Value): Value => lossOf(logits, targets, classLoss);
  const losses = (images: Value, context: Context, training: boolean): Readonly<Record<string, Value>> => {
    const targets = input("targets", [images.shape[0]!, classes]);
    const heads = training ? model.forwardHeads?.(images, context) : undefined;
    const [own, distilled] = heads ?? twice(model.forward(images, context));
    if (training && distillation !== undefined) {
      const teacher = input("teacher", [images.shape[0]!, classes]);
      return {
        class: labelled(own, targets),
        distillation: crossEntropy(mul(distilled, scalar(1 / temperature)), teacher),
      };
    }
    if (heads === undefined) return { class: labelled(own, targets) };
    // Without a teacher both heads learn the labels, because the prediction is the mean of both.
    return { class: mul(add(labelled(own, targets), labelled(distilled, targets)), scalar(0.5)) };
  };
  const trainer = programTrainer({ parameters, losses }, shared);

  return {
    async step(batch, step) {
      const own = mixBatch(batch, mixing, step.random.child("mixing"));
      const targets = targetsOf(batch.labels, { classes, labelSmoothing, classWeights, own });
      if (distillation === undefined) return trainer.step(batch, { targets }, step);
      const { weight } = distillation;
      const { teacher, entropy } = await distillationTargets(batch, classes, distillation, own);
      const given = { targets: targets.map((target) => (1 - weight) * target), teacher };
      const found = await trainer.step(batch, given, step);
      return { ...found, distillation: found.distillation! - entropy };
    },
    losses: (batch) =>
      trainer.losses(batch, { targets: targetsOf(batch.labels, { classes, labelSmoothing: 0, own: 1 }) }),
    async dispose() {
      await trainer.dispose();
      await distillation?.teacher.dispose();
    },
  };
}

const twice = (logits: Value): readonly [Value, Value] => [logits, logits];

/** Σ targets · loss, both [B, classes], the loss being that of each class if it were the right one; cross-entropy by default. */
function lossOf(logits: Value, targets: Value, classLoss?: ClassLoss): Value {
  const crossEntropy = sub(logSumExp(logits, 1), logits);
  if (classLoss === undefined) return sum(mul(targets, crossEntropy));
  const [batch, classes] = logits.shape as [number, number];
  const each = int32Indices(Array.from({ length: classes }, (_, k) => k));
  const scores = broadcastTo(reshape(logits, [batch, classes, 1]), [batch, classes, classes]);
  const labels = broadcastTo(reshape(each, [1, classes]), [batch, classes]);
  return sum(mul(targets, classLoss({ crossEntropy, logits: scores, labels })));
}

const crossEntropy = (logits: Value, targets: Value): Value => lossOf(logits, targets);
