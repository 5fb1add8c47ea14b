import { z } from "zod";
import { optimizerConfig } from "../optimizers/index.js";
import { decayRate } from "../optimizers/optimizer.js";
import { scheduleConfig } from "../schedules/index.js";
import { count, flag, positive } from "../schemas/fields.js";

/** @param metrics the metrics of the task, of which the first decides by default which checkpoint is best */
export function training<const Metrics extends readonly [string, ...string[]]>(metrics: Metrics) {
  return z
    .strictObject({
      epochs: count("Length of the run in passes over the training set; either this or steps").exactOptional(),
      steps: count("Length of the run in optimiser steps; either this or epochs").exactOptional(),
      optimizer: optimizerConfig,
      schedule: scheduleConfig,
      clipNorm: positive("Gradients are scaled down to this Euclidean norm; without it, they are not").exactOptional(),
      adaptiveClipping: z
        .strictObject({
          factor: positive("Largest norm of a unit's gradient, as a share of the norm of its weights").default(0.01),
          eps: positive("Least norm of weights that is reckoned with").default(1e-3),
        })
        .exactOptional()
        .describe(
          "Adaptive gradient clipping: the gradient of each output channel, or of a vector as a whole, is scaled down to a share of its weights' norm, but for layers that give the model's answers; before clipNorm, if both are set",
        ),
      ema: z
        .strictObject({
          decay: decayRate.default(0.9999).describe("Share of the average that a step keeps"),
          warmup: flag(
            "At step t the share is (1 + t) / (10 + t) while that is less, so that the initial weights are soon forgotten",
          ).default(true),
        })
        .exactOptional()
        .describe(
          "A moving average of weights and running statistics, which is validated and kept as the best; the training itself does not see it",
        ),
      accumulate: count("Batches whose gradients are averaged into one step").default(1),
      evaluateEvery: count(
        "Epochs (or steps, as the length) between validations; without it, only at the end",
      ).exactOptional(),
      earlyStopping: z
        .strictObject({
          metric: z
            .enum(metrics)
            .exactOptional()
            .describe("What is watched; without it, the metric of checkpoint.best"),
          patience: count("Validations in a row without a better figure after which training stops"),
          minDelta: z.number().min(0).default(0).describe("By how much more than this a figure must be better"),
        })
        .exactOptional()
        .describe("Training stops when validation gets no better"),
      checkpoint: z
        .strictObject({
          every: count(
            "Epochs (or steps, as the length) between checkpoints; besides, there is one at each validation, after the first step and at the end",
          ).exactOptional(),
          minutes: positive("Minutes after which there is one in any case").default(10),
          keep: count(
            "Checkpoints kept; besides them the best one's weights, and while the loss grows the last one from before",
          ).default(2),
          best: z.enum(metrics).default(metrics[0]).describe("Metric of the best checkpoint"),
        })
        .prefault({}),
      logEvery: count("Steps between log lines").default(10),
      seed: z.int().min(0).default(0).describe("Every random choice of the run follows from it"),
    })
    .superRefine(({ epochs, steps, evaluateEvery, earlyStopping }, context) => {
      if (earlyStopping !== undefined && evaluateEvery === undefined) {
        const message = "needs training.evaluateEvery: without it there is one validation, at the end";
        context.addIssue({ code: "custom", path: ["earlyStopping"], message });
      }
      if (epochs === undefined && steps === undefined) {
        context.addIssue({ code: "custom", message: "needs epochs or steps" });
      }
      if (epochs !== undefined && steps !== undefined) {
        context.addIssue({
          code: "custom",
          path: ["steps"],
          message: "epochs and steps are both set; delete one by setting it to null",
        });
      }
    })
    .describe("How to train");
}
