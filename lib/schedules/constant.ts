import { schedule, scheduleSchema } from "./schedule.js";

/** The same rate throughout. */
export const constant = schedule({ schema: scheduleSchema("constant", {}), rate: (_, { lr }) => lr });
