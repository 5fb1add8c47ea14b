import { UserError } from "../../errors.js";
import type { ExportFormat, FormatOptions } from "./format.js";
import { onnx } from "./onnx.js";
import { tfjs } from "./tfjs.js";

/** All formats, the default first. A new one is a file and a line here. */
export const FORMATS = { onnx, tfjs } as const satisfies Readonly<Record<string, ExportFormat>>;

export type FormatName = keyof typeof FORMATS;

export const FORMAT_NAMES = Object.keys(FORMATS) as readonly FormatName[];

/** The format that a path has, judged by its name; undefined if it has none. */
export const formatNamed = (path: string): ExportFormat | undefined =>
  Object.values(FORMATS).find((format: ExportFormat) => format.matches(path));

/** The format of a model file. @throws UserError when the name matches no format */
export function formatOf(path: string): ExportFormat {
  const found = formatNamed(path);
  if (found !== undefined) return found;
  throw new UserError(`${path}: not the name of an exported model (${FORMAT_NAMES.join(", ")})`);
}

/** @throws UserError when the format does not have an option */
export function checkFormatOptions(name: FormatName, options: FormatOptions): void {
  const format: ExportFormat = FORMATS[name];
  for (const [option, value] of Object.entries(options) as [keyof FormatOptions, unknown][]) {
    if (value === undefined || value === false || format.options.includes(option)) continue;
    const others = FORMAT_NAMES.filter((other) => (FORMATS[other] as ExportFormat).options.includes(option));
    throw new UserError(`--${option} is for --format ${others.join(" or ")}`, 2);
  }
}
