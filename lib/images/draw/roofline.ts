import type { TopLevelSpec } from "vega-lite";
import { hexOf, linePalette } from "./palette.js";
import { CHART_CONFIG, chartSvg } from "./vega.js";

export interface RooflinePoint {
  readonly name: string;
  /** Points of a series have one colour. */
  readonly series: string;
  /** Operations per byte moved. */
  readonly intensity: number;
  /** Operations per second. */
  readonly rate: number;
}

export interface Roofs {
  readonly flopsPerSecond: number;
  readonly bytesPerSecond: number;
}

/**
 * A roofline (Williams et al. 2009): the rate of programs over their operations per byte, below the roofs given by the
 * machine's bandwidth and arithmetic.
 */
export async function rooflineSvg(points: readonly RooflinePoint[], roofs: Roofs): Promise<string> {
  const { flopsPerSecond, bytesPerSecond } = roofs;
  const ridge = flopsPerSecond / bytesPerSecond;
  const drawn = points.filter(({ intensity, rate }) => intensity > 0 && rate > 0);
  const [least, most] = extent([...drawn.map(({ intensity }) => intensity), ridge]);
  const [from, to] = [least / 2, most * 2];
  const roof = [from, ridge, to].map((x) => ({ x, y: Math.min(flopsPerSecond, bytesPerSecond * x) / 1e9 }));
  const [lowest, highest] = extent([...drawn.map(({ rate }) => rate / 1e9), roof[0]!.y, flopsPerSecond / 1e9]);
  const series = [...new Set(drawn.map((point) => point.series))];
  const scale = { type: "log", nice: false } as const;
  const encoding = {
    x: {
      field: "x",
      type: "quantitative",
      title: "operations per byte moved",
      scale: { ...scale, domainMin: from, domainMax: to },
      axis: { tickCount: 6, format: "~g" },
    },
    y: {
      field: "y",
      type: "quantitative",
      title: "GFLOP/s",
      scale: { ...scale, domainMin: lowest / 1.5, domainMax: highest * 1.5 },
      axis: { tickCount: 6, format: "~g" },
    },
  } as const;
  const spec: TopLevelSpec = {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    width: 560,
    height: 340,
    padding: 8,
    background: "white",
    config: CHART_CONFIG,
    layer: [
      { data: { values: roof }, mark: { type: "line", color: "#555", strokeWidth: 1.6, clip: true }, encoding },
      {
        data: { values: drawn.map(({ intensity, rate, ...rest }) => ({ ...rest, x: intensity, y: rate / 1e9 })) },
        mark: { type: "point", filled: true, size: 60, opacity: 0.85, clip: true },
        encoding: {
          ...encoding,
          color: {
            field: "series",
            type: "nominal",
            sort: null,
            title: null,
            scale: { domain: series, range: linePalette(series.length).map(hexOf) },
            legend: { orient: "right" },
          },
        },
      },
    ],
  };
  return chartSvg(spec);
}

function extent(values: readonly number[]): readonly [least: number, most: number] {
  return [Math.min(...values), Math.max(...values)];
}
