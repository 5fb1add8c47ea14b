import type { Config } from "../config/schema.js";
import { isTask, type ModelDescription } from "../tasks/description.js";
import { ownVersion } from "../version.js";
import type { ExportSettings } from "./settings.js";

/** The metadata of an exported file. */
export interface ExportMetadata {
  readonly task: ModelDescription["task"];
  readonly classes: readonly string[];
  readonly settings: ExportSettings;
}

/** A config without paths, which only mean something on the machine it was trained on. */
function portableConfig({ task, model, data }: Config): object {
  const { transforms, normalisation, padding } = data;
  const { weights: _, ...backbone } = model.backbone;
  return { task, model: { ...model, backbone }, data: { transforms, normalisation, padding } };
}

/** The metadata of an exported file: strings by key, JSON where there is structure. */
export function toMetadata(
  config: Config,
  description: ModelDescription,
  settings: ExportSettings,
): Readonly<Record<string, string>> {
  const { mean, std } = config.data.normalisation;
  return {
    task: description.task,
    classes: JSON.stringify(description.classes),
    mean: JSON.stringify(mean),
    std: JSON.stringify(std),
    settings: JSON.stringify(settings),
    config: JSON.stringify(portableConfig(config)),
    densekit: ownVersion(),
  };
}

/** @returns undefined if the file was not exported by densekit */
export function fromMetadata(metadata: Readonly<Record<string, string>>): ExportMetadata | undefined {
  const { task, classes, settings } = metadata;
  if (classes === undefined || settings === undefined) return undefined;
  try {
    if (!isTask(task)) return undefined;
    return { task, classes: JSON.parse(classes), settings: JSON.parse(settings) };
  } catch {
    return undefined;
  }
}
