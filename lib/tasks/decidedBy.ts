import type { TrainingConfig } from "../config/schema.js";

export const BEST_KEY = "training.checkpoint.best";

/** The key by which a config decides something by a metric; undefined where none does. */
export function keyDecidedBy(metric: string, { checkpoint, earlyStopping }: TrainingConfig): string | undefined {
  if (checkpoint.best === metric) return BEST_KEY;
  return earlyStopping?.metric === metric ? "training.earlyStopping.metric" : undefined;
}
