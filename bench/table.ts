import { ratio } from "../lib/profile/measure.js";
import { type Estimate, estimate, median } from "../lib/profile/statistics.js";
import type { CaseResult, SideResult } from "./measure.js";

/** Relative difference of the check numbers: outputs of the same model differ only by rounding. */
const AGREEMENT = 1e-3;
/** Slowest ÷ fastest round on an otherwise idle machine stays below this. */
const STEADY = 1.5;

/** A Markdown table for a case: one row per side, and the ratios of the first side's time and memory to each side's. */
export function caseTable(result: CaseResult): string {
  const { title, sides } = result;
  const [first] = sides;
  const rows = sides.map((side) => row(side, first));
  const head = [
    "| | median ms | interval | range | ours ÷ it, time | peak MB | ours ÷ it, memory |",
    "|---|---|---|---|---|---|---|",
  ];
  const notes = sides.flatMap(({ label, note }) => (note ? [`${label}: ${note}`] : []));
  const remarks = [...problems(result), ...unsteady(result), ...rates(result), ...notes].map((text) => `- ${text}`);
  return [`### ${title}`, "", ...head, ...rows, ...(remarks.length > 0 ? ["", ...remarks] : []), ""].join("\n");
}

/** A row per case with its fastest PyTorch side and PyTorch's export, as a summary of many cases. Empty for one case. */
export function overview(results: readonly CaseResult[]): string {
  const cases = results.flatMap((result) => {
    const exported = result.sides.find(({ usesExport }) => usesExport);
    const found = exported && timeRatio(result.sides[0], exported);
    return found === undefined ? [] : [{ result, exported, found }];
  });
  if (cases.length < 2) return "";
  const rows = cases.map(({ result, exported, found }) => {
    const [first, ...others] = result.sides;
    const peers = others.filter(({ ms, usesExport }) => ms !== undefined && !usesExport);
    const best = peers.toSorted((a, b) => median(a.ms!) - median(b.ms!))[0];
    const cells = [result.title, milliseconds(first), milliseconds(exported), timeCell(found)];
    const beside =
      best === undefined ? ["", ""] : [`${milliseconds(best)} (${best.label})`, timeCell(timeRatio(first, best))];
    return `| ${[...cells, ...beside].join(" | ")} |`;
  });
  const ratios = cases.map(({ found }) => found.median);
  return [
    "### All of them",
    "",
    "| model | ours, ms | PyTorch's export, ms | ours ÷ it | fastest PyTorch, ms | ours ÷ it |",
    "|---|---|---|---|---|---|",
    ...rows,
    "",
    `- ours ÷ PyTorch's export: median ${median(ratios).toFixed(2)}, ${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`,
    "",
  ].join("\n");
}

const milliseconds = ({ ms }: SideResult = { label: "" }): string => (ms === undefined ? "" : format(median(ms)));

function row(side: SideResult, first: SideResult | undefined): string {
  if (side.error !== undefined || side.ms === undefined) return `| ${side.label} | failed | | | | | |`;
  const range = `${format(Math.min(...side.ms))}–${format(Math.max(...side.ms))}`;
  const { median: middle, low, high } = estimate(side.ms);
  const times = [format(middle), `${format(low)}–${format(high)}`, range, timeCell(timeRatio(first, side))];
  return `| ${[side.label, ...times, format(side.peakMb), ratioCell(memoryRatio(first, side))].join(" | ")} |`;
}

/** Our time ÷ its time in the same round: the median over the rounds, with its interval. */
export function timeRatio(first: SideResult | undefined, side: SideResult): Estimate | undefined {
  if (first === side || first?.ms === undefined || side.ms === undefined) return undefined;
  return ratio({ ms: first.ms }, { ms: side.ms });
}

function memoryRatio(first: SideResult | undefined, side: SideResult): number | undefined {
  if (first === side || first?.peakMb === undefined || side.peakMb === undefined) return undefined;
  return first.peakMb / side.peakMb;
}

/** Throughput of each side, by its median run. */
function rates({ sides, perRun }: CaseResult): string[] {
  if (perRun === undefined) return [];
  return sides.flatMap(({ label, ms }) =>
    ms === undefined ? [] : [`${label}: ${format((1000 * perRun.count) / median(ms))} ${perRun.unit} per second`],
  );
}

/** Other programs slow the sides unequally, most those whose threads wait by spinning. */
function unsteady({ sides }: CaseResult): string[] {
  return sides.flatMap(({ label, ms = [] }) =>
    Math.max(...ms) > STEADY * Math.min(...ms) ? [`${label}: unsteady, was the machine busy? Run it again`] : [],
  );
}

/** What makes a case's results invalid: sides that failed, or did other work than the first. */
export function problems({ sides }: CaseResult): string[] {
  return sides.flatMap((side) => {
    const problem = problemOf(side, sides[0]);
    return problem === undefined ? [] : [`${side.label}: ${problem}`];
  });
}

function problemOf(side: SideResult, first: SideResult | undefined): string | undefined {
  if (side.error !== undefined) return side.error;
  if (isNumber(first?.checksum) && isNumber(side.checksum) && first.checksum !== side.checksum)
    return `ITS INPUTS ARE NOT OURS (CRC-32 ${side.checksum}, ours ${first.checksum})`;
  if (isNumber(first?.check) && isNumber(side.check) && !agree(first.check, side.check))
    return `ITS RESULT IS NOT OURS (${side.check}, ours ${first.check})`;
  return undefined;
}

function isNumber(value: number | null | undefined): value is number {
  return typeof value === "number";
}

function agree(a: number, b: number): boolean {
  return Math.abs(a - b) <= AGREEMENT * Math.max(Math.abs(a), Math.abs(b));
}

function timeCell(found: Estimate | undefined): string {
  return found === undefined ? "" : `${found.median.toFixed(2)} (${found.low.toFixed(2)}–${found.high.toFixed(2)})`;
}

function ratioCell(ratio: number | undefined): string {
  return ratio === undefined ? "" : ratio.toFixed(2);
}

function format(value: number | undefined): string {
  if (value === undefined) return "";
  return value < 100 ? value.toFixed(1) : value.toFixed(0);
}
