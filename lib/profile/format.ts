import { counted } from "../words.js";
import { type Estimate, halfWidth } from "./statistics.js";
import type { ModelProfile, ProfileResult } from "./types.js";

/** In millions. */
export const millions = (n: number): string => (n / 1e6).toFixed(2);

/** 0.071 → "7.1 %" */
export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** 0.071 → "+7.1 %" */
export const signed = (share: number): string => `${share < 0 ? "−" : "+"}${percent(Math.abs(share))}`;

/** Three significant digits. */
export function milliseconds(ms: number): string {
  return ms.toFixed(ms >= 100 ? 0 : ms >= 10 ? 1 : ms >= 1 ? 2 : 3);
}

export const interval = ({ low, high }: Estimate): string => `${milliseconds(low)}–${milliseconds(high)}`;

/** "± 3.1 %" */
export const error = (estimate: Estimate): string => `± ${percent(halfWidth(estimate))}`;

/** "efficientformer-l1, batch 1, 224x224" */
export const titleOf = ({ model, batch, height, width }: ModelProfile): string =>
  `${model}, batch ${batch}, ${height}x${width}`;

/** Where and how it was measured, in two lines. */
export function describeSetting({ machine, ...how }: ProfileResult["setting"]): readonly [string, string] {
  const { engine, engineVersion, threads, rounds, warmUp, seconds, clock, othersLoad } = how;
  const version = engineVersion === undefined ? "" : ` ${engineVersion}`;
  const cores = threads === 0 ? "one thread per core" : counted(threads, "thread");
  const others = othersLoad === undefined ? "" : `; other programs used ${percent(othersLoad)} of the processors`;
  const watch = clock === "wall" ? "" : "; PROCESSOR TIME, not a latency";
  return [
    `${machine.processor}, ${counted(machine.cores, "core")}, ${machine.platform}, Node ${machine.node}, densekit ${machine.densekit}`,
    `${engine}${version}, ${cores}; ${counted(rounds, "round")} of ${seconds} s in turn after ${warmUp} to warm up${watch}${others}`,
  ];
}
