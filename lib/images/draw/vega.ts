import type { TopLevelSpec } from "vega-lite";
import { FONT_FAMILY } from "./svg.js";

/** Fonts and colours of every chart. */
export const CHART_CONFIG = {
  font: FONT_FAMILY,
  title: { fontSize: 17, fontWeight: 600, color: "#111" },
  axis: {
    labelFontSize: 12,
    titleFontSize: 13,
    titleFontWeight: 400,
    labelColor: "#444",
    titleColor: "#222",
    gridColor: "#e6e6e6",
    domainColor: "#888",
    tickColor: "#888",
    titlePadding: 10,
    labelFlush: false,
  },
  legend: { labelFontSize: 13, labelColor: "#222", rowPadding: 6, labelLimit: 260 },
  view: { stroke: null },
} as const satisfies TopLevelSpec["config"];

/** Draws a Vega-Lite specification as SVG text. The packages are loaded when the first chart is drawn. */
export async function chartSvg(spec: TopLevelSpec): Promise<string> {
  const [vega, vegaLite] = await Promise.all([import("vega"), import("vega-lite")]);
  const view = new vega.View(vega.parse(vegaLite.compile(spec).spec), { renderer: "none" });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}
