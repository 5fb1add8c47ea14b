import type { z } from "zod";
import { anyOf, kindOf } from "../schemas/kinds.js";
import { constant } from "./constant.js";
import { cosine } from "./cosine.js";
import { poly } from "./poly.js";
import { type Schedule, type ScheduleOptions, warmupSteps } from "./schedule.js";
import { step } from "./step.js";

/** All schedules. A new one is a file and a line here. */
export const SCHEDULES = [constant, step, poly, cosine] as const;

export const scheduleConfig = anyOf(SCHEDULES).describe("Learning rate over the run");

export type ScheduleConfig = z.output<typeof scheduleConfig>;

/**
 * The learning rate of each step, counted from 0, as MMCV's updaters compute it: the schedule's value times, during
 * warm-up, a factor that rises linearly from `warmup.ratio` at step 0 to 1 at its last step.
 */
export function learningRateAt(config: ScheduleConfig, options: ScheduleOptions, step: number): number {
  // Each takes its own config; that tie is lost in this look-up.
  const regular = kindOf(SCHEDULES as readonly unknown[] as readonly Schedule[], config).rate(config, options, step);
  const { warmup } = config;
  if (warmup === undefined) return regular;
  const length = warmupSteps(warmup, options);
  return step >= length ? regular : regular * (1 - (1 - step / length) * (1 - warmup.ratio));
}
