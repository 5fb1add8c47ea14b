import { portableConfig } from "../config/portable.js";
import type { Config } from "../config/schema.js";
import { UserError } from "../errors.js";
import { isTask, type ModelDescription, parseDescription } from "../tasks/description.js";
import { ownVersion } from "../version.js";
import { type ExportSettings, PARTS } from "./settings.js";

/** The metadata of an exported file. */
export interface ExportMetadata {
  readonly task: ModelDescription["task"];
  readonly classes: readonly string[];
  readonly settings: ExportSettings;
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
    description: JSON.stringify(description),
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

/** The metadata of an exported file that is used without the model it was exported from. */
export interface StandaloneMetadata extends ExportMetadata {
  /** As `loadPortableConfig` reads it. */
  readonly config: string;
  readonly description: ModelDescription;
}

const LARGEST_SIDE = 16_384;
const LARGEST_BATCH = 4096;

/** Anyone may have written the file. */
function areSettings(value: unknown): value is ExportSettings {
  if (typeof value !== "object" || value === null) return false;
  const { part, batch, size, preprocess, postprocess, half } = value as Partial<Record<keyof ExportSettings, unknown>>;
  const isWithin = (number: unknown, most: number): boolean =>
    typeof number === "number" && Number.isInteger(number) && number >= 1 && number <= most;
  const { height, width } = (size ?? {}) as { readonly height?: unknown; readonly width?: unknown };
  const isSize = size === "free" || (isWithin(height, LARGEST_SIDE) && isWithin(width, LARGEST_SIDE));
  const isBatch = batch === "free" || isWithin(batch, LARGEST_BATCH);
  const areFlags = [preprocess, postprocess, half].every((flag) => typeof flag === "boolean");
  return PARTS.some((known) => known === part) && isSize && isBatch && areFlags;
}

/** @throws UserError when the file was not exported by densekit, or by a version that wrote less, or is not a whole model */
export function standaloneMetadata(metadata: Readonly<Record<string, string>>, path: string): StandaloneMetadata {
  const known = fromMetadata(metadata);
  if (known === undefined) throw new UserError(`${path}: not written by densekit export, or its metadata was lost`);
  const { config, description } = metadata;
  if (config === undefined || description === undefined) {
    throw new UserError(
      `${path}: exported by an older densekit, which did not write how images are prepared; export it again`,
    );
  }
  if (!areSettings(known.settings)) throw new UserError(`${path}: the file's settings cannot be understood`);
  const { part, postprocess } = known.settings;
  if (part !== "model") {
    throw new UserError(`${path}: the ${part} of a model, which predicts nothing; export the whole model`);
  }
  if (postprocess) {
    throw new UserError(`${path}: exported with --postprocess, whose outputs are for display; export it without`);
  }
  return { ...known, config, description: parseDescription(description, path) };
}
