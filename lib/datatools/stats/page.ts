import { barChartSvg, histogramSvg } from "../../images/draw/charts.js";
import { figures, folded, type Html, renderPage, type Section, svgFigure, tableOf } from "../../pages/index.js";
import { imagePart } from "./imagePart.js";
import type { ImageValues } from "./images.js";
import { objectPart } from "./objectPart.js";
import type { ObjectValues } from "./objects.js";
import { percent, type SetPart } from "./pageParts.js";
import { pixelPart } from "./pixelPart.js";
import type { PixelValues } from "./pixels.js";
import type { AnchorStats, Coverage, ImageStats, ObjectStats, PixelStats, SetStats } from "./types.js";

/** A set's statistics with the data of its plots. */
export type MeasuredSet =
  | { readonly stats: ObjectStats; readonly values: ObjectValues }
  | { readonly stats: PixelStats; readonly values: PixelValues }
  | { readonly stats: ImageStats; readonly values: ImageValues };

/** What the page shows for each kind of set. */
const PARTS = { objects: objectPart, pixels: pixelPart, images: imagePart } as const;

/** The part for a set's kind: it only gets this set's statistics. */
const partOf = ({ kind }: SetStats) => PARTS[kind] as SetPart<SetStats, MeasuredSet["values"]>;

export interface StatsPage {
  readonly title: string;
  readonly subtitle: string;
  readonly sets: readonly MeasuredSet[];
  readonly anchors?: { readonly stats: AnchorStats; readonly ious: readonly number[] };
}

/** The page of `data stats`: statistics, plots and tables of every set, and of the anchors. */
export async function statsPage({ title, subtitle, sets, anchors }: StatsPage): Promise<string> {
  const sections: Section[] = sets.map(({ stats }) => partOf(stats).overview(stats));
  sections.push(await classSection(sets.map(({ stats }) => stats)));
  for (const { stats, values } of sets) sections.push(await partOf(stats).details(stats.name, values));
  if (anchors !== undefined) sections.push(await anchorSection(anchors.stats, anchors.ious));
  return renderPage({ title, subtitle, sections });
}

/** Classes on one chart; all of them are in the table. */
const CHARTED = 60;

async function classSection(sets: readonly SetStats[]): Promise<Section> {
  const [first] = sets;
  if (first === undefined) return { title: "Classes", content: [] };
  const part = partOf(first);
  const amount = (set: SetStats, i: number): number => part.amount(set.classes[i]!);
  const order = first.classes.map((_, i) => i).sort((a, b) => amount(first, b) - amount(first, a));
  const bars = order
    .slice(0, CHARTED)
    .flatMap((i) => sets.map((set) => ({ name: first.classes[i]!.name, series: set.name, value: amount(set, i) })));
  const { caption: what, ...labels } = part.chart;
  const chart = await barChartSvg(bars, { ...labels, width: 640 });
  const left = first.classes.length - CHARTED;
  const caption = `${what} of each class${left > 0 ? `; ${left} more are in the table` : ""}`;
  const tables = sets.map((set) => classTable(set, order));
  const list =
    first.classes.length > 20 ? tables.map((table, i) => folded(`Table: ${sets[i]!.name}`, [table])) : tables;
  const unused = first.classes.filter((_, i) => amount(first, i) === 0).map(({ name }) => name);
  return {
    title: "Classes",
    ...(unused.length > 0 && { text: `Never in ${first.name}: ${unused.join(", ")}.` }),
    content: [figures([svgFigure(chart, { caption }), ...list])],
  };
}

function classTable(set: SetStats, order: readonly number[]): Html {
  const part = partOf(set);
  return tableOf(
    [set.name, ...part.head],
    order.map((i) => part.row(set.classes[i]!)),
  );
}

async function anchorSection(stats: AnchorStats, ious: readonly number[]): Promise<Section> {
  const { positiveIou, minPositiveIou, all } = stats;
  const cells = ({ name, boxes, medianIou, positive, reached }: Coverage) => [
    name,
    boxes,
    medianIou === null ? "–" : medianIou.toFixed(2),
    boxes === 0 ? "–" : percent(positive),
    boxes === 0 ? "–" : percent(reached),
  ];
  const head = ["Boxes", "Number", "Median IoU", `IoU ≥ ${positiveIou}`, `IoU ≥ ${minPositiveIou}`];
  const drawing = await histogramSvg(ious, {
    xLabel: "IoU with the best anchor",
    yLabel: "boxes",
    extent: [0, 1],
    marks: [
      { x: minPositiveIou, text: "least" },
      { x: positiveIou, text: "positive" },
    ],
  });
  const used = [
    ...stats.byStride.map(({ stride, boxes }) => [`stride ${stride}`, boxes, percent(boxes / Math.max(1, all.boxes))]),
    ...stats.byRatio.map(({ ratio, boxes }) => [`ratio ${ratio}`, boxes, percent(boxes / Math.max(1, all.boxes))]),
  ];
  return {
    title: "Anchors",
    text:
      `Each box of ${stats.images} training images, as the network sees them, with the anchor that overlaps it most. ` +
      `Every anchor with an IoU of ${positiveIou} or more is positive; below it, a box's best one is, from ` +
      `${minPositiveIou} on. A box below that is never learnt as a proposal: change rpn.anchorScale or anchorRatios if many are.`,
    content: [
      figures([
        svgFigure(drawing, { caption: "How well the anchors cover the boxes" }),
        tableOf(head, [all, ...stats.byArea].map(cells)),
        tableOf(["Best anchors", "Boxes", "Share"], used),
        tableOf(["By class", ...head.slice(1)], stats.byClass.map(cells)),
      ]),
    ],
  };
}
