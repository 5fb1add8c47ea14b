import { z } from "zod";
import { neckConfig } from "../necks/index.js";
import { count, outputPath } from "../schemas/fields.js";
import { coco, labelMaps } from "./data.js";
import { backbone, maskRcnn, semanticFpn } from "./model.js";
import { training } from "./training.js";

export const PROVIDERS = ["cpu", "webgpu", "cuda", "coreml", "dml"] as const;

export const BACKENDS = ["tensorflow", "webgpu", "wasm", "cpu"] as const;

const once = (names: readonly string[]) => new Set(names).size === names.length;

const engine = z
  .strictObject({
    type: z
      .enum(["onnxruntime", "tfjs"])
      .default("onnxruntime")
      .describe("Which runtime; `densekit doctor` lists what this machine offers"),
    providers: z
      .array(z.enum(PROVIDERS))
      .min(1)
      .refine(once, "a provider occurs twice")
      .default(["cpu"])
      .describe(
        "Of onnxruntime: what runs the programs, in order of preference. webgpu: tried on a software adapter alone; cuda, coreml, dml: not tried",
      ),
    threads: count("Of onnxruntime: threads of the CPU provider; 0: one a core", 0, 1024).default(0),
    backends: z
      .array(z.enum(BACKENDS))
      .min(1)
      .refine(once, "a backend occurs twice")
      .default([...BACKENDS])
      .describe("Of tfjs: the first of these that this machine has runs the programs; webgpu was not tried"),
  })
  .prefault({})
  .describe("What runs the model");

const output = outputPath("Folder of the run: checkpoints, logs, results. Default runs/<name of the config>").default(
  "runs/unnamed",
);

const detection = z.strictObject({
  task: z.literal("detection").describe("Boxes and masks of objects"),
  model: z.strictObject({ backbone, neck: neckConfig, head: z.discriminatedUnion("type", [maskRcnn]) }),
  data: z.discriminatedUnion("type", [coco]).describe("Pictures and annotations"),
  training: training(["boxAP", "maskAP", "loss"]),
  engine,
  output,
});

const segmentation = z.strictObject({
  task: z.literal("segmentation").describe("A class for every pixel"),
  model: z.strictObject({ backbone, neck: neckConfig, head: z.discriminatedUnion("type", [semanticFpn]) }),
  data: z.discriminatedUnion("type", [labelMaps]).describe("Pictures and label maps"),
  training: training(["mIoU", "mAcc", "aAcc", "loss"]),
  engine,
  output,
});

/** The schema of a whole config, after `extends` and overrides. Every default stands here or in its parts. */
export const configSchema = z.discriminatedUnion("task", [detection, segmentation]);

/** The tasks there are. */
export const TASKS = configSchema.options.map(({ shape }) => shape.task.value);

/** A config as written: what has a default may be left out. */
export type ConfigInput = z.input<typeof configSchema>;
/** A resolved config: complete, checked, paths absolute. */
export type Config = z.output<typeof configSchema>;

export type DetectionConfig = Extract<Config, { task: "detection" }>;
export type SegmentationConfig = Extract<Config, { task: "segmentation" }>;
export type MaskRcnnConfig = z.output<typeof maskRcnn>;
export type TrainingConfig = Config["training"];
export type Provider = (typeof PROVIDERS)[number];
export type Backend = (typeof BACKENDS)[number];
