import { requireOptions } from "../arguments.js";
import { type TrainOptions, type TrainResult, train as trainRun } from "../training/train.js";
import { openExpectedCost } from "./expectedCost.js";

/**
 * Trains a model as `training/train.ts` does; where the config names a table of latencies
 * (`training.architecture.latencies`), the log of a supernet's run also has the expected latency.
 */
export async function train(options: TrainOptions): Promise<TrainResult> {
  requireOptions("train", options, { config: "config" });
  const expectedLatency = await openExpectedCost(options.config);
  return trainRun({ ...options, ...(expectedLatency && { expectedLatency }) });
}
