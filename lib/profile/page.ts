import { barChartSvg } from "../images/draw/charts.js";
import { plotSvg } from "../images/draw/plot.js";
import { rooflineSvg } from "../images/draw/roofline.js";
import { figures, folded, keyFigures, note, renderPage, type Section, svgFigure, tableOf } from "../pages/index.js";
import { describeSetting, error, interval, millions, milliseconds, percent, signed, titleOf } from "./format.js";
import { roofOf } from "./peaks.js";
import type { Estimate } from "./statistics.js";
import type { ModelProfile, Part, ProfileResult } from "./types.js";

/** Share of the processors used by other programs above which the reader is warned. */
const BUSY = 0.1;

/** One page on the measurements: cards, plots and tables of each model at each size, sweeps and ratios. */
export async function profilePage({ setting, profiles, comparison }: ProfileResult): Promise<string> {
  const [where, how] = describeSetting(setting);
  const sections: Section[] = [];
  if (profiles.length > 1) sections.push(await overview(profiles, comparison));
  for (const profile of profiles) sections.push(await modelSection(profile));
  const [first, ...rest] = sections as [Section, ...Section[]];
  const warning = busyWarning(setting);
  const noted = warning === undefined ? first : { ...first, content: [note(warning), ...first.content] };
  const names = [...new Set(profiles.map(({ model }) => model))];
  return renderPage({
    title: `Latency of ${names.join(", ")}`,
    subtitle: `${where}; ${how}`,
    sections: [noted, ...rest],
  });
}

/** The warning for a busy machine; undefined for an idle one. */
export function busyWarning({ othersLoad = 0 }: ProfileResult["setting"]): string | undefined {
  if (othersLoad <= BUSY) return undefined;
  return `Other programs used ${percent(othersLoad)} of the processors while this was measured: read ratios and intervals, not times.`;
}

async function overview(profiles: readonly ModelProfile[], comparison: ProfileResult["comparison"]): Promise<Section> {
  const rows = profiles.map((profile) => {
    const { latency, macs, peakMemoryBytes } = profile.total;
    const memory = peakMemoryBytes === undefined ? "" : millions(peakMemoryBytes);
    const rate = (profile.batch * 1000) / latency.median;
    return [titleOf(profile), milliseconds(latency.median), error(latency), rate.toFixed(1), millions(macs), memory];
  });
  const content = [tableOf(["", "ms", "interval", "images/s", "MMAC", "peak MB"], rows)];
  const bars = profiles.map((profile) => barOf(titleOf(profile), profile.total.latency));
  content.push(svgFigure(await barChartSvg(bars, { valueLabel: "ms", width: 560 }), { caption: "Latency" }));
  if (new Set(profiles.map(({ height, width }) => height * width)).size > 1) content.push(await sweepPlot(profiles));
  if (comparison !== undefined) {
    const ratios = comparison.map(({ model, over, batch, height, width, ratio }) => [
      `${model} ÷ ${over}, batch ${batch}, ${height}x${width}`,
      ratio.median.toFixed(3),
      `${ratio.low.toFixed(3)}–${ratio.high.toFixed(3)}`,
    ]);
    content.push(tableOf(["time", "ratio", "interval"], ratios, { caption: "Ratios, taken round by round" }));
  }
  return { title: "All together", content };
}

/** Latency over image size, one line per model and batch size. */
async function sweepPlot(profiles: readonly ModelProfile[]) {
  const lines = new Map<string, (readonly [number, number])[]>();
  for (const { model, batch, height, width, total } of profiles) {
    const name = `${model}, batch ${batch}`;
    const points = lines.get(name) ?? [];
    lines.set(name, [...points, [(height * width) / 1e6, total.latency.median]]);
  }
  const series = Array.from(lines, ([name, points]) => ({ name, points }));
  const svg = await plotSvg(series, { xLabel: "megapixels", yLabel: "ms", width: 560, height: 280 });
  return svgFigure(svg, { caption: "Latency over image size" });
}

