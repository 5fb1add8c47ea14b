import { z } from "zod";
import { count, positive } from "../schemas/fields.js";
import type { KindSchema } from "../schemas/kinds.js";

export interface ScheduleOptions {
  /** The learning rate the schedule scales. */
  readonly lr: number;
  /** Optimiser steps of the whole run. */
  readonly steps: number;
  /** Steps per unit of `milestones`: the steps of an epoch if the training length is given in epochs, otherwise 1. */
  readonly stepsPerUnit: number;
  /** Not an integer if an epoch's batches do not make whole steps. */
  readonly stepsPerEpoch: number;
}

const warmup = z
  .strictObject({
    steps: count("Steps until the full rate; either this or epochs").exactOptional(),
    epochs: positive("Epochs until the full rate, rounded to whole steps; either this or steps").exactOptional(),
    ratio: z.number().min(0).max(1).default(1e-6).describe("Share of the rate at step 0"),
  })
  .superRefine(({ steps, epochs }, context) => {
    if (steps === undefined && epochs === undefined) {
      context.addIssue({ code: "custom", message: "needs steps or epochs" });
    }
    if (steps !== undefined && epochs !== undefined) {
      const message = "steps and epochs are both set; delete one by setting it to null";
      context.addIssue({ code: "custom", path: ["epochs"], message });
    }
  })
  .exactOptional()
  .describe("Linear warm-up");

export const minLr = z.number().min(0).default(0).describe("The learning rate never goes below this");

/** The config schema of a schedule: its `type`, the warm-up that each may have, and its own keys. */
export function scheduleSchema<const Type extends string, Shape extends z.ZodRawShape>(type: Type, keys: Shape) {
  return z.strictObject({ type: z.literal(type), warmup, ...keys });
}

/** The learning rate over a run. lib/schedules/index.ts has the table of schedules. */
export interface Schedule<Schema extends z.ZodType = KindSchema> {
  /** Made by `scheduleSchema`. */
  readonly schema: Schema;
  /** The rate at a step, counted from 0, without the warm-up. */
  readonly rate: (config: z.output<Schema>, options: ScheduleOptions, step: number) => number;
}

/** Describes a schedule; the types follow from the schema. */
export const schedule = <Schema extends z.ZodType>(kind: Schedule<Schema>): Schedule<Schema> => kind;

/** The share of a run that is done at a step, 0–1. */
export const progressAt = (step: number, { steps }: Pick<ScheduleOptions, "steps">): number =>
  Math.min(1, step / steps);

/** The length of a warm-up in steps. */
export const warmupSteps = (
  { steps, epochs = 0 }: NonNullable<z.output<typeof warmup>>,
  { stepsPerEpoch }: Pick<ScheduleOptions, "stepsPerEpoch">,
): number => steps ?? Math.round(epochs * stepsPerEpoch);
