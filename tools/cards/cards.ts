import { BACKBONES, backboneTitle } from "../../lib/backbones/index.js";
import { milliseconds } from "../../lib/profile/format.js";
import { backboneNames, findModel } from "../../lib/profile/model.js";
import { costOf } from "./cost.js";
import { type Latencies, latencyOf } from "./latencies.js";
import type { Panel, PlotPoint } from "./plot.js";
import {
  type Expected,
  FURTHER_TOP1,
  PHONE_LATENCIES,
  type Published,
  ZOO_TASKS,
  type ZooTask,
  zooConfigs,
} from "./published.js";

/** A backbone of the zoo with the models that use it. */
export interface Card {
  /** As `densekit profile` takes it. */
  readonly backbone: string;
  readonly title: string;
  readonly models: readonly CardModel[];
}

export interface CardModel {
  readonly task: ZooTask;
  /** The config's name, or the backbone's if it has no config of a published recipe. */
  readonly name: string;
  readonly expected: Expected;
}

/** Every backbone's card: families in the order of their table, members by name. */
export function cards(): readonly Card[] {
  const configs = zooConfigs();
  const all = backboneNames().map((backbone) => ({
    backbone,
    config: findModel(backbone, []).config.model.backbone,
    models: ZOO_TASKS.flatMap((task): CardModel[] => {
      const found = configs.find((config) => config.backbone === backbone && config.task === task);
      if (found !== undefined) return [{ task, name: found.name, expected: found.expected }];
      return task.name === "classification" ? [{ task, name: backbone, expected: furtherTop1(backbone) }] : [];
    }),
  }));
  return BACKBONES.flatMap(({ schema }) =>
    all
      .filter(({ config }) => config.type === schema.shape.type.value)
      .map(({ config, ...card }) => ({ ...card, title: backboneTitle(config) })),
  );
}

function furtherTop1(backbone: string): Expected {
  const known = FURTHER_TOP1.get(backbone);
  return known === undefined ? {} : { "top-1": known };
}

/** "EfficientFormer L1" → EfficientFormer, L1; "DeiT-Small distilled" → DeiT, Small. */
export function nameParts(title: string): readonly [family: string, member: string] {
  const [, family, member] = /^(\w+)[ -](\S+)/.exec(title) ?? [title, title, ""];
  return [family!, member!];
}

/** A card in Markdown; its parameters and multiply-adds are counted on the graph. */
export async function cardText({ backbone, title, models }: Card, latencies: Latencies): Promise<string> {
  const rows: string[] = [];
  for (const { task, name, expected } of models) {
    const { height, width } = task.size;
    const { parameters, macs } = await costOf(name, task.size);
    const figures = Object.entries(expected).map(([metric, { value }]) => `${metric} ${value.toFixed(1)}`);
    const side = height === width ? `${height}²` : `${height}×${width}`;
    const cells = [
      `${task.title}, ${side}`,
      `\`${name}\``,
      `${(parameters / 1e6).toFixed(1)} M`,
      `${(macs / 1e9).toPrecision(3)} G`,
    ];
    rows.push(`| ${[...cells, figures.join(", ") || "–", latencyCell(latencies, task, backbone)].join(" | ")} |`);
  }
  return [
    `### ${title}`,
    "",
    "| | config | parameters | multiply-adds | published | latency here |",
    "| --- | --- | --- | --- | --- | --- |",
    ...rows,
    "",
    sourcesOf(backbone, models),
  ].join("\n");
}

function latencyCell({ tasks }: Latencies, { name }: ZooTask, backbone: string): string {
  const measured = tasks[name];
  const found = measured && latencyOf(measured, backbone);
  if (found === undefined) return "–";
  const { median, low, high } = found;
  if (low === high) return `${milliseconds(median)} ms`;
  return `${milliseconds(median)} ms (${milliseconds(low)}–${milliseconds(high)})`;
}

/** The sources of the published numbers. */
function sourcesOf(backbone: string, models: readonly CardModel[]): string {
  const accuracies = models.flatMap(({ expected }) => Object.values(expected));
  const phone = PHONE_LATENCIES.get(backbone);
  const sources = [...new Set(accuracies.map(({ source }) => source))];
  const accuracy =
    sources.length === 0 ? "No accuracy is published for these configs." : `Accuracy: ${sources.join("; ")}.`;
  return phone === undefined ? accuracy : `${accuracy} ${phoneSentence(phone)}`;
}

const phoneSentence = ({ value, source }: Published): string =>
  `Published latency of the classifier at 224² on an iPhone 12 (Core ML): ${value.toFixed(1)} ms (${source}).`;

/** Accuracy over latency, one panel per task, for models with both; tasks without any are left out. */
export function accuracyPanels({ tasks }: Latencies, all: readonly Card[] = cards()): readonly Panel[] {
  const panels = ZOO_TASKS.map((task): Panel => {
    const points = all.flatMap(({ backbone, title, models }): PlotPoint[] => {
      const accuracy = models.find((model) => model.task === task)?.expected[task.metric];
      const measured = tasks[task.name];
      const latency = measured && latencyOf(measured, backbone);
      if (accuracy === undefined || latency === undefined) return [];
      const [family, label] = nameParts(title);
      return [{ family, label, latency, accuracy: accuracy.value }];
    });
    const { height, width } = task.size;
    return {
      title: `${task.title}, ${height} × ${width}`,
      xLabel: "latency, ms",
      yLabel: `published ${task.axis}`,
      points,
    };
  });
  return panels.filter(({ points }) => points.length > 0);
}

/** In the order of the backbones' table, so that a family has the same colour in all panels. */
export const familiesOf = (all: readonly Card[] = cards()): readonly string[] => [
  ...new Set(all.map(({ title }) => nameParts(title)[0])),
];
