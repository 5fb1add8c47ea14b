import { barChartSvg } from "../images/draw/charts.js";
import { plotSvg, type Series } from "../images/draw/plot.js";
import { meanPrecision, meanRecall, precisionCurve } from "../metrics/coco/summary.js";
import type { EvaluationType } from "../metrics/coco/tables.js";
import {
  figures,
  folded,
  type Html,
  html,
  keyFigures,
  paragraph,
  type Section,
  svgFigure,
  tableOf,
} from "../pages/index.js";
import { confusionContent } from "./confusionPage.js";
import type { DetectionAnalysis, TypeAnalysis } from "./detections.js";
import { percent } from "./format.js";
import { thinned } from "./thin.js";

const NAMES: Readonly<Record<EvaluationType, string>> = { bbox: "boxes", segm: "masks" };
const SIZE = { width: 235, height: 190, legend: "bottom" } as const;
const UNIT = { xDomain: [0, 1], yDomain: [0, 1] } as const;
/** Classes on one chart; more classes get further charts. */
const LINES = 8;

/** The sections on a detector, except its worst images. */
export async function detectionSections(analysis: DetectionAnalysis): Promise<Section[]> {
  return [
    figuresSection(analysis),
    await curvesSection(analysis),
    await errorsSection(analysis),
    await thresholdSection(analysis),
    await confusionSection(analysis),
  ];
}

function figuresSection({ types, dataset }: DetectionAnalysis): Section {
  const rows = types[0]!.evaluation.rows.map(({ kind, iou, area, maxDetections }, i) => [
    `${kind === "precision" ? "AP" : "AR"}${iou === undefined ? "" : ` at IoU ${iou}`}`,
    area,
    maxDetections,
    ...types.map(({ evaluation }) => percent(evaluation.stats[i]!)),
  ]);
  const perClass = types.map((one) => {
    const table = classTable(one, types.length > 1 ? `Classes: ${NAMES[one.type]}` : "Classes");
    return dataset.classes.length > 20 ? folded(`Classes: ${NAMES[one.type]}`, [table]) : table;
  });
  return {
    title: "Average precision",
    text: "COCO metrics in per cent: the mean over IoU 0.5, 0.55 … 0.95 unless stated otherwise.",
    content: [
      figures([
        tableOf(["", "area", "detections", ...types.map(({ type }) => NAMES[type])], rows),
        html`<div>${perClass}</div>`,
      ]),
    ],
  };
}

function classTable({ evaluation, groundTruth }: TypeAnalysis, caption: string): Html {
  const { options, categories } = evaluation;
  const all = [...options.iouThresholds.keys()];
  const limit = options.maxDetections.length - 1;
  const objects = new Float64Array(categories.length);
  groundTruth.category.forEach((k, row) => {
    if (groundTruth.crowd[row] === 0) objects[k]!++;
  });
  const precision = (category: number, area: string, thresholds = all): string => {
    const index = options.areaRanges.findIndex(({ label }) => label === area);
    return percent(meanPrecision(evaluation.curves, { thresholds, area: index, limit, category }));
  };
  const rows = categories.map(({ name }, k) => [
    name,
    objects[k]!,
    precision(k, "all"),
    precision(k, "all", [0]),
    precision(k, "all", [5]),
    ...["small", "medium", "large"].map((area) => precision(k, area)),
    percent(meanRecall(evaluation.curves, { thresholds: all, area: 0, limit, category: k })),
  ]);
  return tableOf(["class", "objects", "AP", "AP50", "AP75", "small", "medium", "large", "AR"], rows, { caption });
}

async function curvesSection({ types, dataset }: DetectionAnalysis): Promise<Section> {
  const labels = { ...SIZE, ...UNIT, xLabel: "recall", yLabel: "precision" };
  const charts: Html[] = [];
  const single: Html[] = [];
  for (const { type, evaluation } of types) {
    const overall = [0, 5, 8].map((t) => {
      const iou = evaluation.options.iouThresholds[t]!.toFixed(2);
      return seriesOf(`IoU ${iou}`, evaluation, { thresholds: [t] });
    });
    const title = NAMES[type];
    charts.push(svgFigure(await plotSvg(overall, labels), { caption: `All classes, ${title}` }));
    const classes = evaluation.categories.flatMap(({ name, ap }, category) =>
      ap < 0 ? [] : [{ ...seriesOf(name, evaluation, { thresholds: [0], category }), ap }],
    );
    if (classes.length <= LINES) {
      if (classes.length > 1) {
        charts.push(svgFigure(await plotSvg(classes, labels), { caption: `Classes at IoU 0.50, ${title}` }));
      }
      continue;
    }
    const ranked = classes.toSorted((a, b) => b.ap - a.ap);
    const ends = [...ranked.slice(0, LINES / 2), ...ranked.slice(-LINES / 2)];
    const caption = `The ${LINES / 2} classes with the highest and the lowest AP, at IoU 0.50, ${title}`;
    charts.push(svgFigure(await plotSvg(ends, labels), { caption }));
    for (const one of ranked) {
      const small = await plotSvg([one], { ...labels, width: 150, height: 110 });
      single.push(svgFigure(small, { caption: `${one.name}, ${title}` }));
    }
  }
  return {
    title: "Precision and recall",
    text: "At each recall, the best precision at that or a higher recall; the area under a curve is the AP.",
    content: [
      figures(charts),
      ...(single.length > 0 ? [folded(`All ${dataset.classes.length} classes`, [figures(single)])] : []),
    ],
  };
}

