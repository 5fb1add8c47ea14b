import { type Html, type Section, tableOf } from "../../pages/index.js";
import type { SetStats, Spread } from "./types.js";

/** A value of a table. */
export type Cell = string | number | Html;

/** What the page shows for a kind of set. */
export interface SetPart<S extends SetStats, V> {
  /** The chart of classes: the name of its values, and their format in d3's notation. */
  readonly chart: { readonly caption: string; readonly valueLabel: string; readonly format?: string };
  /** The heads of the table of classes, after the set's name. */
  readonly head: readonly string[];
  overview(stats: S): Section;
  /** A class's value on the chart. */
  amount(own: S["classes"][number]): number;
  /** A class's row of the table. */
  row(own: S["classes"][number]): readonly Cell[];
  details(name: string, values: V): Promise<Section>;
}

/** The most frequent sizes. */
export function sizesTable({ sizes }: SetStats): Html {
  return tableOf(
    ["Image size", "Images"],
    sizes.map(({ width, height, images }) => [`${width} × ${height}`, images]),
  );
}

/** One line per value: its name and distribution. */
export function spreadsTable(rows: readonly (readonly [name: string, spread: Spread])[]): Html {
  return tableOf(
    ["", "min", "10 %", "median", "mean", "90 %", "max"],
    rows.map(([name, { min, p10, median, mean, p90, max }]) => [
      name,
      ...[min, p10, median, mean, p90, max].map(short),
    ]),
  );
}

/** One bin for each whole number, or for a few of them together. */
export function wholeBins(values: readonly number[]): { readonly extent: [number, number]; readonly bins: number } {
  const most = values.reduce((a, b) => Math.max(a, b), 1);
  const step = Math.ceil((most + 1) / 50);
  const bins = Math.ceil((most + 1) / step);
  return { extent: [-0.5, bins * step - 0.5], bins };
}

export const short = (value: number): string => String(Number(value.toPrecision(3)));
export const percent = (share: number): string => `${(100 * share).toFixed(share > 0 && share < 0.01 ? 2 : 1)} %`;
