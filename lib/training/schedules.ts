import type { Schedule } from "../config/schema.js";

export interface ScheduleOptions {
  /** The learning rate the schedule scales. */
  readonly lr: number;
  /** Optimiser steps of the whole run. */
  readonly steps: number;
  /** Steps per unit of `milestones`: the steps of an epoch where the training length is given in epochs, else 1. */
  readonly stepsPerUnit: number;
}

/**
 * The learning rate of each step, counted from 0, as MMCV's updaters compute it: the schedule's value times, during
 * warm-up, a factor that rises linearly from `warmup.ratio` at step 0 to 1 at step `warmup.steps`.
 */
export function learningRateAt(schedule: Schedule, options: ScheduleOptions, step: number): number {
  const regular = regularRate(schedule, options, step);
  const { warmup } = schedule;
  if (warmup === undefined || step >= warmup.steps) return regular;
  return regular * (1 - (1 - step / warmup.steps) * (1 - warmup.ratio));
}

function regularRate(schedule: Schedule, { lr, steps, stepsPerUnit }: ScheduleOptions, step: number): number {
  const progress = Math.min(1, step / steps);
  switch (schedule.type) {
    case "constant":
      return lr;
    case "step": {
      const passed = schedule.milestones.filter((milestone) => step >= Math.round(milestone * stepsPerUnit)).length;
      return Math.max(schedule.minLr, lr * schedule.gamma ** passed);
    }
    case "poly":
      return schedule.minLr + (lr - schedule.minLr) * (1 - progress) ** schedule.power;
    case "cosine":
      return schedule.minLr + ((lr - schedule.minLr) * (1 + Math.cos(Math.PI * progress))) / 2;
  }
}
