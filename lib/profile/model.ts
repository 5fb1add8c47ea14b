import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { type LoadOptions, loadConfig, resolveConfig, shippedConfigs } from "../config/load.js";
import type { Config } from "../config/schema.js";
import { nearestName, UserError } from "../errors.js";
import { loadNamedConfig } from "../use/namedConfig.js";

/** A model to be profiled. */
export interface NamedConfig {
  /** The config's or the backbone's name. */
  readonly name: string;
  /** The name that `findModel` was given. */
  readonly asked: string;
  readonly config: Config;
}

const modelsFolder = (): string => join(shippedConfigs(), "_base_", "models");

/** The backbones that come with densekit, by file name: `efficientformer-l1`, `resnet-50`. */
export function backboneNames(): readonly string[] {
  const files = readdirSync(modelsFolder()).filter((file) => file.endsWith(".yaml"));
  return files.map((file) => basename(file, ".yaml")).filter((name) => !name.includes("_") && name !== "classifier");
}

/** Makes a backbone's file a complete config: the published head, for ImageNet. */
const CLASSIFIER = [
  "_base_/models/classifier.yaml",
  "_base_/data/imagenet.yaml",
  "_base_/schedules/300e-imagenet.yaml",
  "_base_/runtime/epochs.yaml",
];

/** As `findModel`, but the name may also be that of a run's folder or a packed model. @throws UserError as it does */
export async function openModel(asked: string, options: LoadOptions): Promise<NamedConfig> {
  if (!existsSync(asked)) return findModel(asked, options.overrides ?? []);
  const { config, name } = await loadNamedConfig(asked, options);
  return { name, asked, config };
}

/**
 * Finds a config by name: a backbone's as in `backboneNames` (or `resnet/50`), which is then a classifier of ImageNet's
 * classes, that of a config that comes with densekit, or a file's path.
 *
 * @param overrides as in `LoadOptions`
 * @throws UserError where there is none, naming the closest matches, or where it is invalid
 */
export function findModel(name: string, overrides: readonly string[]): NamedConfig {
  const backbones = backboneNames();
  const backbone = name.toLowerCase().replace("/", "-");
  if (backbones.includes(backbone) && !existsSync(name)) {
    const parts = [...CLASSIFIER, `_base_/models/${backbone}.yaml`].map((file) => join(shippedConfigs(), file));
    return { name: backbone, asked: name, config: resolveConfig({ extends: parts }, { overrides }).config };
  }
  const shipped = readdirSync(shippedConfigs()).filter((file) => file.endsWith(".yaml"));
  const names = shipped.map((file) => basename(file, ".yaml"));
  if (existsSync(name) || name.endsWith(".yaml") || names.includes(name)) {
    return { name: basename(name, ".yaml"), asked: name, config: loadConfig(name, { overrides }).config };
  }
  const near = [nearestName(backbone, backbones), nearestName(name, names)].filter((one) => one !== undefined);
  const hint = near.length > 0 ? `did you mean ${near.join(" or ")}?` : `backbones are ${backbones.join(", ")}`;
  throw new UserError(
    `no model is called "${name}": ${hint} A config's file, or the name of one that comes with densekit, is profiled too`,
  );
}
