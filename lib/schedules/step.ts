import { z } from "zod";
import { count, positive } from "../schemas/fields.js";
import { minLr, schedule, scheduleSchema } from "./schedule.js";

/** The rate is multiplied by a factor at each milestone. */
export const step = schedule({
  schema: scheduleSchema("step", {
    milestones: z
      .array(count("When"))
      .min(1)
      .refine((values) => values.every((value, i) => i === 0 || value > values[i - 1]!), "must rise")
      .describe("When the rate is multiplied by gamma: epochs if the training length is in epochs, else steps"),
    gamma: positive("Factor at each milestone").default(0.1),
    minLr,
  }),
  rate: ({ milestones, gamma, minLr }, { lr, stepsPerUnit }, step) => {
    const passed = milestones.filter((milestone) => step >= Math.round(milestone * stepsPerUnit)).length;
    return Math.max(minLr, lr * gamma ** passed);
  },
});
