import { barChartSvg } from "../images/draw/charts.js";
import { type Html, svgFigure } from "../pages/index.js";

/** Classes on one chart; all are in the table beside it. */
const CHARTED = 30;

/**
 * Bars of a metric by class.
 *
 * @param order indices of the classes, the most frequent first
 * @param metricOf the metric of a class, 0 … 1; null where it is undefined, which leaves the class out
 */
export async function classChart(
  metric: string,
  classes: readonly string[],
  order: readonly number[],
  metricOf: (k: number) => number | null,
): Promise<Html> {
  const bars = order
    .flatMap((k) => {
      const value = metricOf(k);
      return value === null ? [] : [{ name: classes[k]!, value: 100 * value }];
    })
    .slice(0, CHARTED);
  const chart = await barChartSvg(bars, { valueLabel: `${metric}, %`, format: ".1f", width: 220 });
  const left = classes.length - bars.length;
  const caption = `${metric} by class, the most frequent first${left > 0 ? `; ${left} more are in the table` : ""}`;
  return svgFigure(chart, { caption });
}
