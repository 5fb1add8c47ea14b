import type { TopLevelSpec } from "vega-lite";
import { hexOf, linePalette } from "./palette.js";
import { CHART_CONFIG, chartSvg } from "./vega.js";

interface ChartSize {
  /** Width of the plotting area in pixels. */
  readonly width?: number;
  readonly height?: number;
}

export interface Bar {
  readonly name: string;
  readonly value: number;
  /** Distinguishes bars of the same name, which are drawn beside each other. */
  readonly series?: string;
  /** Ends of the value's interval, drawn over the bar. */
  readonly low?: number;
  readonly high?: number;
}

export interface BarChartOptions extends ChartSize {
  readonly valueLabel: string;
  /** How values are written, in d3's notation; default ",~f". */
  readonly format?: string;
}

/** Horizontal bars, one row per name, in the given order, with their values at their ends. */
export async function barChartSvg(bars: readonly Bar[], options: BarChartOptions): Promise<string> {
  const series = [...new Set(bars.map((bar) => bar.series ?? ""))];
  const format = options.format ?? ",~f";
  const furthest = Math.max(...bars.map(({ value, high = value }) => Math.max(value, high)), 1e-9);
  const shared = {
    y: { field: "name", type: "nominal", sort: null, title: null, axis: { labelLimit: 220, ticks: false } },
    ...(series.length > 1 && { yOffset: { field: "series", sort: null } }),
    x: {
      field: "value",
      type: "quantitative",
      title: options.valueLabel,
      axis: { format, tickCount: 5 },
      scale: { nice: false, domainMin: 0, domainMax: 1.08 * furthest },
    },
  } as const;
  const step = series.length > 1 ? 14 : 20;
  return chartSvg({
    ...frame(options),
    height: options.height ?? { step, ...(series.length > 1 && { for: "offset" as const }) },
    data: { values: bars.map((bar) => ({ series: "", end: Math.max(bar.value, bar.high ?? 0), ...bar })) },
    encoding: shared,
    layer: [
      { mark: { type: "bar", cornerRadiusEnd: 2 }, encoding: { color: colourBy(series) } },
      ...(bars.some(({ high }) => high !== undefined)
        ? [
            {
              mark: { type: "rule" as const, color: "#444" },
              encoding: { x: { ...shared.x, field: "low" }, x2: { field: "high" } },
            },
          ]
        : []),
      {
        mark: { type: "text", align: "left", dx: 4, fontSize: 11, color: "#444" },
        encoding: { text: { field: "value", type: "quantitative", format }, x: { ...shared.x, field: "end" } },
      },
    ],
  });
}

export interface HistogramOptions extends ChartSize {
  readonly xLabel: string;
  readonly yLabel: string;
  /** Default "linear". "log": bins are equal factors; values must be positive. */
  readonly xScale?: "linear" | "log";
  /** Default 40. */
  readonly bins?: number;
  /** Ends of the first and last bin; default those of the values. */
  readonly extent?: readonly [low: number, high: number];
  /** Vertical lines at these values, each with a label. */
  readonly marks?: readonly { readonly x: number; readonly text: string }[];
}

/** A histogram with bins of equal width, or of equal factor on a log scale. */
export async function histogramSvg(values: readonly number[], options: HistogramOptions): Promise<string> {
  const rows = histogram(values, options);
  const log = options.xScale === "log";
  const scale = log ? ({ type: "log", nice: false } as const) : ({ nice: false, zero: false } as const);
  const domain = [rows[0]?.from ?? 0, rows.at(-1)?.to ?? 1];
  const at = { x: { field: "x", type: "quantitative" as const } };
  return chartSvg({
    ...frame(options),
    height: options.height ?? 200,
    layer: [
      {
        data: { values: rows },
        mark: { type: "bar", color: hexOf(linePalette(1)[0]!), binSpacing: 0.6 },
        encoding: {
          x: {
            field: "from",
            type: "quantitative",
            title: options.xLabel,
            scale: { ...scale, domain },
            axis: { grid: false, tickCount: 8, ...(log && { format: "~g" }) },
          },
          x2: { field: "to" },
          y: { field: "count", type: "quantitative", title: options.yLabel, axis: { tickCount: 5, tickMinStep: 1 } },
          y2: { datum: 0 },
        },
      },
      ...(options.marks ?? []).flatMap(({ x, text }) => [
        { data: { values: [{ x }] }, mark: { type: "rule" as const, color: "#c33", strokeDash: [4, 3] }, encoding: at },
        {
          data: { values: [{ x }] },
          mark: { type: "text" as const, text, color: "#c33", align: "left" as const, dx: 4, fontSize: 11 },
          encoding: { ...at, y: { value: 6 } },
        },
      ]),
    ],
  });
}

