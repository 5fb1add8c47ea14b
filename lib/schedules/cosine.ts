import { minLr, progressAt, schedule, scheduleSchema } from "./schedule.js";

/** The rate falls to `minLr` along half a cosine wave. */
export const cosine = schedule({
  schema: scheduleSchema("cosine", { minLr }),
  rate: ({ minLr }, options, step) =>
    minLr + ((options.lr - minLr) * (1 + Math.cos(Math.PI * progressAt(step, options)))) / 2,
});
