import { stat } from "node:fs/promises";
import { join } from "node:path";
import { requireOptions } from "../arguments.js";
import type { Config } from "../config/schema.js";
import { openEngine } from "../engines/index.js";
import { runOnce } from "../engines/inference.js";
import { UserError } from "../errors.js";
import { writeFileAtomic } from "../files.js";
import { recordBuilds } from "./builds.js";
import type { FormatOptions } from "./formats/format.js";
import { checkFormatOptions, FORMATS, type FormatName } from "./formats/index.js";
import { toMetadata } from "./metadata.js";
import { openNetwork } from "./network.js";
import { checkSettings, DEFAULT_SETTINGS, defaultSize, type ExportSettings } from "./settings.js";

/** The model that `exportModel` writes, and how. */
export interface ExportOptions extends Partial<ExportSettings>, FormatOptions {
  readonly config: Config;
  /** A weights file, a checkpoint's folder, or a run's folder (its best weights). */
  readonly weights: string;
  readonly format: FormatName;
  /** A file, or a folder where the format has several files. */
  readonly out: string;
  /** Overwrite existing files. */
  readonly force?: boolean;
  readonly signal?: AbortSignal;
}

/** What `exportModel` wrote. */
export interface ExportResult {
  readonly format: FormatName;
  readonly out: string;
  /** The weights file. */
  readonly weights: string;
  readonly settings: ExportSettings;
  /** Total size of all files. */
  readonly bytes: number;
  readonly files: readonly string[];
}

/**
 * Writes a trained model in a format other programs run. By default the whole model, for one image of the size that the
 * config's test transforms give a wide image.
 *
 * @throws UserError when settings contradict each other, a file already exists, or weights do not fit the config; the
 *   signal's reason when aborted
 */
export async function exportModel(options: ExportOptions): Promise<ExportResult> {
  requireOptions("exportModel", options, { config: "config", out: "path" });
  const { config, format, out, signal } = options;
  const settings = settingsOf(options);
  const { opset, uint8 } = options;
  const formatOptions = { ...(opset !== undefined && { opset }), ...(uint8 !== undefined && { uint8 }) };
  checkFormatOptions(format, formatOptions);
  if (options.force !== true) await checkFree(out);
  const { network, weights } = await openNetwork(config, options.weights);
  checkSettings(settings, network.multiple);
  signal?.throwIfAborted();
  const engine = await openEngine(config.engine);
  const builds = await recordBuilds(network, settings, config.data.normalisation, (constants) =>
    runOnce(engine, constants),
  );
  signal?.throwIfAborted();
  const metadata = toMetadata(config, network.description, settings);
  const contents = await FORMATS[format].write({ builds, metadata, half: settings.half }, formatOptions);
  signal?.throwIfAborted();
  const files: string[] = [];
  let bytes = 0;
  for (const [name, content] of contents) {
    const path = name === "" ? out : join(out, name);
    await writeFileAtomic(path, content);
    files.push(path);
    bytes += content.byteLength;
  }
  return { format, out, weights, settings, bytes, files };
}

function settingsOf(options: ExportOptions): ExportSettings {
  const { part, batch, preprocess, postprocess, half } = { ...DEFAULT_SETTINGS, ...withoutUndefined(options) };
  const size = options.size ?? defaultSize(options.config);
  const settings = { part, batch, size, preprocess, postprocess, half };
  checkSettings(settings);
  return settings;
}

const withoutUndefined = <T extends object>(object: T): Partial<T> =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Partial<T>;

/** @throws UserError when something exists at the path */
export async function checkFree(path: string): Promise<void> {
  const there = await stat(path).catch(() => undefined);
  if (there === undefined) return;
  const what = there.isDirectory() ? "a folder of that name is" : "a file of that name is";
  throw new UserError(`${path}: ${what} already there; give another name, or --force to overwrite it`);
}
