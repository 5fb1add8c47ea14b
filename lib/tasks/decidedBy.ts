import type { TrainingConfig } from "../config/schema.js";

export const BEST_KEY = "training.checkpoint.best";

/** The config key that makes a decision depend on this metric; undefined if there is none. */
export function keyDecidedBy(metric: string, { checkpoint, earlyStopping }: TrainingConfig): string | undefined {
  if (checkpoint.best === metric) return BEST_KEY;
  return earlyStopping?.metric === metric ? "training.earlyStopping.metric" : undefined;
}
