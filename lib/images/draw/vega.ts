import type { TopLevelSpec } from "vega-lite";
import { UserError } from "../../errors.js";
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

/**
 * Draws a Vega-Lite specification as SVG text. The packages are loaded when the first chart is drawn.
 *
 * @throws UserError when they are not installed: programs that draw no charts do without them
 */
export async function chartSvg(spec: TopLevelSpec): Promise<string> {
  const [vega, vegaLite] = await loadVega();
  const view = new vega.View(vega.parse(vegaLite.compile(spec).spec), { renderer: "none" });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

/** @throws UserError when the packages that draw charts are not installed; to be called before long work begins */
export async function checkCharts(): Promise<void> {
  await loadVega();
}

async function loadVega() {
  try {
    return await Promise.all([import("vega"), import("vega-lite")]);
  } catch (error) {
    const missing = error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND";
    if (!missing) throw error;
    throw new UserError("charts are drawn by the packages vega and vega-lite; run `npm install vega@6 vega-lite@6`");
  }
}
