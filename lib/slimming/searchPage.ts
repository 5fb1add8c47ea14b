import { titleOfSize } from "../backbones/efficientformerSizes.js";
import { readTextFile } from "../files.js";
import { barChartSvg } from "../images/draw/charts.js";
import { plotSvg } from "../images/draw/plot.js";
import {
  figures,
  type Html,
  keyFigures,
  note,
  paragraph,
  renderPage,
  type Section,
  svgFigure,
  tableOf,
} from "../pages/index.js";
import { milliseconds, percent, signed } from "../profile/format.js";
import { counted } from "../words.js";
import type { Action } from "./actions.js";
import { type Alphas, pathImportance } from "./importance.js";
import type { Criterion, Step } from "./search.js";
import { showCost, unitOf } from "./targets.js";
import type { SlimmedNetwork, SlimSearchResult } from "./types.js";

/** A page on a search: the Pareto front, how important each path is, and each step with its candidates. */
export async function searchPage(result: SlimSearchResult, alphas: Alphas): Promise<string> {
  const { networks, source, unreached } = result;
  const start = networks[0]!;
  const remarks = unreached.map(({ method, target, reason }) => note(`${method} did not reach ${target}: ${reason}.`));
  const sections: Section[] = [
    {
      title: "What was found",
      text: "Accuracy is measured with the supernet's weights on held-out images, before the networks are trained themselves.",
      content: [
        ...remarks,
        keyFigures([
          ["largest network", showCost(result.kind, start.cost)],
          [
            result.by === "accuracy" ? "its accuracy in the supernet" : "its loss in the supernet",
            figure(start, result.by),
          ],
          ["networks found", networks.length - 1],
        ]),
        await frontPlot(result),
        networkTable(result),
      ],
    },
    await alphaSection(alphas),
  ];
  const steps = await stepsOf(result.logs.slimming);
  if (steps.length > 0) sections.push(stepSection(steps, result));
  return renderPage({ title: `Slimming ${titleOfSize(start.size)}`, subtitle: `Costs: ${source}`, sections });
}

const figure = ({ accuracy, loss = Number.NaN }: Pick<SlimmedNetwork, "accuracy" | "loss">, by: Criterion): string =>
  by === "accuracy" ? percent(accuracy) : loss.toFixed(4);

async function frontPlot({ networks, kind, by }: SlimSearchResult): Promise<Html> {
  const [start, ...others] = networks as [SlimmedNetwork, ...SlimmedNetwork[]];
  const { divisor, name } = unitOf(kind);
  const point = (network: SlimmedNetwork): [number, number] => [
    network.cost / divisor,
    by === "accuracy" ? 100 * network.accuracy : (network.loss ?? Number.NaN),
  ];
  const methods = [...new Set(others.map(({ method }) => method))];
  const series = methods.map((method) => ({
    name: method as string,
    points: [...others.filter((one) => one.method === method), ...(method === "slimming" ? [start] : [])]
      .map(point)
      .sort(([a], [b]) => a - b),
  }));
  const svg = await plotSvg(series, {
    ...{ xLabel: name, yLabel: by === "accuracy" ? "accuracy, %" : "loss" },
    ...{ width: 560, height: 260 },
  });
  return svgFigure(svg, { caption: "The front: the networks that each method found, with the supernet's weights" });
}

function networkTable({ networks, kind, by }: SlimSearchResult): Html {
  const isMeasured = networks.some(({ measured }) => measured !== undefined);
  const head = [
    "",
    "target",
    "widths, depths, MB3D",
    "MMAC",
    "M parameters",
    "predicted",
    ...(isMeasured ? ["measured, ms", "predicted against measured"] : []),
    by,
  ];
  const rows = networks.map((network) => {
    const { method, target = "", size, macs, parameters, cost, measured } = network;
    const time = measured && [
      `${milliseconds(measured.ms)} (${milliseconds(measured.low)}–${milliseconds(measured.high)})`,
      signed(cost / measured.ms - 1),
    ];
    return [
      ...[
        method,
        target,
        titleOfSize(size),
        (macs / 1e6).toFixed(1),
        (parameters / 1e6).toFixed(3),
        showCost(kind, cost),
      ],
      ...(isMeasured ? (time ?? ["", ""]) : []),
      figure(network, by),
    ];
  });
  return tableOf(head, rows, { words: [1, 2] });
}

async function alphaSection(alphas: Alphas): Promise<Section> {
  const charts: Html[] = [];
  for (const [stage, paths] of alphas.entries()) {
    const bars = paths.flatMap((path, block) =>
      Object.entries(path).map(([choice, share]) => ({
        name: `block ${block + 1}`,
        series: choice,
        value: Number(share.toFixed(3)),
      })),
    );
    const svg = await barChartSvg(bars, { valueLabel: "softmax(α)", width: 200, format: ".3~f" });
    const importance = paths.reduce((sum, path) => sum + pathImportance(path), 0);
    charts.push(
      svgFigure(svg, {
        caption: `Stage ${stage + 1}; its importance, the sum over its paths, is ${importance.toFixed(2)}`,
      }),
    );
  }
  return {
    title: "Importance",
    text: "The trained shares of each MetaPath. A path's importance is the ratio of its blocks' shares to the identity's.",
    content: [figures(charts)],
  };
}

async function stepsOf(log: string | undefined): Promise<Step[]> {
  if (log === undefined) return [];
  const lines = (await readTextFile(log)).split("\n").filter((line) => line !== "");
  return lines
    .map((line) => JSON.parse(line) as Step | { readonly type: "other" })
    .filter((entry) => entry.type === "step");
}

function stepSection(steps: readonly Step[], { kind, by }: SlimSearchResult): Section {
  const { divisor, name } = unitOf(kind);
  const rows = steps.flatMap(({ step, cost, candidates, taken, ...now }) =>
    candidates.map((candidate, i) => [
      i === 0 ? String(step) : "",
      i === 0 ? `${showCost(kind, cost)}, ${figure(now, by)}` : "",
      describeAction(candidate.action),
      showCost(kind, candidate.cost),
      figure(candidate, by),
      (candidate.saved / divisor).toPrecision(3),
      candidate.drop.toFixed(4),
      (candidate.dropPerCost * divisor).toPrecision(3),
      i === taken ? "taken" : "",
    ]),
  );
  const head = ["step", "before it", "action", "then", by, `saves, ${name}`, "drop", `drop per ${name}`, ""];
  return {
    title: "Each step",
    text: `The action with the least ${by === "loss" ? "rise" : "drop"} of ${by} for what it saves is taken; among equal ones, the one that saves most.`,
    content: [
      paragraph(`${counted(steps.length, "step")} from the largest network to the smallest target.`),
      tableOf(head, rows, { words: [1, 2, 8] }),
    ],
  };
}

function describeAction(action: Action): string {
  switch (action.action) {
    case "remove":
      return `stage ${action.stage}: block ${action.block} becomes the identity (importance ${action.importance.toFixed(2)})`;
    case "convert":
      return `stage ${action.stage}: block ${action.block} becomes MB4D`;
    case "narrow":
      return `stage ${action.stage}: ${action.width} wide (importance ${action.importance.toFixed(2)})`;
  }
}
