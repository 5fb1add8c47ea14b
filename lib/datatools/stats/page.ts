import { barChartSvg, histogramSvg, scatterSvg } from "../../images/draw/charts.js";
import {
  figures,
  folded,
  type Html,
  keyFigures,
  renderPage,
  type Section,
  svgFigure,
  tableOf,
} from "../../pages/index.js";
import { Random } from "../../random.js";
import type { ObjectValues } from "./objects.js";
import type { PixelValues } from "./pixels.js";
import type { AnchorStats, Coverage, ObjectStats, PixelStats, SetStats, Spread } from "./types.js";

/** A set's figures with what its plots are drawn from. */
export type MeasuredSet =
  | { readonly stats: ObjectStats; readonly values: ObjectValues }
  | { readonly stats: PixelStats; readonly values: PixelValues };

export interface StatsPage {
  readonly title: string;
  readonly subtitle: string;
  readonly sets: readonly MeasuredSet[];
  readonly anchors?: { readonly stats: AnchorStats; readonly ious: readonly number[] };
}

/** The page of `data stats`: figures, plots and tables of every set, and of the anchors. */
export async function statsPage({ title, subtitle, sets, anchors }: StatsPage): Promise<string> {
  const sections: Section[] = [];
  for (const set of sets) sections.push(await overview(set.stats));
  sections.push(await classSection(sets.map(({ stats }) => stats)));
  for (const set of sets) {
    if ("widths" in set.values) sections.push(await objectSection(set.stats.name, set.values));
    else sections.push(await pixelSection(set.stats.name, set.values));
  }
  if (anchors !== undefined) sections.push(await anchorSection(anchors.stats, anchors.ious));
  return renderPage({ title, subtitle, sections });
}

async function overview(stats: SetStats): Promise<Section> {
  const sizes = tableOf(
    ["Picture size", "Pictures"],
    stats.sizes.map(({ width, height, pictures }) => [`${width} × ${height}`, pictures]),
  );
  if (stats.kind === "pixels") {
    const numbers: [string, string | number][] = [
      ["pictures", stats.pictures],
      ["classes", stats.classes.length],
      ["classes a picture, median", short(stats.classesPerPicture.median)],
      ["pixels ignored", percent(stats.ignored)],
    ];
    return { title: stats.name, content: [keyFigures(numbers), sizes] };
  }
  const { report, perPicture, sides, ratios, areas } = stats;
  const numbers: [string, string | number][] = [
    ["pictures", stats.pictures],
    ["without objects", report.picturesWithoutObjects],
    ["objects", report.objects - report.crowds],
    ["crowds", report.crowds],
    ["with masks", report.objects - report.withoutMask],
    ["small", percent(areas.small)],
    ["medium", percent(areas.medium)],
    ["large", percent(areas.large)],
  ];
  const spreads = tableOf(
    ["", "min", "10 %", "median", "mean", "90 %", "max"],
    [
      ["Objects a picture", ...spreadCells(perPicture)],
      ["√ box area, pixels", ...spreadCells(sides)],
      ["Box width over height", ...spreadCells(ratios)],
      ["Picture width", ...spreadCells(stats.widths)],
      ["Picture height", ...spreadCells(stats.heights)],
    ],
  );
  return {
    title: stats.name,
    text: "Small, medium and large by COCO's areas: below 32², below 96² pixels, above. Crowds are left out below.",
    content: [keyFigures(numbers), figures([spreads, sizes])],
  };
}

/** Classes on one chart; all of them are in the table. */
const CHARTED = 60;

