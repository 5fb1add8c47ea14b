import { z } from "zod";
import { loggersConfig } from "../loggers/index.js";
import { type Judged, registeredMetrics } from "../metrics/registered.js";
import { optimizerConfig, plainOptimizerConfig } from "../optimizers/index.js";
import { decayRate } from "../optimizers/optimizer.js";
import { scheduleConfig } from "../schedules/index.js";
import { count, filePath, flag, positive } from "../schemas/fields.js";

/** How the choices of a supernet are trained. */
export const architectureConfig = z
  .strictObject({
    optimizer: plainOptimizerConfig
      .prefault({ type: "adamw", lr: 0.01, betas: [0.5, 0.999], weightDecay: 0 })
      .describe("The update rule of α; the learning rate stays the same"),
    warmup: z
      .number()
      .min(0)
      .lt(1)
      .default(0.2)
      .describe("Share of the run, its beginning, in which α rest and weights alone are trained"),
    temperature: z
      .strictObject({
        from: positive("Until the warm-up ends").default(1),
        to: positive("At the last step").default(0.1),
      })
      .prefault({})
      .describe(
        "Temperature τ of the softmax over the choices; after the warm-up it falls by the same factor each step",
      ),
    heldOut: z
      .number()
      .min(0)
      .lt(1)
      .default(0)
      .describe(
        "Share of the training images that weights never see, drawn at random: α are trained on these; 0: both on the same batches",
      ),
    latencies: filePath(
      "Table of latencies (.json of `densekit slim table`, or .csv): the log then has the expected latency of what is chosen",
    ).exactOptional(),
  })
  .describe("How the choices of a supernet are trained; for a backbone of type efficientformerSupernet alone");

export type ArchitectureConfig = z.output<typeof architectureConfig>;

/** @param own the metrics of the task, the first of which decides, by default, which checkpoint is best */
export const training = <const Metrics extends Names>(task: keyof Judged, own: Metrics): TrainingSchema<Metrics> =>
  schemaOf(task, own);

type Names = readonly [string, ...string[]];
export interface TrainingSchema<Metrics extends Names> extends ReturnType<typeof schemaOf<Metrics>> {}

function schemaOf<const Metrics extends Names>(task: keyof Judged, own: Metrics) {
  const metrics = [...own, ...registeredMetrics(task).map(({ name }) => name)] as readonly string[] as Metrics;
  return z
    .strictObject({
      epochs: count("Length of the run in epochs; either this or steps").exactOptional(),
      steps: count("Length of the run in optimiser steps; either this or epochs").exactOptional(),
      optimizer: optimizerConfig,
      schedule: scheduleConfig,
      architecture: architectureConfig.exactOptional(),
      clipNorm: positive("Gradients are clipped to this L2 norm; without it, they are not").exactOptional(),
      adaptiveClipping: z
        .strictObject({
          factor: positive("Largest norm of a unit's gradient, as a share of the norm of its weights").default(0.01),
          eps: positive("Minimum norm of the weights in this rule").default(1e-3),
        })
        .exactOptional()
        .describe(
          "Adaptive gradient clipping: the gradient of each output channel, or of a vector as a whole, is clipped to a share of its weights' norm, except in output layers; before clipNorm, if both are set",
        ),
      ema: z
        .strictObject({
          decay: decayRate.default(0.9999).describe("Share of the average kept per step"),
          warmup: flag(
            "At step t the share is (1 + t) / (10 + t) while that is less, so that the initial weights are soon forgotten",
          ).default(true),
        })
        .exactOptional()
        .describe(
          "A moving average of weights and running statistics, used for validation and the best weights; training itself does not use it",
        ),
      frozen: z
        .array(z.string().min(1))
        .min(1)
        .exactOptional()
        .describe(
          "Parameters that are not trained, by patterns of their names (`densekit weights show` lists them): * is any text, ? a character; besides model.backbone.frozenStages",
        ),
      accumulate: count("Batches whose gradients are averaged into one step").default(1),
      evaluateEvery: count(
        "Epochs (or steps, if the length is in steps) between validations; without it, only at the end",
      ).exactOptional(),
      earlyStopping: z
        .strictObject({
          metric: z.enum(metrics).exactOptional().describe("Metric to watch; by default that of checkpoint.best"),
          patience: count("Validations in a row without improvement after which training stops"),
          minDelta: z.number().min(0).default(0).describe("Improvement must be larger than this"),
        })
        .exactOptional()
        .describe("Early stopping: training ends when validation stops improving"),
      checkpoint: z
        .strictObject({
          every: count(
            "Epochs (or steps, if the length is in steps) between checkpoints; there is also one at each validation, after the first step and at the end",
          ).exactOptional(),
          minutes: positive("Longest time between checkpoints, in minutes").default(10),
          keep: count(
            "Checkpoints kept, besides the best weights and, while the loss grows, the last one from before",
          ).default(2),
          best: z.enum(metrics).default(metrics[0]).describe("Metric that chooses the best weights"),
        })
        .prefault({}),
      logEvery: count("Steps between log lines").default(10),
      loggers: loggersConfig(),
      seed: z.int().min(0).default(0).describe("Determines every random choice of the run"),
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
    .describe("Training run");
}
