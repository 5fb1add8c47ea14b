import { basename, join, relative, resolve } from "node:path";
import { stringify } from "yaml";
import { titleOfSize } from "../backbones/efficientformerSizes.js";
import type { Config } from "../config/schema.js";
import { writeFileAtomic } from "../files.js";
import type { ParameterValues } from "../nn/parameters.js";
import { toMetadata } from "../tasks/description.js";
import { writeSafetensors } from "../tensorfiles/safetensors.js";
import { type Architecture, nameOf, sizeOfArchitecture } from "./architecture.js";
import { subnetWeights } from "./subnet.js";
import type { TrainedSupernet } from "./supernet.js";

const BASE_FILE = "base.yaml";

/** The supernet's config without its backbone, which the configs of the networks found extend. */
export async function writeBase(out: string, { model, training, output: _, ...rest }: Config): Promise<void> {
  const { backbone: __, ...parts } = model;
  const { architecture: ___, ...others } = training;
  const text = stringify({ ...rest, model: parts, training: others }, { lineWidth: 120 });
  await writeFileAtomic(
    join(out, BASE_FILE),
    `# The config the supernet was trained with, without its backbone.\n${text}`,
  );
}

export interface ResultFiles {
  /** A config to train the network with. */
  readonly config: string;
  /** The weights it inherits from the supernet. */
  readonly weights: string;
}

/** Writes a network as a config that extends `base.yaml`, and the weights it has in the supernet. */
export async function writeResult(given: {
  readonly out: string;
  /** Of the files, without extension. */
  readonly name: string;
  readonly architecture: Architecture;
  readonly supernet: TrainedSupernet;
  /** The supernet's weights with the statistics of this network. */
  readonly values: ParameterValues;
}): Promise<ResultFiles> {
  const { out, name, architecture, supernet, values } = given;
  const size = sizeOfArchitecture(architecture);
  const weights = join(out, `${name}.safetensors`);
  await writeSafetensors(weights, subnetWeights(values, supernet.size, architecture), {
    ...toMetadata(supernet.description),
    format: "pt",
  });
  const { backbone } = supernet.config.model;
  const kept = Object.fromEntries(
    Object.entries(backbone).filter(([key]) => ["dropPath", "layerScaleInit", "attentionBias"].includes(key)),
  );
  const own = { type: "efficientformer", size, ...kept, weights: basename(weights) };
  const config = join(out, `${name}.yaml`);
  await writeFileAtomic(
    config,
    [
      `# ${titleOfSize(size)}, found by densekit slim search: ${nameOf(architecture)} in the supernet.`,
      `# densekit train ${relative(".", config)}`,
      "# From scratch, as in the paper: --set model.backbone.weights=null",
      stringify({ extends: BASE_FILE, model: { backbone: own }, output: join("runs", name) }, { lineWidth: 120 }),
    ].join("\n"),
  );
  return { config, weights };
}

/** Overrides that replace the EfficientFormer of a config, under any head. */
export const backboneOverrides = ({ size, weights }: { readonly size: object; readonly weights: string }): string[] => [
  "model.backbone.variant=null",
  `model.backbone.size=${JSON.stringify(size)}`,
  `model.backbone.weights=${resolve(weights)}`,
  "model.backbone.attentionBias=resampled",
];