async function classSection(sets: readonly SetStats[]): Promise<Section> {
  const [first] = sets;
  if (first === undefined) return { title: "Classes", content: [] };
  const amount = (set: SetStats, i: number): number => {
    const own = set.classes[i]!;
    return "objects" in own ? own.objects : 100 * own.share;
  };
  const order = first.classes.map((_, i) => i).sort((a, b) => amount(first, b) - amount(first, a));
  const bars = order
    .slice(0, CHARTED)
    .flatMap((i) => sets.map((set) => ({ name: first.classes[i]!.name, series: set.name, value: amount(set, i) })));
  const pixels = first.kind === "pixels";
  const valueLabel = pixels ? "share of the labelled pixels, %" : "objects";
  const chart = await barChartSvg(bars, { valueLabel, width: 640, ...(pixels && { format: ".1f" }) });
  const left = first.classes.length - CHARTED;
  const caption = `${pixels ? "Pixels" : "Objects"} of each class${left > 0 ? `; ${left} more are in the table` : ""}`;
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
  if (set.kind === "objects") {
    const rows = order
      .map((i) => set.classes[i]!)
      .map(({ name, objects, pictures, share, medianSide }) => [
        name,
        objects,
        percent(share),
        pictures,
        medianSide === null ? "–" : short(medianSide),
      ]);
    return tableOf([set.name, "Objects", "Share", "Pictures", "Median √ area"], rows);
  }
  const rows = order
    .map((i) => set.classes[i]!)
    .map(({ name, share, pictures, medianShare }) => [
      name,
      percent(share),
      pictures,
      medianShare === null ? "–" : percent(medianShare),
    ]);
  return tableOf([set.name, "Of all pixels", "Pictures", "Median where present"], rows);
}

/** More points than this make a drawing large, and no clearer. */
const POINTS = 1500;

async function objectSection(name: string, { widths, heights, perPicture }: ObjectValues): Promise<Section> {
  const sides = widths.map((width, i) => Math.sqrt(width * heights[i]!));
  const ratios = widths.map((width, i) => width / heights[i]!);
  const chosen = Random.of("stats", name).choose(widths.length, POINTS);
  const points = Array.from(chosen, (i): [number, number] => [widths[i]!, heights[i]!]);
  const drawings: [string, string][] = [
    [
      "Size of the objects: the square root of the box's area",
      await histogramSvg(sides, {
        xLabel: "√ area, pixels",
        yLabel: "objects",
        xScale: "log",
        marks: [
          { x: 32, text: "medium" },
          { x: 96, text: "large" },
        ].filter(({ x }) => x > Math.min(...sidesEnds(sides))),
      }),
    ],
    [
      "Shape of the objects: above 1 they are wider than high",
      await histogramSvg(ratios, { xLabel: "width over height", yLabel: "objects", xScale: "log" }),
    ],
    [
      `Width and height of the boxes${chosen.length < widths.length ? `, ${chosen.length} of ${widths.length}` : ""}`,
      await scatterSvg(points, { xLabel: "width, pixels", yLabel: "height, pixels", scale: "log" }),
    ],
    [
      "Objects a picture",
      await histogramSvg(perPicture, { xLabel: "objects", yLabel: "pictures", ...wholeBins(perPicture) }),
    ],
  ];
  const content = figures(drawings.map(([caption, svg]) => svgFigure(svg, { caption })));
  return { title: `${name}: objects`, content: [content] };
}

async function pixelSection(name: string, { perPicture }: PixelValues): Promise<Section> {
  const svg = await histogramSvg(perPicture, { xLabel: "classes", yLabel: "pictures", ...wholeBins(perPicture) });
  return { title: `${name}: pictures`, content: [svgFigure(svg, { caption: "Classes a picture" })] };
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
      `Each box of ${stats.pictures} training pictures, as the network sees them, with the anchor that overlaps it most. ` +
      `From an IoU of ${positiveIou} on, every such anchor is positive; below it a box's best one is, if it has ` +
      `${minPositiveIou}. A box below that is never learnt as a proposal: change rpn.anchorScale or anchorRatios if many are.`,
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

/** A bin for each whole number, or for a few of them together. */
function wholeBins(values: readonly number[]): { readonly extent: [number, number]; readonly bins: number } {
  const most = values.reduce((a, b) => Math.max(a, b), 1);
  const step = Math.ceil((most + 1) / 50);
  const bins = Math.ceil((most + 1) / step);
  return { extent: [-0.5, bins * step - 0.5], bins };
}

const sidesEnds = (sides: readonly number[]): number[] => [sides.reduce((a, b) => Math.min(a, b), 32)];
const spreadCells = ({ min, p10, median, mean, p90, max }: Spread) => [min, p10, median, mean, p90, max].map(short);
const short = (value: number): string => String(Number(value.toPrecision(3)));
const percent = (share: number): string => `${(100 * share).toFixed(share > 0 && share < 0.01 ? 2 : 1)} %`;
