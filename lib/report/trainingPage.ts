import { type PlotOptions, plotSvg, type Series } from "../images/draw/plot.js";
import { figures, type Html, keyFigures, type Section, svgFigure } from "../pages/index.js";
import type { TrainingHistory } from "../runs/history.js";
import { choiceCurves } from "./choices.js";
import { thinned } from "./thin.js";

/** More points per curve than this make a drawing larger but not clearer. */
const POINTS = 300;
const SIZE = { width: 235, height: 170, legend: "bottom" } as const;

/** The curves of a training run. */
export async function trainingSection({
  start,
  steps,
  evaluations,
  architectures,
}: TrainingHistory): Promise<Section | undefined> {
  if (steps.length === 0) return undefined;
  const last = steps.at(-1)!;
  const seconds = steps.reduce((sum, step) => sum + step.stepSeconds, 0);
  const waiting = steps.reduce((sum, step) => sum + step.dataSeconds, 0);
  const charts: Html[] = [];
  const chart = async (
    caption: string,
    series: readonly Series[],
    options: Partial<PlotOptions> & { yLabel: string },
  ) => {
    const drawn = series.filter(({ points }) => points.some(([, y]) => Number.isFinite(y)));
    if (drawn.length === 0) return;
    charts.push(svgFigure(await plotSvg(drawn, { ...SIZE, xLabel: "step", ...options }), { caption }));
  };
  const curve = (name: string, value: (step: TrainingHistory["steps"][number]) => number | undefined): Series => ({
    name,
    points: thinned(
      steps.map((step) => [step.step, value(step) ?? Number.NaN]),
      POINTS,
    ),
  });
  const smoothing = Math.round(Math.min(steps.length, POINTS) / 40);
  const parts = [...new Set(steps.flatMap(({ losses }) => Object.keys(losses ?? {})))];
  const lossPlot = { yLabel: "loss", smoothing };
  await chart("Training loss, and its running mean", [curve("loss", ({ loss }) => loss)], lossPlot);
  if (parts.length > 1) {
    const series = parts.map((name) => curve(name, ({ losses }) => losses[name]));
    await chart("Parts of the training loss", series, lossPlot);
  }
  for (const [caption, names] of evaluations.length > 1 ? metricGroups(evaluations) : []) {
    const series = names.map((name) => ({
      name,
      points: evaluations.map(({ step, metrics }): [number, number] => [step, known(metrics[name])]),
    }));
    await chart(caption, series, { yLabel: names.length === 1 ? names[0]! : "", xDomain: [0, last.step] });
  }
  await chart("Learning rate", [curve("lr", ({ lr }) => lr)], { yLabel: "learning rate", yFormat: ".1~e" });
  const norms = { yLabel: "norm", yScale: "log", smoothing } as const;
  await chart("Gradient norm before clipping", [curve("norm", ({ gradientNorm }) => gradientNorm)], norms);
  for (const [caption, series] of choiceCurves(architectures)) {
    const drawn = series.map(({ name, points }) => ({ name, points: thinned(points, POINTS) }));
    await chart(caption, drawn, { yLabel: "share", yDomain: [0, 1] });
  }
  const expected = architectures.map(({ step, expectedLatency }): [number, number] => [
    step,
    expectedLatency ?? Number.NaN,
  ]);
  const latency = { name: "expected", points: thinned(expected, POINTS) };
  await chart("Supernet: latency of a network drawn by the shares", [latency], { yLabel: "ms" });
  const times = [curve("step", (step) => step.stepSeconds), curve("waiting for data", (step) => step.dataSeconds)];
  await chart("Seconds a step", times, { yLabel: "seconds" });
  const numbers: [string, string | number][] = [
    ["steps", last.step],
    ["epochs begun", last.epoch + 1],
    ...(start === undefined ? [] : [["million parameters", (start.parameters / 1e6).toFixed(2)] as [string, string]]),
    ["minutes in steps", (seconds / 60).toFixed(1)],
    ["of it waiting for data", `${((100 * waiting) / seconds).toFixed(1)} %`],
  ];
  return { title: "Training", content: [keyFigures(numbers), figures(charts)] };
}

/** −1 is COCO's "undefined". */
const known = (value: number | undefined): number => (value === undefined || value < 0 ? Number.NaN : value);

/** Validation metrics, in groups that share an axis. */
function metricGroups(evaluations: TrainingHistory["evaluations"]): [caption: string, names: string[]][] {
  const names = [...new Set(evaluations.flatMap(({ metrics }) => Object.keys(metrics)))];
  const groups: [string, readonly string[]][] = [
    ["Validation: average precision", ["boxAP", "boxAP50", "boxAP75", "maskAP", "maskAP50", "maskAP75"]],
    ["Validation: label maps", ["mIoU", "mAcc", "aAcc"]],
    ["Validation loss", ["loss"]],
  ];
  return groups.flatMap(([caption, wanted]) => {
    const present = wanted.filter((name) => names.includes(name));
    return present.length === 0 ? [] : [[caption, present] as [string, string[]]];
  });
}
