import { EFFICIENTFORMER_SIZES, type EfficientFormerVariant } from "../../lib/backbones/efficientformer.js";
import { type Config, configSchema, type InstancesConfig, type SemanticConfig } from "../../lib/config/schema.js";
import type { Parameter } from "../../lib/nn/parameters.js";
import { ParameterValues } from "../../lib/nn/parameters.js";
import { benchWeight } from "../weights.js";

/** The published recipe's model, every number at its default. */
function config(task: "instances" | "semantic", variant: string): Config {
  const backbone = { type: "efficientformer", variant };
  const training = { steps: 1, optimizer: { type: "adamw", lr: 2e-4 }, schedule: { type: "constant" } };
  if (task === "instances") {
    const split = { annotations: "annotations.json", pictures: "." };
    const data = { type: "coco", train: split, val: split };
    const model = { backbone, neck: { type: "fpn" }, head: { type: "maskRcnn" } };
    return configSchema.parse({ task, model, data, training });
  }
  const split = { pictures: ".", labelMaps: "." };
  const data = { type: "labelMaps", train: split, val: split };
  return configSchema.parse({
    task,
    model: { backbone, neck: { type: "fpn" }, head: { type: "semanticFpn" } },
    data,
    training,
  });
}

export const instancesModel = (variant: string): InstancesConfig["model"] =>
  (config("instances", variant) as InstancesConfig).model;

export const semanticModel = (variant: string): SemanticConfig["model"] =>
  (config("semantic", variant) as SemanticConfig).model;

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