async function modelSection(profile: ModelProfile): Promise<Section> {
  const { total, stages = [], blocks = [], sumOfBlocks, kernels, operators, peaks } = profile;
  const { latency, peakMemoryBytes } = total;
  const content = [
    keyFigures([
      [`ms, ${interval(latency)}`, milliseconds(latency.median)],
      ["M parameters", millions(total.parameters)],
      ["GMAC", (total.macs / 1e9).toPrecision(4)],
      ["MB of activations at one time", millions(total.liveBytes)],
      ...(peakMemoryBytes === undefined ? [] : ([["MB peak memory", (peakMemoryBytes / 1e6).toFixed(0)]] as const)),
    ]),
  ];
  if (blocks.length > 0) {
    const charts = [await latencyChart("Latency by stage", stages), await latencyChart("Latency by block", blocks)];
    content.push(figures(charts));
    if (sumOfBlocks !== undefined) {
      const { latency: sum, overWhole } = sumOfBlocks;
      content.push(
        tableOf(
          ["", "ms", "interval", "against the whole"],
          [
            ["whole", milliseconds(latency.median), interval(latency), ""],
            ["sum of blocks", milliseconds(sum.median), interval(sum), signed(overWhole.median - 1)],
          ],
        ),
      );
    }
    if (peaks !== undefined) {
      const points = [...blocks.flatMap(pointOf), ...pointOf({ ...total, stage: "whole" })];
      const caption =
        `Throughput of the blocks below the roofs of a large matrix product (${(peaks.flopsPerSecond / 1e9).toFixed(0)} GFLOP/s) and of a copy ` +
        `(${(peaks.bytesPerSecond / 1e9).toFixed(1)} GB/s), measured in the same rounds. Minimal filtering of 3 × 3 kernels may lie above.`;
      content.push(svgFigure(await rooflineSvg(points, peaks), { caption, description: "Roofline" }));
    }
    content.push(folded("Table of stages and blocks", [partTable(profile)]));
  }
  if (kernels !== undefined) {
    const bars = kernels.slice(0, 12).map(({ name, ms }) => ({ name, value: round(ms) }));
    const svg = await barChartSvg(bars, { valueLabel: "ms", width: 420 });
    content.push(svgFigure(svg, { caption: "What the engine ran, by its own clock" }));
  }
  const rows = operators.map(({ name, count, macs, activationBytes }) => [
    ...[name, count, millions(macs), millions(activationBytes)],
  ]);
  content.push(folded("Table of operators", [tableOf(["operator", "count", "MMAC", "MB of activations"], rows)]));
  return { title: titleOf(profile), content };
}

async function latencyChart(caption: string, parts: readonly Part[]) {
  const bars = parts.flatMap(({ name, latency }) => (latency === undefined ? [] : [barOf(name, latency)]));
  return svgFigure(await barChartSvg(bars, { valueLabel: "ms, with intervals", width: 380 }), { caption });
}

const barOf = (name: string, { median, low, high }: Estimate) => ({ name, value: round(median), low, high });

function pointOf({ name, stage, macs, movedBytes, latency, truncated }: NonNullable<ModelProfile["blocks"]>[number]) {
  if (latency === undefined || macs === 0 || truncated) return [];
  const flops = 2 * macs;
  return [{ name, series: stage, intensity: flops / movedBytes, rate: flops / (latency.median / 1000) }];
}

function partTable({ stages = [], blocks = [], total, peaks }: ModelProfile) {
  const row = (name: string, part: Part) => {
    const { latency, macs } = part;
    const work = [millions(part.parameters), millions(macs), millions(part.activationBytes)];
    if (latency === undefined) return [name, ...work, "too noisy", "", "", ""];
    if (part.truncated) return [name, ...work, milliseconds(latency.median), error(latency), "", ""];
    const rate = (2 * macs) / (latency.median / 1000);
    const roof = peaks === undefined || macs === 0 ? "" : percent(rate / roofOf(peaks, 2 * macs, part.movedBytes));
    return [name, ...work, milliseconds(latency.median), error(latency), (rate / 1e9).toFixed(1), roof];
  };
  const rows = stages.flatMap((stage) => [
    row(stage.name, stage),
    ...blocks
      .filter((block) => block.stage === stage.name && block.name !== stage.name)
      .map((block) => row(`· ${block.name}`, block)),
  ]);
  const head = ["", "M parameters", "MMAC", "MB of activations", "ms", "interval", "GFLOP/s", "of the roof"];
  return tableOf(head, [...rows, row("whole", total)]);
}

/** Three significant digits, as a number for a chart. */
const round = (ms: number): number => Number(milliseconds(ms));
