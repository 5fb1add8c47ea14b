import { error, millions, milliseconds } from "../format.js";
import type { VariantResult } from "./types.js";

export const VARIANT_HEAD = [
  "",
  "M params",
  "MMAC",
  "MB moved",
  "ms",
  "",
  "times the first",
  "interval",
  "in the paper",
];

/** A variant's row under `VARIANT_HEAD`. */
export function variantRow(
  { label, parameters, macs, movedBytes, latency, ratio, paper }: VariantResult,
  place: number,
): string[] {
  const time = latency === undefined ? ["too noisy", ""] : [milliseconds(latency.median), error(latency)];
  const none = place === 0 ? ["1", ""] : ["too noisy", ""];
  const times =
    ratio === undefined ? none : [ratio.median.toFixed(2), `${ratio.low.toFixed(2)}–${ratio.high.toFixed(2)}`];
  return [label, millions(parameters), (macs / 1e6).toFixed(1), millions(movedBytes), ...time, ...times, paper ?? ""];
}
