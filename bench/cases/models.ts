import { EFFICIENTFORMER_SIZES, type EfficientFormerVariant } from "../../lib/backbones/efficientformerSizes.js";
import { configSchema, type DetectionConfig, type SegmentationConfig } from "../../lib/config/schema.js";
import type { Parameter } from "../../lib/nn/parameters.js";
import { ParameterValues } from "../../lib/nn/parameters.js";
import { benchWeight } from "../weights.js";

const training = { steps: 1, optimizer: { type: "adamw", lr: 2e-4 }, schedule: { type: "constant" } };
const resize = (long: number, short: number, multipleOf: number) => ({
  transforms: { test: [{ type: "resize", scale: [long, short], multipleOf }] },
});

/** The published recipe with the model's defaults. */
function instancesConfig(variant: string): DetectionConfig {
  const split = { annotations: "annotations.json", images: "." };
  return configSchema().parse({
    task: "detection",
    model: { backbone: { type: "efficientformer", variant }, neck: { type: "fpn" }, head: { type: "maskRcnn" } },
    data: { type: "coco", train: split, val: split, ...resize(1333, 800, 1) },
    training,
  }) as DetectionConfig;
}

function semanticConfig(variant: string): SegmentationConfig {
  const split = { images: ".", labelMaps: "." };
  return configSchema().parse({
    task: "segmentation",
    model: { backbone: { type: "efficientformer", variant }, neck: { type: "fpn" }, head: { type: "semanticFpn" } },
    data: { type: "labelMaps", train: split, val: split, ...resize(2048, 512, 32) },
    training,
  }) as SegmentationConfig;
}

export const instancesModel = (variant: string): DetectionConfig["model"] => instancesConfig(variant).model;
export const semanticModel = (variant: string): SegmentationConfig["model"] => semanticConfig(variant).model;
export const instancesData = (): DetectionConfig["data"] => instancesConfig("l1").data;
export const semanticData = (): SegmentationConfig["data"] => semanticConfig("l1").data;

export const sizeOfVariant = (variant: string) => EFFICIENTFORMER_SIZES[variant as EfficientFormerVariant];

/** The benchmark's weights, the same as the peers'. */
export function benchValues(parameters: readonly Parameter[]): ParameterValues {
  const values = new ParameterValues(parameters);
  for (const { name, shape } of parameters) {
    const weight = benchWeight(name, shape);
    if (weight !== undefined) values.view(name).set(weight);
  }
  return values;
}

/** The norm of a flat gradient, in chunks so that float64 sums stay exact enough to compare. */
export function norm(values: Float32Array): number {
  let sum = 0;
  for (const x of values) sum += x * x;
  return Math.sqrt(sum);
}
