import {
  EFFICIENTFORMER_SIZES,
  type EfficientFormerVariant,
  efficientFormer,
} from "../lib/backbones/efficientformer.js";
import { loadConfig } from "../lib/config/load.js";
import type { Config } from "../lib/config/schema.js";
import { totalCost } from "../lib/graph/cost.js";
import { input, type Value } from "../lib/graph/index.js";
import { detectionGraph } from "../lib/models/maskRcnn/detectionGraph.js";
import { maskRcnn } from "../lib/models/maskRcnn/model.js";
import { semanticFpn } from "../lib/models/semanticFpn/model.js";
import { Context } from "../lib/nn/context.js";
import { type Parameter, ParameterList, ParameterValues } from "../lib/nn/parameters.js";

const COCO_CLASSES = 80;
const ADE20K_CLASSES = 150;
const SEGMENTED = { batch: 1, height: 512, width: 512 };
const DETECTED = { batch: 1, height: 800, width: 1344 };

/** For each backbone, configs of the two tasks that use it. */
const CONFIGS: Readonly<Record<EfficientFormerVariant, readonly [instances: string, semantic: string]>> = {
  nano: ["mask-rcnn_efficientformer-nano_fpn128_300_facade", "semantic-fpn_efficientformer-nano_fpn128_300_facade"],
  l1: ["mask-rcnn_efficientformer-l1_fpn_1x_coco", "semantic-fpn_efficientformer-l1_fpn_40k_ade20k"],
  l3: ["mask-rcnn_efficientformer-l3_fpn_1x_coco", "semantic-fpn_efficientformer-l3_fpn_40k_ade20k"],
  l7: ["mask-rcnn_efficientformer-l7_fpn_1x_coco", "semantic-fpn_efficientformer-l7_fpn_40k_ade20k"],
};

/** What the models cost, as a Markdown table: counted on the graphs that run. */
export function modelTable(): string {
  const rows = Object.entries(EFFICIENTFORMER_SIZES).map(([variant, size]) => {
    const [instances, semantic] = CONFIGS[variant as EfficientFormerVariant];
    const list = new ParameterList();
    const { forward } = efficientFormer(list.scope("backbone"), { size, biasSide: 16 });
    const figures = [
      figuresOf(list.all, (context) => {
        const { batch, height, width } = SEGMENTED;
        return Object.fromEntries(
          forward(input("x", [batch, 3, height, width]), context).map((map, i) => [`map${i}`, map]),
        );
      }),
      detectorFigures(loadConfig(instances).config),
      segmenterFigures(loadConfig(semantic).config),
    ];
    return `| ${variant} | ${figures.join(" | ")} |`;
  });
  return [
    "| EfficientFormer | backbone, 512² | Mask R-CNN, 800×1344 | Semantic FPN, 512² |",
    "| --- | --- | --- | --- |",
    ...rows,
  ].join("\n");
}

function detectorFigures(config: Config): string {
  if (config.task !== "instances") throw new Error("not a config of Mask R-CNN");
  const model = maskRcnn(config.model, COCO_CLASSES, true);
  return figuresOf(model.parameters, (context) => {
    const { batch, height, width } = DETECTED;
    const images = input("images", [batch, 3, height, width]);
    const inputs = { images, sizes: input("sizes", [batch, 4]), scales: input("scales", [batch, 4]) };
    return { ...detectionGraph(model, context, inputs) };
  });
}

function segmenterFigures(config: Config): string {
  if (config.task !== "semantic") throw new Error("not a config of Semantic FPN");
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
