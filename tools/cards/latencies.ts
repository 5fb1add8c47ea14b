import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { z } from "zod";

/** Where `npm run bench -- cards` keeps what it measured. */
export const LATENCIES = fileURLToPath(new URL("../../../bench/latencies.json", import.meta.url)); // from dist/tools/cards

const positive = z.number().positive();
/** A median and its interval. */
const interval = z.strictObject({ median: positive, low: positive, high: positive });

const measured = z.strictObject({
  how: z.string(),
  height: positive,
  width: positive,
  /** The backbone that ran in the same rounds as each of the others: their times are its time by their ratio. */
  reference: z.string(),
  /** Of the reference, milliseconds. */
  ms: interval,
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

/** A model's latency in milliseconds, its interval that of its ratio; undefined where it was not measured. */
export function latencyOf({ reference, ms, ratios }: TaskLatencies, backbone: string): Interval | undefined {
  if (backbone === reference) return ms;
  const ratio = ratios[backbone];
  return ratio && { median: ms.median * ratio.median, low: ms.median * ratio.low, high: ms.median * ratio.high };
}
