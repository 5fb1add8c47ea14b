import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { shippedConfigs } from "../../lib/config/load.js";

/** A number and where it was published. */
export interface Published {
  readonly value: number;
  readonly source: string;
}

/** The expected metrics in a config's comment, by name: "top-1", "box AP", "mask AP", "mIoU". */
export type Expected = Readonly<Record<string, Published>>;

/** The line of a config with the published metrics: `# Expected on val2017 (SOURCE): box AP 37.9, mask AP 35.4.` */
const EXPECTED = /^# Expected on (?:the validation set|val2017) \((.*)\): (.*)\.$/m;

/** @returns an empty object if no metric is known */
export function expectedOf(text: string): Expected {
  const [, source, figures] = EXPECTED.exec(text) ?? [];
  if (source === undefined || figures === undefined) return {};
  return Object.fromEntries(
    figures.split(", ").map((figure) => {
      const [, name, value] = /^([A-Za-z][\w -]*?) ([\d.]+)(?: %)?$/.exec(figure) ?? [];
      if (name === undefined) throw new Error(`"${figure}" is not a metric and its value`);
      return [name, { value: Number(value), source }];
    }),
  );
}

/** A task of the zoo: the configs of its published recipe are `PREFIX_BACKBONE_SUFFIX`. */
export interface ZooTask {
  readonly name: "classification" | "detection" | "segmentation";
  readonly title: string;
  readonly prefix: string;
  readonly suffix: string;
  readonly size: { readonly height: number; readonly width: number };
  /** Applied to the configs when they are timed. */
  readonly overrides: readonly string[];
  /** The metric plotted, and its axis label. */
  readonly metric: string;
  readonly axis: string;
}

export const ZOO_TASKS: readonly ZooTask[] = [
  {
    name: "classification",
    title: "ImageNet, classifier",
    prefix: "classifier",
    suffix: "e_imagenet",
    size: { height: 224, width: 224 },
    overrides: [],
    metric: "top-1",
    axis: "top-1, %",
  },
  {
    name: "detection",
    title: "COCO, Mask R-CNN",
    prefix: "mask-rcnn",
    suffix: "_fpn_1x_coco",
    size: { height: 800, width: 1344 },
    // The number of objects that random weights find, and so the number of masks computed, differs between models.
    overrides: ["model.head.test.scoreThreshold=1"],
    metric: "box AP",
    axis: "box AP",
  },
  {
    name: "segmentation",
    title: "ADE20K, Semantic FPN",
    prefix: "semantic-fpn",
    suffix: "_fpn_40k_ade20k",
    size: { height: 512, width: 512 },
    overrides: [],
    metric: "mIoU",
    axis: "mIoU, %",
  },
];

export interface ZooConfig {
  readonly task: ZooTask;
  /** The backbone's, as `densekit profile` takes it. */
  readonly backbone: string;
  /** The config's, without `.yaml`. */
  readonly name: string;
  readonly expected: Expected;
}

/** The configs of published recipes. */
export function zooConfigs(): readonly ZooConfig[] {
  const files = readdirSync(shippedConfigs()).filter((file) => file.endsWith(".yaml"));
  return ZOO_TASKS.flatMap((task) =>
    files.flatMap((file): ZooConfig[] => {
      const name = file.slice(0, -".yaml".length);
      if (!name.startsWith(`${task.prefix}_`) || !name.endsWith(task.suffix)) return [];
      const expected = expectedOf(readFileSync(join(shippedConfigs(), file), "utf8"));
      return [{ task, backbone: name.split("_")[1]!, name, expected }];
    }),
  );
}

const EFFICIENTFORMER = "EfficientFormer, NeurIPS 2022";
const EFFICIENTFORMER_V2 = "EfficientFormerV2, ICCV 2023";
const REPVIT = "RepViT, CVPR 2024, and its repository";

const on = (source: string, ms: Readonly<Record<string, number>>) =>
  Object.entries(ms).map(([name, value]): [string, Published] => [name, { value, source }]);

/** Milliseconds of the classifier at 224², measured by the authors on an iPhone 12, compiled by Core ML tools. */
export const PHONE_LATENCIES: ReadonlyMap<string, Published> = new Map([
  ...on(EFFICIENTFORMER, {
    "efficientformer-l1": 1.6,
    "efficientformer-l3": 3.0,
    "efficientformer-l7": 7.0,
    "mobilenetv2-x1.4": 1.6,
  }),
  ...on(EFFICIENTFORMER_V2, {
    "efficientformerv2-s0": 0.9,
    "efficientformerv2-s1": 1.1,
    "efficientformerv2-s2": 1.6,
    "efficientformerv2-l": 2.7,
  }),
  ...on(REPVIT, { "repvit-m0.9": 0.9, "repvit-m1.1": 1.1, "repvit-m1.5": 1.5, "repvit-m2.3": 2.3 }),
]);

/** Top-1 of models without a config of a published recipe. */
export const FURTHER_TOP1: ReadonlyMap<string, Published> = new Map(
  on(`quoted in ${EFFICIENTFORMER}`, { "mobilenetv2-x1.4": 74.7 }),
);