export interface HistogramBin {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

/** Counts of values in bins; a value at the last bin's end belongs to it, those outside the extent to none. */
export function histogram(
  values: readonly number[],
  options: Pick<HistogramOptions, "bins" | "extent" | "xScale">,
): HistogramBin[] {
  const log = options.xScale === "log";
  const { bins = 40 } = options;
  const extremes = (): [number, number] =>
    values.reduce<[number, number]>(
      ([low, high], x) => [Math.min(low, x), Math.max(high, x)],
      [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
    );
  let [low, high] = options.extent ?? extremes();
  if (!(low <= high)) [low, high] = log ? [1, 10] : [0, 1];
  if (low === high) [low, high] = log ? [low / 1.5, high * 1.5] : [low - 0.5, high + 0.5];
  const place = log ? Math.log : (x: number): number => x;
  const step = (place(high) - place(low)) / bins;
  const counts = new Uint32Array(bins);
  for (const x of values) {
    if (x < low || x > high) continue;
    counts[Math.min(bins - 1, Math.floor((place(x) - place(low)) / step))]!++;
  }
  const edge = (i: number): number => (i === bins ? high : log ? low * Math.exp(i * step) : low + i * step);
  return Array.from(counts, (count, i) => ({ from: edge(i), to: edge(i + 1), count }));
}

export interface ScatterOptions extends ChartSize {
  readonly xLabel: string;
  readonly yLabel: string;
  /** The scale of both axes; default "linear". */
  readonly scale?: "linear" | "log";
  /** Rings drawn over the points, each with a label. */
  readonly marks?: readonly { readonly x: number; readonly y: number; readonly text: string }[];
}

/** A scatter plot with faint points, so that dense areas show. */
export async function scatterSvg(
  points: readonly (readonly [x: number, y: number])[],
  options: ScatterOptions,
): Promise<string> {
  const scale = options.scale === "log" ? ({ type: "log", nice: false } as const) : ({ zero: true } as const);
  const axis = { tickCount: 6, ...(options.scale === "log" && { format: "~g" }) };
  const encoding = {
    x: { field: "x", type: "quantitative", title: options.xLabel, scale, axis },
    y: { field: "y", type: "quantitative", title: options.yLabel, scale, axis },
  } as const;
  const opacity = Math.min(0.6, Math.max(0.08, 30 / Math.sqrt(points.length + 1) / 4));
  return chartSvg({
    ...frame(options),
    height: options.height ?? 320,
    layer: [
      {
        data: { values: points.map(([x, y]) => ({ x, y })) },
        mark: { type: "circle", size: 22, opacity, color: hexOf(linePalette(1)[0]!) },
        encoding,
      },
      {
        data: { values: [...(options.marks ?? [])] },
        encoding,
        layer: [
          { mark: { type: "point", size: 60, color: "#c33", strokeWidth: 2 } },
          {
            mark: { type: "text", color: "#c33", align: "left", dx: 8, fontSize: 11 },
            encoding: { text: { field: "text" } },
          },
        ],
      },
    ],
  });
}

function frame({ width }: ChartSize) {
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    width: width ?? 420,
    padding: 8,
    background: "white",
    config: CHART_CONFIG,
  } satisfies Partial<TopLevelSpec>;
}

function colourBy(series: readonly string[]) {
  const range = linePalette(series.length).map(hexOf);
  return {
    field: "series",
    type: "nominal" as const,
    sort: null,
    title: null,
    scale: { domain: [...series], range },
    legend: series.length > 1 ? { orient: "top" as const } : null,
  };
}
