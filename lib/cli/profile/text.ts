import {
  describeSetting,
  error,
  interval,
  millions,
  milliseconds,
  percent,
  signed,
  titleOf,
} from "../../profile/format.js";
import { roofOf } from "../../profile/peaks.js";
import type { Comparison, ModelProfile, Part, ProfileResult } from "../../profile/types.js";
import { table } from "../table.js";

/** All measurements, as text. */
export function describeResult({ setting, profiles, comparison, out }: ProfileResult): string {
  const parts = [describeSetting(setting).join("\n"), ...profiles.map(describeProfile)];
  if (comparison !== undefined) parts.push(describeComparison(comparison));
  return [...parts, ...(out === undefined ? [] : [out])].join("\n\n");
}

function describeProfile(profile: ModelProfile): string {
  const { total, stages = [], blocks = [], sumOfBlocks, peaks } = profile;
  const { latency, liveBytes, peakMemoryBytes, nodeMemoryBytes = 0 } = total;
  const memory =
    peakMemoryBytes === undefined
      ? ""
      : `, peak memory ${megabytes(peakMemoryBytes)} MB (${megabytes(nodeMemoryBytes)} before the model)`;
  const lines = [
    `${titleOf(profile)}: ${milliseconds(latency.median)} ms, ${interval(latency)} (${Math.round(100 * latency.confidence)} %), spread ${percent(latency.spread)}`,
    `${millions(total.parameters)} M parameters, ${(total.macs / 1e9).toPrecision(4)} GMAC, activations ${millions(total.activationBytes)} MB, ${millions(liveBytes)} MB at one time${memory}`,
  ];
  if (sumOfBlocks === undefined) return lines.join("\n");
  const head = ["", "M params", "MMAC", "MB act.", "ms", "", "GFLOP/s", "of roof"];
  const row = rowsOf(peaks);
  const rows = stages.flatMap((stage) => {
    const own = blocks.filter((block) => block.stage === stage.name && block.name !== stage.name);
    return [row(stage.name, stage), ...own.map((block) => row(`  ${block.name}`, block))];
  });
  const { latency: sum, overWhole } = sumOfBlocks;
  return [
    ...lines,
    "",
    table([head, ...rows, row("whole", total)]),
    "",
    `sum of blocks: ${milliseconds(sum.median)} ms, ${signed(overWhole.median - 1)} against the whole (${signed(overWhole.low - 1)} to ${signed(overWhole.high - 1)})`,
    ...(peaks === undefined
      ? []
      : [
          `roofs: ${(peaks.flopsPerSecond / 1e9).toFixed(1)} GFLOP/s in a large matrix product, ${(peaks.bytesPerSecond / 1e9).toFixed(1)} GB/s in a copy`,
        ]),
    "",
    operatorTable(profile),
  ].join("\n");
}

const rowsOf =
  (peaks: ModelProfile["peaks"]) =>
  (name: string, part: Part): string[] => {
    const { latency, macs, movedBytes } = part;
    const work = [millions(part.parameters), (macs / 1e6).toFixed(1), millions(part.activationBytes)];
    if (latency === undefined) return [name, ...work, "too noisy", "", "", ""];
    if (part.truncated) return [name, ...work, milliseconds(latency.median), error(latency), "", ""];
    const rate = (2 * macs) / (latency.median / 1000);
    const roof = peaks === undefined || macs === 0 ? "" : percent(rate / roofOf(peaks, 2 * macs, movedBytes));
    return [name, ...work, milliseconds(latency.median), error(latency), (rate / 1e9).toFixed(1), roof];
  };

function operatorTable({ operators, kernels }: ModelProfile): string {
  const work = [
    ["operator", "count", "MMAC", "MB act."],
    ...operators.map(({ name, count, macs, activationBytes }) => [
      name,
      String(count),
      (macs / 1e6).toFixed(1),
      millions(activationBytes),
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

function describeComparison(comparison: readonly Comparison[]): string {
  const rows = comparison.map(({ model, over, batch, height, width, ratio }) => [
    `${model} ÷ ${over}`,
    `batch ${batch}, ${height}x${width}`,
    ratio.median.toFixed(3),
    `${ratio.low.toFixed(3)}–${ratio.high.toFixed(3)}`,
  ]);
  return table([["time", "", "ratio", "interval"], ...rows]);
}

const megabytes = (n: number): string => (n / 1e6).toFixed(0);
