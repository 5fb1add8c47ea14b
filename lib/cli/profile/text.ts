import { type Estimate, halfWidth } from "../../profile/statistics.js";
import type { Comparison, ModelProfile, Part, ProfileResult } from "../../profile/types.js";
import { table } from "../table.js";

/** Where and how it was measured, in two lines. */
export function describeSetting({ machine, ...how }: ProfileResult["setting"]): string {
  const { engine, engineVersion, threads, rounds, warmUp, seconds, othersLoad } = how;
  const version = engineVersion === undefined ? "" : ` ${engineVersion}`;
  const cores = threads === 0 ? "one thread a core" : `${threads} ${threads === 1 ? "thread" : "threads"}`;
  const others =
    othersLoad === undefined ? "" : `; other programs used ${Math.round(100 * othersLoad)} % of the processors`;
  return [
    `${machine.processor}, ${machine.cores} cores, ${machine.platform}, Node ${machine.node}, densekit ${machine.densekit}`,
    `${engine}${version}, ${cores}; ${rounds} rounds of ${seconds} s in turn after ${warmUp} to warm up${others}`,
  ].join("\n");
}

export function describeProfile(profile: ModelProfile): string {
  const { model, batch, height, width, total, stages = [], blocks = [], sumOfBlocks } = profile;
  const head = ["", "M params", "MMAC", "MB act.", "ms", "±", "GFLOP/s"];
  const title = `${model}, batch ${batch}, ${height}x${width}`;
  const { latency, liveBytes } = total;
  const lines = [
    `${title}: ${milliseconds(latency.median)} ms, ${interval(latency)} (${Math.round(100 * latency.confidence)} %), spread ${percent(latency.spread)}`,
    `${millions(total.parameters)} M parameters, ${(total.macs / 1e9).toPrecision(4)} GMAC, activations ${megabytes(total.activationBytes)} MB, ${megabytes(liveBytes)} MB at one time`,
  ];
  if (blocks.length === 0) return lines.join("\n");
  const rows = stages.flatMap((stage) => {
    const own = blocks.filter((block) => block.stage === stage.name);
    const single = own.length === 0;
    return [row(single ? stage.name : stage.name, stage), ...own.map((block) => row(`  ${block.name}`, block))];
  });
  const sum = sumOfBlocks!;
  const difference = sum.overWhole.median - 1;
  return [
    ...lines,
    "",
    table([head, ...rows, row("whole", total)]),
    "",
    `sum of blocks: ${milliseconds(sum.latency.median)} ms, ${signed(difference)} against the whole (${signed(sum.overWhole.low - 1)} to ${signed(sum.overWhole.high - 1)})`,
    "",
    operatorTable(profile),
  ].join("\n");
}

function row(name: string, part: Part): string[] {
  const { latency } = part;
  const work = [millions(part.parameters), (part.macs / 1e6).toFixed(1), megabytes(part.activationBytes)];
  if (latency === undefined) return [name, ...work, "too noisy", "", ""];
  const rate = (2 * part.macs) / latency.median / 1e6;
  return [name, ...work, milliseconds(latency.median), percent(halfWidth(latency)), rate.toFixed(1)];
}

function operatorTable({ operators, kernels }: ModelProfile): string {
  const work = [
    ["operator", "count", "MMAC", "MB act."],
    ...operators.map(({ name, count, macs, activationBytes }) => [
      name,
      String(count),
      (macs / 1e6).toFixed(1),
      megabytes(activationBytes),
    ]),
  ];
  if (kernels === undefined) return table(work);
  const all = kernels.reduce((sum, { ms }) => sum + ms, 0);
  const times = [
    ["kernel", "count", "ms", "share"],
    ...kernels.map(({ name, count, ms }) => [name, String(count), milliseconds(ms), percent(ms / all)]),
  ];
  return [table(work), "", "what the engine ran, by its own clock:", table(times)].join("\n");
}

export function describeComparison(comparison: readonly Comparison[]): string {
  const rows = comparison.map(({ model, over, batch, height, width, ratio }) => [
    `${model} ÷ ${over}`,
    `batch ${batch}, ${height}x${width}`,
    ratio.median.toFixed(3),
    `${ratio.low.toFixed(3)}–${ratio.high.toFixed(3)}`,
  ]);
  return table([["time", "", "ratio", "interval"], ...rows]);
}

const millions = (n: number): string => (n / 1e6).toFixed(2);
const megabytes = (n: number): string => (n / 1e6).toFixed(2);
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const signed = (share: number): string => `${share < 0 ? "−" : "+"}${percent(Math.abs(share))}`;
const interval = ({ low, high }: Estimate): string => `${milliseconds(low)}–${milliseconds(high)}`;

/** Three figures that count. */
const milliseconds = (ms: number): string =>
  ms >= 100 ? ms.toFixed(0) : ms >= 10 ? ms.toFixed(1) : ms >= 1 ? ms.toFixed(2) : ms.toFixed(3);
