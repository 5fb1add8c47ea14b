import { z } from "zod";
import { backboneConfig } from "../backbones/index.js";
import { imageLabelSetConfig, labelMapSetConfig, objectSetConfig } from "../datasets/sets/index.js";
import { engineConfig } from "../engines/index.js";
import { classifierConfig } from "../heads/classifier.js";
import { detectionHeadConfig, segmentationHeadConfig } from "../heads/index.js";
import { neckConfig } from "../necks/index.js";
import { filePath, outputPath } from "../schemas/fields.js";
import { additionsMade } from "../schemas/kinds.js";
import { training } from "./training.js";

const output = outputPath("Folder of the run: checkpoints, logs, results. Default runs/<name of the config>").default(
  "runs/unnamed",
);

const plugins = () =>
  z
    .array(filePath("Module whose default export, or register, is given what registers parts"))
    .exactOptional()
    .describe("Plugins: code that adds parts, which the rest of the config may then name");

const detection = () =>
  z.strictObject({
    task: z.literal("detection").describe("Boxes and masks of objects"),
    model: z.strictObject({ backbone: backboneConfig(), neck: neckConfig(), head: detectionHeadConfig() }),
    data: objectSetConfig().describe("Images and annotations"),
    training: training("detection", ["boxAP", "maskAP", "loss"]),
    engine: engineConfig,
    plugins: plugins(),
    output,
  });

const segmentation = () =>
  z.strictObject({
    task: z.literal("segmentation").describe("A class for every pixel"),
    model: z.strictObject({ backbone: backboneConfig(), neck: neckConfig(), head: segmentationHeadConfig() }),
    data: labelMapSetConfig().describe("Images and label maps"),
    training: training("segmentation", ["mIoU", "mAcc", "aAcc", "loss"]),
    engine: engineConfig,
    plugins: plugins(),
    output,
  });

const classification = () =>
  z.strictObject({
    task: z.literal("classification").describe("One class for the whole image"),
    model: z.strictObject({ backbone: backboneConfig(), head: z.discriminatedUnion("type", [classifierConfig()]) }),
    data: imageLabelSetConfig().describe("Images and their classes"),
    training: training("classification", ["top1", "top5", "f1", "loss"]),
    engine: engineConfig,
    plugins: plugins(),
    output,
  });

const make = () => z.discriminatedUnion("task", [detection(), segmentation(), classification()]);

let made: { readonly schema: ReturnType<typeof make>; readonly additions: number } | undefined;

/**
 * The schema of a whole config, after `extends` and overrides, with the parts registered now. Every default is here or
 * in the parts' schemas.
 */
export function configSchema(): ReturnType<typeof make> {
  if (made?.additions !== additionsMade()) made = { schema: make(), additions: additionsMade() };
  return made.schema;
}

/** All tasks. */
export const TASKS = configSchema().options.map(({ shape }) => shape.task.value);

/** A config as written: keys with a default may be left out. */
export type ConfigInput = z.input<ReturnType<typeof configSchema>>;
/** A resolved config: complete, checked, paths absolute. */
export type Config = z.output<ReturnType<typeof configSchema>>;

export type DetectionConfig = Extract<Config, { task: "detection" }>;
export type SegmentationConfig = Extract<Config, { task: "segmentation" }>;
export type ClassificationConfig = Extract<Config, { task: "classification" }>;
export type TrainingConfig = Config["training"];
