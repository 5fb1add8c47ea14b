import { positive } from "../schemas/fields.js";
import { minLr, progressAt, schedule, scheduleSchema } from "./schedule.js";

/** The rate falls to `minLr` as a power of the remaining share of the run. */
export const poly = schedule({
  schema: scheduleSchema("poly", { power: positive("Exponent").default(0.9), minLr }),
  rate: ({ power, minLr }, options, step) => minLr + (options.lr - minLr) * (1 - progressAt(step, options)) ** power,
});
