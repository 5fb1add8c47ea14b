import type { TopLevelSpec } from "vega-lite";
import type { Image } from "../../pixels/image.js";
import { hexOf, linePalette } from "./palette.js";
import { renderSvg, textWidth } from "./svg.js";
import { CHART_CONFIG, chartSvg } from "./vega.js";

/** A line of a plot. */
export interface Series {
  readonly name: string;
  /** Values that are not finite, or not positive on a log scale, leave a gap. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** How a plot is drawn. */
export interface PlotOptions {
  readonly title?: string;
  readonly xLabel: string;
  readonly yLabel: string;
  /** Default "linear". */
  readonly yScale?: "linear" | "log";
  /**
   * Draws each series faint and, over it, its running mean over this many points on either side; default 0: only the
   * series.
   */
  readonly smoothing?: number;
  /** Ends of the axes; default those of the values. */
  readonly xDomain?: readonly [low: number, high: number];
  readonly yDomain?: readonly [low: number, high: number];
  /** How values are written on the axis, in d3's notation. */
  readonly yFormat?: string;
  /** Where the legend for several series is; default "right". */
  readonly legend?: "right" | "bottom";
  /** Size of the plotting area in pixels, default 720 × 360. */
  readonly width?: number;
  readonly height?: number;
}

/** A line plot as SVG text, all series in one frame, with a legend if there are several. */
export async function plotSvg(series: readonly Series[], options: PlotOptions): Promise<string> {
  return chartSvg(specOf(series, options));
}

/** The same, rasterised on white. @param zoom pixels per SVG pixel, default 2 */
export async function drawPlot(
  series: readonly Series[],
  options: PlotOptions & { readonly zoom?: number },
): Promise<Image> {
  return renderSvg(await plotSvg(series, options), options.zoom ?? 2);
}

function specOf(series: readonly Series[], options: PlotOptions): TopLevelSpec {
  const log = options.yScale === "log";
  const reach = options.smoothing ?? 0;
  const raw = series.flatMap((one) => rowsOf(one, log));
  const smooth = series.flatMap((one) => rowsOf({ ...one, points: runningMean(one.points, reach) }, log));
  const encoding = {
    x: {
      field: "x",
      type: "quantitative",
      title: options.xLabel,
      scale: { nice: false, ...(options.xDomain && { domain: [...options.xDomain] }) },
      axis: {
        grid: false,
        tickMinStep: raw.every(({ x }) => Number.isInteger(x)) ? 1 : 0,
        tickCount: Math.ceil((options.width ?? WIDTH) / 60),
      },
    },
    y: {
      field: "y",
      type: "quantitative",
      title: options.yLabel,
      ...(options.yFormat !== undefined && { axis: { format: options.yFormat } }),
      scale: log
        ? logScale(raw.flatMap(({ y }) => y ?? []))
        : options.yDomain
          ? { domain: [...options.yDomain] }
          : { zero: false, nice: true },
    },
    color: {
      field: "series",
      type: "nominal",
      sort: null,
      title: null,
      scale: { domain: series.map(({ name }) => name), range: linePalette(series.length).map(hexOf) },
      legend: series.length > 1 ? { ...LEGEND, ...(options.legend === "bottom" && belowPlot(series, options)) } : null,
    },
  } as const;
  const line = { type: "line", strokeJoin: "round", strokeCap: "round", clip: true } as const;
  const points = { type: "point", filled: true, size: 28, opacity: 1 } as const;
  const sparse = raw.length <= 60 * series.length;
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    width: options.width ?? WIDTH,
    height: options.height ?? 360,
    padding: 16,
    background: "white",
    ...(options.title === undefined ? {} : { title: { text: options.title, anchor: "start" as const, offset: 14 } }),
    config: CHART_CONFIG,
    layer: [
      ...(reach > 0 ? [{ data: { values: raw }, mark: { ...line, strokeWidth: 1, opacity: 0.28 }, encoding }] : []),
      { data: { values: smooth }, mark: { ...line, strokeWidth: 2.2 }, encoding },
      ...(reach === 0 && sparse ? [{ data: { values: raw }, mark: points, encoding }] : []),
    ],
  };
}

const WIDTH = 720;
const LEGEND = { symbolType: "stroke", symbolStrokeWidth: 3, symbolSize: 250, symbolOpacity: 1 } as const;

/** As many columns as the longest name leaves room for. */
function belowPlot(series: readonly Series[], { width = WIDTH }: PlotOptions) {
  const longest = Math.max(...series.map(({ name }) => textWidth(name, CHART_CONFIG.legend.labelFontSize)));
  const symbolAndGap = 48;
  return { orient: "bottom" as const, columns: Math.max(1, Math.floor(width / (longest + symbolAndGap))) };
}

/** Its ends are just outside the values: whole decades would leave much of the frame empty. */
function logScale(values: readonly number[]) {
  const [low, high] = values.reduce(([a, b], y) => [Math.min(a, y), Math.max(b, y)], [Number.POSITIVE_INFINITY, 0]);
  const domain = low <= high ? [low / 1.1, high * 1.1] : [0.1, 1];
  return { type: "log" as const, nice: false, domain };
}

function rowsOf({ name, points }: Series, log: boolean): { series: string; x: number; y: number | null }[] {
  return points.map(([x, y]) => ({ series: name, x, y: Number.isFinite(y) && (!log || y > 0) ? y : null }));
}

/** Means over `reach` points to either side, fewer at the ends; values that are not finite are left out. */
function runningMean(points: Series["points"], reach: number): Series["points"] {
  if (reach === 0) return points;
  return points.map(([x], i) => {
    const near = points.slice(Math.max(0, i - reach), i + reach + 1).filter(([, y]) => Number.isFinite(y));
    return [x, near.reduce((sum, [, y]) => sum + y, 0) / near.length];
  });
}
