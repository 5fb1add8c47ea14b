import { barChartSvg } from "../../images/draw/charts.js";
import { folded, note, paragraph, renderPage, type Section, svgFigure, tableOf } from "../../pages/index.js";
import { describeSetting, milliseconds } from "../format.js";
import { busyWarning } from "../page.js";
import { VARIANT_HEAD, variantRow } from "./table.js";
import type { ExperimentResult, ObservationResult, ObserveResult } from "./types.js";

/** One page: of each observation what the paper found and, for every experiment, a sentence, a plot and a table. */
export async function observationsPage({ setting, observations }: ObserveResult): Promise<string> {
  const [where, how] = describeSetting(setting);
  const sections: Section[] = [];
  for (const observation of observations) sections.push(await sectionOf(observation));
  const [first, ...rest] = sections as [Section, ...Section[]];
  const warning = busyWarning(setting);
  const noted = warning === undefined ? first : { ...first, content: [note(warning), ...first.content] };
  return renderPage({
    title: "The paper's observations on this machine",
    subtitle: `${where}; ${how}. The paper: EfficientFormer, NeurIPS 2022`,
    sections: [noted, ...rest],
  });
}

async function sectionOf({ title, paper, experiments }: ObservationResult): Promise<Section> {
  const parts = await Promise.all(experiments.map(experimentPart));
  return { title, text: `The paper: ${paper}`, content: parts.flat() };
}

async function experimentPart({ title, variants, sentence }: ExperimentResult) {
  const bars = variants.flatMap(({ name, latency }) =>
    latency === undefined
      ? []
      : [{ name, value: Number(milliseconds(latency.median)), low: latency.low, high: latency.high }],
  );
  const chart =
    bars.length === 0
      ? []
      : [svgFigure(await barChartSvg(bars, { valueLabel: "ms, with intervals", width: 420 }), { caption: title })];
  const rows = variants.map(variantRow);
  return [...chart, paragraph(sentence), folded("Table", [tableOf(VARIANT_HEAD, rows)])];
}
