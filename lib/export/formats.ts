import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { type PortableOptions, writePortableOnnx } from "../compilers/onnx/portable.js";
import { graphModelFiles, MODEL_FILE } from "../compilers/tensorflow/files.js";
import { graphModel } from "../compilers/tensorflow/graphModel.js";
import { tensorFlowGraph } from "../compilers/tensorflow/write.js";
import type { ModelFile } from "../engines/modelFile.js";
import { UserError } from "../errors.js";
import { GraphError } from "../graph/index.js";
import { ownVersion } from "../version.js";

/** What a format writes: the graph, and what is said about it. */
export type Exported = Omit<PortableOptions, "opset" | "version">;

export interface FormatOptions {
  /** Of ONNX: the operator set. */
  readonly opset?: number;
  /** Of TF.js: kernels stored as bytes. */
  readonly uint8?: boolean;
}

/** A kind of file that models are exported to. */
export interface ExportFormat {
  /** Contents by path; the path "" is the one file of a format whose models are single files. */
  readonly write: (exported: Exported, options: FormatOptions) => Promise<ReadonlyMap<string, Uint8Array>>;
  /** Opens what was written, to be run. @throws UserError when it cannot be read */
  readonly open: (path: string) => Promise<ModelFile>;
  /** Whether a path is one of this format's, by its name. */
  readonly matches: (path: string) => boolean;
}

/** Every format there is. A new one is an entry here. */
export const FORMATS = {
  onnx: {
    write: async (exported, { opset }) => new Map([["", writeOnnx(exported, opset)]]),
    open: async (path) => (await import("../engines/onnxruntime/onnxFile.js")).openOnnxFile(path),
    matches: (path) => path.endsWith(".onnx"),
  },
  tfjs: {
    write: async (exported, options) => writeTfjs(exported, options),
    open: async (path) => (await import("../engines/tfjs/tfjsFile.js")).openTfjsFile(path),
    matches: (path) => basename(path) === MODEL_FILE || existsSync(join(path, MODEL_FILE)),
  },
} as const satisfies Readonly<Record<string, ExportFormat>>;

export type FormatName = keyof typeof FORMATS;

export const FORMAT_NAMES = Object.keys(FORMATS) as readonly FormatName[];

/** The format a model file is of. @throws UserError for a name of no format */
export function formatOf(path: string): ExportFormat {
  const found = Object.values(FORMATS).find((format: ExportFormat) => format.matches(path));
  if (found !== undefined) return found;
  throw new UserError(`${path}: not the name of an exported model (${FORMAT_NAMES.join(", ")})`);
}

/** @throws UserError where sizes are to be free and the model is another graph at each, as one of windows is */
function writeOnnx(exported: Exported, opset: number | undefined): Uint8Array {
  try {
    return writePortableOnnx({ ...exported, version: ownVersion(), ...(opset !== undefined && { opset }) });
  } catch (error) {
    if (!(error instanceof GraphError) || exported.builds.length === 1) throw error;
    throw new UserError(
      `this model cannot be written with free sizes (${error.message}); give --size HxW in the place of --dynamic`,
      2,
    );
  }
}

/** @throws UserError for free sizes, which a TF.js model cannot have */
function writeTfjs({ builds, half, metadata }: Exported, { uint8 = false }: FormatOptions) {
  const [{ outputs, sizes }] = builds;
  if (Object.keys(sizes).length > 0) {
    throw new UserError("a TF.js model has fixed sizes; give --size and --batch, and export one for each size", 2);
  }
  const precision = uint8 ? "uint8" : half ? "float16" : "float32";
  return graphModelFiles(graphModel(tensorFlowGraph(outputs, "tfjs"), precision), metadata, ownVersion());
}