function seriesOf(
  name: string,
  { options, curves }: TypeAnalysis["evaluation"],
  selection: { thresholds: number[]; category?: number },
): Series {
  const { recallThresholds } = options;
  return { name, points: [...precisionCurve(curves, selection)].map((y, r) => [recallThresholds[r]!, y]) };
}

const MEANINGS = {
  localisation: "the class is right, the box or mask is not: overlap 0.1 to the threshold",
  class: "the box or mask is right, the class is not",
  duplicate: "the object was already found by a better detection",
  background: "there is no object: no overlap above 0.1",
  both: "neither the class nor the box or mask is right",
  missed: "an object nothing found, and that no other error explains",
} as const;

async function errorsSection({ types, iouThreshold }: DetectionAnalysis): Promise<Section> {
  const bars = types[0]!.errors.errors.flatMap(({ kind }, i) =>
    types.map(({ type, errors }) => ({ name: kind, series: NAMES[type], value: 100 * errors.errors[i]!.deltaAp })),
  );
  const ends = (["falsePositives", "falseNegatives"] as const).flatMap((key) =>
    types.map(({ type, errors }) => ({
      name: key === "falsePositives" ? "all false positives" : "all false negatives",
      series: NAMES[type],
      value: 100 * errors[key],
    })),
  );
  const valueLabel = `points of AP at IoU ${iouThreshold}`;
  const chart = await barChartSvg([...bars, ...ends], { valueLabel, format: ".1f", width: 220 });
  const rows = types[0]!.errors.errors.map(({ kind }, i) => [
    kind,
    ...types.flatMap(({ errors }) => [errors.errors[i]!.count, (100 * errors.errors[i]!.deltaAp).toFixed(2)]),
    MEANINGS[kind],
  ]);
  const head = ["error", ...types.flatMap(({ type }) => [NAMES[type], "costs AP"]), "meaning"];
  const aps = types.map(({ type, errors }) => `${percent(errors.ap)} for ${NAMES[type]}`).join(", ");
  return {
    title: "What costs precision",
    text:
      `How much higher the AP at IoU ${iouThreshold} (${aps}; mean over classes with objects or detections) would be if all ` +
      "errors of a kind were fixed and the others stayed. After TIDE (Bolya et al., ECCV 2020); the costs do not add up.",
    content: [
      figures([svgFigure(chart, { caption: "What each kind of error costs" })]),
      tableOf(head, rows, { words: [head.length - 1] }),
      ...types.map(classErrors),
    ],
  };
}

function classErrors({ type, errors, groundTruth }: TypeAnalysis): Html {
  const rows = groundTruth.categoryNames.map((name, k) => [name, ...errors.errors.map(({ perClass }) => perClass[k]!)]);
  const head = ["class", ...errors.errors.map(({ kind }) => kind)];
  return folded(`Numbers of errors by class, ${NAMES[type]}`, [tableOf(head, rows)]);
}

async function thresholdSection({ points, chosen, main, iouThreshold }: DetectionAnalysis): Promise<Section> {
  const curves = (["precision", "recall", "f1"] as const).map((key) => ({
    name: key === "f1" ? "F1" : key,
    points: thinned(
      points.map((point) => [point.score, point[key]]),
      200,
    ),
  }));
  const labels = { ...SIZE, ...UNIT, xLabel: "score threshold", yLabel: "" };
  const content = [
    keyFigures([
      ["score threshold", chosen.score.toFixed(2)],
      ["precision", percent(chosen.precision)],
      ["recall", percent(chosen.recall)],
      ["F1", percent(chosen.f1)],
      ["right", chosen.right],
      ["wrong", chosen.wrong],
      ["missed", chosen.missed],
    ]),
  ];
  if (points.length > 1) {
    const caption = `All classes together, ${NAMES[main.type]}, IoU ${iouThreshold}`;
    content.push(figures([svgFigure(await plotSvg(curves, labels), { caption })]));
  }
  return {
    title: "Score threshold",
    text: "Precision and recall when detections below a score are left out. Crowds do not count.",
    content,
  };
}

async function confusionSection({ confusion, main, chosen, iouThreshold }: DetectionAnalysis): Promise<Section> {
  const names = [...main.groundTruth.categoryNames, "background"];
  const { counts } = confusion;
  const n = names.length;
  const sums = (at: (i: number) => number): number => names.reduce((sum, _, i) => sum + counts[at(i)]!, 0);
  const rows = main.groundTruth.categoryNames.map((name, k) => {
    const right = counts[k * n + k]!;
    const objects = sums((i) => k * n + i);
    const detections = sums((i) => i * n + k);
    const share = (of: number): string => (of === 0 ? "–" : percent(right / of));
    return [name, objects, detections, right, share(detections), share(objects)];
  });
  const crowds = confusion.ignored === 0 ? "" : ` ${confusion.ignored} detections on crowds are left out.`;
  return {
    title: "Confusion",
    text:
      `Rows are annotated ${NAMES[main.type]}, columns detections that score at least ${chosen.score.toFixed(2)}. Best score ` +
      `first, each detection takes the free object of its class that it overlaps most, with at least IoU ${iouThreshold}; the rest ` +
      "then take a free object of another class by the same rule. Whatever has no partner is matched with background: missed " +
      `objects in the last column; duplicates and detections of nothing in the last row.${crowds}`,
    content: [
      ...(await confusionContent({ names, counts, unit: "objects" })),
      tableOf(["class", "objects", "detections", "right", "precision", "recall"], rows),
      paragraph("Shading shows a cell's share of its row."),
    ],
  };
}
