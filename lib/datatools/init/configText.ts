import { dirname, relative, resolve, sep } from "node:path";
import { stringify } from "yaml";
import type { DataSource } from "../../tasks/sources.js";
import { counted } from "../../words.js";
import type { Facts } from "./facts.js";
import { MODEL_SIZES, type ModelSize, type Recipe, TASK_RECIPES } from "./recipe.js";
import type { FoundData } from "./recognise.js";

export interface ConfigText {
  /** Where the config is to lie: its paths are from there. */
  readonly file: string;
  readonly found: FoundData;
  /** For training and for validation. */
  readonly sources: readonly [DataSource, DataSource];
  readonly size: ModelSize;
  readonly recipe: Recipe;
  readonly facts: Facts;
  /** What was made of the data, such as where it was divided. */
  readonly notes: readonly string[];
  /** Where a file will be. */
  pathOf(path: string): string;
}

/** A value on one line. */
const flow = (value: unknown): string =>
  stringify(value, { collectionStyle: "flow", lineWidth: 0, flowCollectionPadding: true }).trim();

/** The config of a recipe, with the reasons as comments. */
export function configText({ file, found, sources, size, recipe, facts, notes, ...given }: ConfigText): string {
  const pathOf = (path: string): string =>
    relative(dirname(file), resolve(given.pathOf(path)))
      .split(sep)
      .join("/") || ".";
  const { steps, batchSize, epochs, evaluateEvery, scale, anchorScale, lr, pretrained, extend } = recipe;
  const { weightDecay, transforms: transformsOf } = TASK_RECIPES[found.task];
  const transforms = transformsOf(scale, `the median image has ${facts.long} × ${facts.short} pixels`);
  const splits = sources.flatMap((source, i) => {
    const name = i === 0 ? "train" : "val";
    const fields = Object.entries(fieldsOf(source, name, pathOf));
    return [`  ${name}:`, ...fields.map(([key, value]) => `    ${key}: ${flow(value)}`)];
  });
  const model = [
    ...(pretrained
      ? [
          "  backbone:",
          "    weights: imagenet # from the Hugging Face hub, with their licence; null: random weights, nothing is downloaded",
        ]
      : []),
    ...(anchorScale === undefined
      ? []
      : [
          "  head:",
          "    rpn:",
          `      anchorScale: ${anchorScale} # half the default: the median object is ${Math.round(((facts.object ?? 0) * scale[0]) / facts.long)} pixels wide after resizing`,
        ]),
  ];
  const lines = [
    `# Written by densekit init for ${found.title}.`,
    ...notes.map((note) => `# ${note}`),
    `# Train: densekit train ${flow(pathOf(file))}`,
    `# The model: ${MODEL_SIZES[size].about}. Other sizes: densekit init --size ${Object.keys(MODEL_SIZES).join(" | ")}.`,
    "# All keys: docs/config.md in the package, or densekit config on this file.",
    "extends:",
    ...extend.map((name) => `  - densekit/${name}`),
    ...(model.length === 0 ? [] : ["model:", ...model]),
    "data:",
    `  type: ${typeOf(sources[0])}`,
    ...splits,
    ...moreData(sources[0], pathOf),
    "  transforms:",
    "    train:",
    ...transforms.train.map((line) => `      - ${line}`),
    "    test:",
    ...transforms.test.map((line) => `      - ${line}`),
    `  batchSize: ${batchSize}`,
    "training:",
    `  # ${counted(facts.images, "image")} are seen ${epochs < 10 ? epochs.toFixed(1) : Math.round(epochs)} times: 60 times, but 1000 steps at least; beyond`,
    "  # 20,000 steps fewer times, but 12 at least. More steps rarely hurt, the best weights are kept.",
    `  steps: ${steps}`,
    `  evaluateEvery: ${evaluateEvery}`,
    "  optimizer:",
    "    type: adamw",
    `    lr: ${lr.toExponential()} ${pretrained ? "# small, for weights that are trained already" : "# for a small model from random weights"}`,
    `    weightDecay: ${weightDecay}`,
    "  schedule:",
    "    type: cosine",
    "    warmup:",
    `      steps: ${Math.min(500, Math.round(steps / 20))}`,
  ];
  return `${lines.join("\n")}\n`;
}

const typeOf = (source: DataSource): string =>
  source.kind === "coco" && source.from !== undefined ? source.from.format : source.kind;

/** A split's fields, but for those that are as by default. */
function fieldsOf(source: DataSource, name: string, pathOf: (path: string) => string): Record<string, string> {
  switch (source.kind) {
    case "coco": {
      const { annotations, images, from } = source;
      if (from === undefined) return { annotations: pathOf(annotations), images: pathOf(images) };
      return {
        annotations: pathOf(from.input),
        ...(from.format === "yolo" && from.split !== undefined && from.split !== name && { split: from.split }),
        ...(from.format === "cvat" && from.images !== undefined && { images: pathOf(from.images) }),
        ...(from.format === "voc" && from.list !== undefined && { list: pathOf(from.list) }),
      };
    }
    case "labelMaps":
      return { images: pathOf(source.images), labelMaps: pathOf(source.labelMaps) };
    case "imageLabels":
      return {
        ...(source.labels !== undefined && { labels: pathOf(source.labels) }),
        images: pathOf(source.images),
      };
  }
}

function moreData(source: DataSource, pathOf: (path: string) => string): string[] {
  if (source.kind !== "labelMaps") return [];
  const { classes, objectInfo, reduceZeroLabel, labelSuffix } = source;
  return [
    ...(objectInfo === undefined ? [] : [`  objectInfo: ${flow(pathOf(objectInfo))}`]),
    ...(reduceZeroLabel === true
      ? ["  reduceZeroLabel: true # the maps have one value more than there are classes"]
      : []),
    ...(classes === undefined
      ? []
      : [`  classes: ${flow(classes)} # by the pixels' value, from 0; name them as you like`]),
    ...(labelSuffix === undefined || labelSuffix === ".png" ? [] : [`  labelSuffix: ${flow(labelSuffix)}`]),
  ];
}
