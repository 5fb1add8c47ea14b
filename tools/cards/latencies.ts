import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { median } from "../../lib/profile/statistics.js";

/** Where `npm run bench -- cards` saves its measurements. */
export const LATENCIES = fileURLToPath(new URL("../../../bench/latencies.json", import.meta.url)); // from dist/tools/cards

const positive = z.number().positive();
/** A median and its interval. */
const interval = z.strictObject({ median: positive, low: positive, high: positive });

const measured = z.strictObject({
  how: z.string(),
  threads: z.int().positive(),
  height: positive,
  width: positive,
  /** The backbone that runs in the same rounds as all others: their latency is its latency times their ratio. */
  reference: z.string(),
  /** The reference's median in milliseconds, for each group of models that ran together. */
  referenceMs: z.array(positive).min(1),
  ratios: z.record(z.string(), interval),
});

const latenciesSchema = z.strictObject({
  machine: z.string(),
  tasks: z.partialRecord(z.enum(["classification", "detection", "segmentation"]), measured),
});

export type Latencies = z.output<typeof latenciesSchema>;
export type TaskLatencies = z.output<typeof measured>;
export type Interval = z.output<typeof interval>;

export function readLatencies(): Latencies {
  return latenciesSchema.parse(JSON.parse(readFileSync(LATENCIES, "utf8")));
}

/** The reference's latency, which scales the ratios of all others. */
export const referenceLatency = ({ referenceMs }: TaskLatencies): number => median(referenceMs);

/**
 * A model's latency in milliseconds with the interval of its ratio, so that the reference itself has none; undefined if it was
 * not measured.
 */
export function latencyOf(task: TaskLatencies, backbone: string): Interval | undefined {
  const { reference, ratios } = task;
  const ms = referenceLatency(task);
  const ratio = backbone === reference ? { median: 1, low: 1, high: 1 } : ratios[backbone];
  return ratio && { median: ms * ratio.median, low: ms * ratio.low, high: ms * ratio.high };
}
