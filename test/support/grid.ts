import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { BACKBONES, type BackboneConfig, backboneTitle, makeClassifier } from "../../lib/backbones/index.js";
import type { Config, ConfigInput } from "../../lib/config/schema.js";
import { convertData } from "../../lib/datatools/convert/convert.js";
import { encodeIndexedPng } from "../../lib/images/encode.js";
import { polygonsToRle } from "../../lib/masks/polygons.js";
import { decodeRle } from "../../lib/masks/rle.js";
import { ParameterList } from "../../lib/nn/parameters.js";
import { backboneConfig } from "./backboneGoldens.js";
import { readJson } from "./goldens.js";
import { type StepEvent, trainQuietly } from "./runs.js";

const QUICKSTART = fileURLToPath(new URL("../../../examples/quickstart/images/", import.meta.url)); // from dist/test/support
const SPLITS = ["train", "val"] as const;
const CLASSES = ["ground", "date", "fig", "hazelnut"];

/** Training steps per backbone. */
export const GRID_STEPS = 30;

/** A supernet that trains as fast as other families' smallest backbone. */
const SUPERNET = { widths: [32, 48, 64, 96], depths: [1, 1, 2, 2], attentionBlocks: 3 };

/** Every variant of a family with the defaults of its config. */
export function variantsOf({ schema }: (typeof BACKBONES)[number]): BackboneConfig[] {
  const { type } = schema.shape;
  if (!("variant" in schema.shape)) return [backboneConfig.parse({ type: type.value, size: SUPERNET })];
  const { variant } = schema.shape;
  const named = variant instanceof z.ZodExactOptional ? variant.unwrap() : variant;
  const variants = "options" in named ? named.options : [...named.values];
  return variants.map((name) => backboneConfig.parse({ type: type.value, variant: name }));
}

function parametersOf(config: BackboneConfig): number {
  const list = new ParameterList();
  makeClassifier(list.scope(), config, { imageSide: 224, classes: 1000 });
  return list.all.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
}

/** All variants of all families, the smallest of each family first. */
export function gridOfBackbones(): BackboneConfig[][] {
  return BACKBONES.map((kind) =>
    variantsOf(kind)
      .map((config) => ({ config, size: parametersOf(config) }))
      .sort((a, b) => a.size - b.size)
      .map(({ config }) => config),
  );
}

interface Coco {
  readonly images: readonly { id: number; file_name: string; width: number; height: number }[];
  readonly annotations: readonly { image_id: number; category_id: number; segmentation: number[][] }[];
}

/** Label maps of the quick start's photographs, drawn from its polygons: 0 is the ground, then its categories. */
async function writeLabelMaps(split: string, folder: string): Promise<void> {
  const { images, annotations } = readJson<Coco>(join(QUICKSTART, `${split}.json`));
  mkdirSync(folder, { recursive: true });
  for (const { id, file_name, width, height } of images) {
    const data = new Uint8Array(width * height);
    for (const { category_id, segmentation } of annotations.filter(({ image_id }) => image_id === id)) {
      const bitmap = decodeRle(polygonsToRle(segmentation, height, width));
      for (const [i, inside] of bitmap.entries()) if (inside === 1) data[i] = category_id;
    }
    writeFileSync(join(folder, file_name.replace(".jpg", ".png")), encodeIndexedPng({ width, height, data }, []));
  }
}

/** Writes label maps of the quick start's photographs and, by the command's function, class folders of their objects. */
export async function writeGridData(folder: string): Promise<void> {
  for (const split of SPLITS) {
    await writeLabelMaps(split, join(folder, "maps", split));
    await convertData({
      from: { format: "coco", input: join(QUICKSTART, `${split}.json`), images: join(QUICKSTART, split) },
      to: { format: "classes", output: join(folder, "crops", split), minSide: 12 },
    });
  }
}

/** A small model and small images with the whole backbone. @param folder from `writeGridData` */
export function gridConfig(task: Config["task"], backbone: BackboneConfig, folder: string): ConfigInput {
  const output = join(folder, "runs", `${task}-${backboneTitle(backbone).replaceAll(" ", "-")}`);
  const neck = backbone.type === "deit" ? ({ type: "levels" } as const) : ({ type: "fpn", channels: 32 } as const);
  const engine = { type: "onnxruntime", threads: 1 } as const; // at these sizes more threads only wait for each other
  const training = {
    steps: GRID_STEPS,
    optimizer: { type: "adamw", lr: 5e-4 },
    schedule: { type: "cosine", warmup: { steps: 5 } },
    clipNorm: 5,
    logEvery: 1,
    evaluateEvery: 1000,
  } as const;
  const resize = (side: number) =>
    ({ type: "resize", scale: [side, side] as [number, number], keepRatio: false }) as const;
  const data = (side: number, batchSize: number) => ({
    batchSize,
    testBatchSize: task === "detection" ? 1 : batchSize,
    workers: 0,
    transforms: { train: [resize(side), { type: "randomFlip" as const }], test: [resize(side)] },
  });
  if (task === "detection") {
    const split = (name: string) => ({ annotations: join(QUICKSTART, `${name}.json`), images: join(QUICKSTART, name) });
    const roi = { samples: 32, boxWidth: 64, maskChannels: 32, maskConvolutions: 2 };
    return {
      task,
      model: { backbone, neck, head: { type: "maskRcnn", rpn: { channels: 32, anchorScale: 3, samples: 64 }, roi } },
      data: { type: "coco", train: split("train"), val: split("val"), ...data(64, 1) },
      training,
      engine,
      output,
    };
  }
  if (task === "segmentation") {
    const split = (name: string) => ({ images: join(QUICKSTART, name), labelMaps: join(folder, "maps", name) });
    return {
      task,
      model: { backbone, neck, head: { type: "semanticFpn", channels: 32, classifierStd: 0.05 } },
      data: { type: "labelMaps", train: split("train"), val: split("val"), classes: CLASSES, ...data(64, 2) },
      training,
      engine,
      output,
    };
  }
  const split = (name: string) => ({ images: join(folder, "crops", name) });
  return {
    task,
    model: { backbone, head: { type: "classifier" } },
    data: { type: "imageLabels", train: split("train"), val: split("val"), ...data(64, 8) },
    training,
    engine,
    output,
  };
}

export interface GridResult {
  /** Mean losses of the first five steps and the last five. */
  readonly first: number;
  readonly last: number;
  readonly secondsPerStep: number;
}

const FEW = 5;

/** Trains and returns the first and last losses. */
export async function trainGrid(config: ConfigInput): Promise<GridResult> {
  const { events } = await trainQuietly(config);
  const steps = events.filter((event): event is StepEvent => event.type === "step");
  const mean = (part: readonly StepEvent[]) => part.reduce((sum, { loss }) => sum + loss, 0) / part.length;
  const seconds = steps.map(({ stepSeconds }) => stepSeconds).sort((a, b) => a - b);
  return {
    first: mean(steps.slice(0, FEW)),
    last: mean(steps.slice(-FEW)),
    secondsPerStep: seconds[Math.floor(seconds.length / 2)]!,
  };
}
