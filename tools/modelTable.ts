import { readdirSync } from "node:fs";
import { BACKBONES, backboneTitle, makeBackbone } from "../lib/backbones/index.js";
import { loadConfig, shippedConfigs } from "../lib/config/load.js";
import type { Config } from "../lib/config/schema.js";
import { totalCost } from "../lib/graph/cost.js";
import { input, sizeOf, type Value } from "../lib/graph/index.js";
import { detectionGraph } from "../lib/models/maskRcnn/detectionGraph.js";
import { maskRcnn } from "../lib/models/maskRcnn/model.js";
import { semanticFpn } from "../lib/models/semanticFpn/model.js";
import { Context } from "../lib/nn/context.js";
import { type Parameter, ParameterList, ParameterValues } from "../lib/nn/parameters.js";

const COCO_CLASSES = 80;
const ADE20K_CLASSES = 150;
const SEGMENTED = { batch: 1, height: 512, width: 512 };
const DETECTED = { batch: 1, height: 800, width: 1344 };

/** The cost of the published configs' models as a Markdown table, counted on the graphs that run. */
export function modelTable(): string {
  const rows = publishedBackbones().map(([detection, segmentation]) => {
    const { backbone } = detection.model;
    const list = new ParameterList();
    const { forward } = makeBackbone(list.scope("backbone"), backbone, { imageSide: SEGMENTED.height });
    const figures = [
      figuresOf(list.all, (context) => {
        const { batch, height, width } = SEGMENTED;
        return Object.fromEntries(
          forward(input("x", [batch, 3, height, width]), context).map((map, i) => [`map${i}`, map]),
        );
      }),
      detectorFigures(detection),
      segmenterFigures(segmentation),
    ];
    return `| ${backboneTitle(backbone)} | ${figures.join(" | ")} |`;
  });
  return [
    "| backbone | alone, 512² | Mask R-CNN, 800×1344 | Semantic FPN, 512² |",
    "| --- | --- | --- | --- |",
    ...rows,
  ].join("\n");
}

/** For each backbone a config of either task: the published data set's, else any. */
function publishedBackbones(): (readonly [detection: Config, segmentation: Config])[] {
  const published = /_(coco|ade20k)\.yaml$/;
  const names = readdirSync(shippedConfigs()).filter((name) => name.endsWith(".yaml"));
  names.sort((a, b) => Number(published.test(b)) - Number(published.test(a)));
  const configs = names.map((name) => loadConfig(name).config);
  const same = (a: Config, b: Config) => backboneTitle(a.model.backbone) === backboneTitle(b.model.backbone);
  return BACKBONES.flatMap(({ schema }) => {
    const ofKind = configs.filter(({ model }) => model.backbone.type === schema.shape.type.value);
    const detectors = ofKind.filter(({ task }) => task === "detection");
    const first = detectors.filter((config, i) => detectors.findIndex((other) => same(other, config)) === i);
    const pairs = first.map((config) => {
      const segmenter = ofKind.find((other) => other.task === "segmentation" && same(other, config));
      if (segmenter === undefined) throw new Error(`no Semantic FPN with ${backboneTitle(config.model.backbone)}`);
      return [config, segmenter] as const;
    });
    return pairs.sort(([a], [b]) => sizeOfBackbone(a) - sizeOfBackbone(b));
  });
}

function sizeOfBackbone({ model }: Config): number {
  const list = new ParameterList();
  makeBackbone(list.scope(), model.backbone, { imageSide: SEGMENTED.height });
  return list.all.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
}

function detectorFigures(config: Config): string {
  if (config.task !== "detection") throw new Error("not a config of Mask R-CNN");
  const model = maskRcnn(config.model, COCO_CLASSES, true);
  return figuresOf(model.parameters, (context) => {
    const { batch, height, width } = DETECTED;
    const images = input("images", [batch, 3, height, width]);
    const inputs = { images, sizes: input("sizes", [batch, 4]), scales: input("scales", [batch, 4]) };
    return { ...detectionGraph(model, context, inputs) };
  });
}

function segmenterFigures(config: Config): string {
  if (config.task !== "segmentation") throw new Error("not a config of Semantic FPN");
  const model = semanticFpn(config.model, ADE20K_CLASSES);
  const { batch, height, width } = SEGMENTED;
  return figuresOf(model.parameters, (context) => ({
    logits: model.forward(input("images", [batch, 3, height, width]), context),
  }));
}

/** Parameters and multiply-adds, such as "11.4 M, 6.8 GMAC". */
function figuresOf(
  parameters: readonly Parameter[],
  build: (context: Context) => Readonly<Record<string, Value>>,
): string {
  const learnt = new Set(parameters.filter(({ role }) => role !== "buffer").map(({ name }) => name));
  const cost = totalCost(build(Context.inference(new ParameterValues(parameters))), {
    isParameter: (name) => learnt.has(name),
  });
  return `${(cost.parameters / 1e6).toFixed(1)} M, ${(cost.macs / 1e9).toPrecision(3)} GMAC`;
}
