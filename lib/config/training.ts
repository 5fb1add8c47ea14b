import { z } from "zod";
import { count, flag, positive } from "../schemas/fields.js";

const sharedOptimizer = {
  lr: positive("Learning rate after warm-up"),
  decayNormsAndBiases: flag("Weight decay on norms, biases, layer scales and attention biases too").default(false),
  multipliers: z
    .array(
      z.strictObject({
        match: z
          .string()
          .min(1)
          .describe(
            "A part of the model: the first words of its parameters' names, e.g. backbone or backbone.patch_embed",
          ),
        lr: z.number().min(0).describe("Multiplies the learning rate"),
      }),
    )
    .default([])
    .describe("Learning rates of parts; of several that match, the longest counts"),
};

const weightDecay = z.number().min(0);
const beta = z.number().min(0).lt(1);

export const optimizer = z
  .discriminatedUnion("type", [
    z.strictObject({
      type: z.literal("adamw"),
      ...sharedOptimizer,
      weightDecay: weightDecay.default(0.01).describe("Decoupled weight decay"),
      betas: z.tuple([beta, beta]).default([0.9, 0.999]).describe("Decay rates of the two running averages"),
      eps: positive("Added to the denominator").default(1e-8),
    }),
    z.strictObject({
      type: z.literal("sgd"),
      ...sharedOptimizer,
      weightDecay: weightDecay.default(0).describe("L2 weight decay"),
      momentum: beta.default(0.9).describe("Momentum"),
      nesterov: flag("Nesterov momentum").default(false),
    }),
  ])
  .describe("The update rule");

const warmup = z
  .strictObject({
    steps: count("Steps until the full rate"),
    ratio: z.number().min(0).max(1).default(1e-6).describe("Share of the rate at step 0"),
  })
  .exactOptional()
  .describe("Linear warm-up");

const minLr = z.number().min(0).default(0).describe("Learning rate never goes below");

export const schedule = z
  .discriminatedUnion("type", [
    z.strictObject({ type: z.literal("constant"), warmup }),
    z.strictObject({
      type: z.literal("step"),
      warmup,
      milestones: z
        .array(count("When"))
        .min(1)
        .refine((values) => values.every((value, i) => i === 0 || value > values[i - 1]!), "must rise")
        .describe("When the rate is multiplied by gamma: epochs if the training length is in epochs, else steps"),
      gamma: positive("Factor at each milestone").default(0.1),
      minLr,
    }),
    z.strictObject({ type: z.literal("poly"), warmup, power: positive("Exponent").default(0.9), minLr }),
    z.strictObject({ type: z.literal("cosine"), warmup, minLr }),
  ])
  .describe("The learning rate over the run");

/** @param metrics the metrics of the task, of which the first decides by default which checkpoint is best */
export function training<const Metrics extends readonly [string, ...string[]]>(metrics: Metrics) {
  return z
    .strictObject({
      epochs: count("Length of the run in passes over the training set; either this or steps").exactOptional(),
      steps: count("Length of the run in optimiser steps; either this or epochs").exactOptional(),
      optimizer,
      schedule,
      clipNorm: positive("Gradients are scaled down to this Euclidean norm; without it, they are not").exactOptional(),
      accumulate: count("Batches whose gradients are averaged into one step").default(1),
      evaluateEvery: count(
        "Epochs (or steps, as the length) between validations; without it, only at the end",
      ).exactOptional(),
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
    .superRefine(({ epochs, steps }, context) => {
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
