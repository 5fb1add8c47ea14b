import { barChartSvg } from "../../images/draw/charts.js";
import { cardsOf, folded, note, paragraph, renderPage, type Section, svgFigure, tableOf } from "../../pages/index.js";
import { describeSetting } from "../format.js";
import { busyWarning } from "../page.js";
import { VARIANT_HEAD, variantRow } from "./table.js";
import type { ExperimentResult, ObservationResult, ObserveResult } from "./types.js";

/** One page: for each observation the paper's finding and, for every experiment, a plot, a sentence and a table. */
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
  const parts = await Promise.all(experiments.map(experimentCard));
  return { title, text: `The paper: ${paper}`, content: [cardsOf(parts)] };
}

async function experimentCard({ title, variants, sentence }: ExperimentResult) {
  const others = variants.flatMap(({ label, ratio }) =>
    ratio === undefined
      ? []
      : [{ name: label, value: Number(ratio.median.toFixed(2)), low: ratio.low, high: ratio.high }],
  );
  const bars = [{ name: variants[0]!.label, value: 1 }, ...others];
  const options = { valueLabel: "times the first, with intervals", width: 300 };
  const chart = others.length === 0 ? [] : [svgFigure(await barChartSvg(bars, options), { description: title })];
  const table = folded("Table", [tableOf(VARIANT_HEAD, variants.map(variantRow))]);
  return { title, content: [...chart, paragraph(sentence), table] };
}
