import { basename, join } from "node:path";
import { type OnnxType, readOnnx } from "../compilers/onnx/read.js";
import { UserError } from "../errors.js";
import { readBytes, writeFileAtomic } from "../files.js";
import type { DType } from "../graph/index.js";
import { checkFree } from "./exportModel.js";
import { fromMetadata } from "./metadata.js";
import { type Message, protobufText, symbol } from "./protobufText.js";

/** The ONNX file that `writeModelRepository` lays out, and how it is to be served. */
export interface ModelRepositoryOptions {
  /** An ONNX file of `exportModel`. */
  readonly model: string;
  /** The repository's folder; the model becomes a folder in it. */
  readonly out: string;
  /** The model's name; by default its file's. */
  readonly name?: string;
  /** Version, the name of the folder the file is in. Default 1. */
  readonly version?: number;
  /** Requests are gathered into batches of at most this many images. Default 8 for a model with a free batch size. */
  readonly maxBatch?: number;
  /** How long a request may wait for others, in microseconds. Default 2000. */
  readonly maxDelay?: number;
  /** Overwrite existing files. */
  readonly force?: boolean;
}

/** What `writeModelRepository` wrote. */
export interface ModelRepositoryResult {
  readonly folder: string;
  readonly name: string;
  /** 0 if the model's batch size is fixed: then requests are not gathered. */
  readonly maxBatch: number;
  readonly files: readonly string[];
}

/** NVIDIA Triton's names of element types. */
const TYPES: Readonly<Record<DType, string>> = {
  float32: "TYPE_FP32",
  int32: "TYPE_INT32",
  uint8: "TYPE_UINT8",
  bool: "TYPE_BOOL",
};

const LABELS = "labels.txt";

/**
 * Writes the folder from which NVIDIA Triton, also within KServe, serves a model: `NAME/config.pbtxt`,
 * `NAME/labels.txt` and `NAME/VERSION/model.onnx`. Requests are gathered into batches if the model's batch size is
 * free.
 *
 * @throws UserError when the file is not one of densekit's, its batch size is fixed and batches are asked for, or a
 *   folder already exists
 */
export async function writeModelRepository(options: ModelRepositoryOptions): Promise<ModelRepositoryResult> {
  const { model, out, version = 1, maxDelay = 2000 } = options;
  const bytes = await readBytes(model);
  const { inputs, outputs, metadata } = readOnnx(bytes, model);
  const known = fromMetadata(metadata);
  if (known === undefined) throw new UserError(`${model}: not written by densekit export, or its metadata was lost`);
  const name = options.name ?? basename(model).replace(/\.onnx$/, "");
  if (!/^[\w-][\w.-]*$/.test(name)) {
    throw new UserError(
      `${JSON.stringify(name)}: a model's name is made of letters, digits, "-", "_" and, but for the first, "."; give another with --name`,
      2,
    );
  }
  for (const [what, value, least] of [
    ["version", version, 1],
    ["maxBatch", options.maxBatch ?? 1, 1],
    ["maxDelay", maxDelay, 0],
  ] as const) {
    if (Number.isInteger(value) && value >= least && value < 2 ** 31) continue;
    throw new UserError(`${what} must be a whole number from ${least} to 2147483647, not ${value}`, 2);
  }
  const maxBatch = maxBatchOf(options, known.settings.batch);
  const folder = join(out, name);
  if (options.force !== true) await checkFree(folder);

  const config = protobufText({
    name,
    backend: "onnxruntime",
    default_model_filename: "model.onnx",
    max_batch_size: maxBatch,
    input: Object.entries(inputs).map(([input, type]) => tensor(input, type, maxBatch > 0)),
    output: Object.entries(outputs).map(([output, type]) => ({
      ...tensor(output, type, maxBatch > 0),
      ...(CLASSES.has(output) && { label_filename: LABELS }),
    })),
    ...(maxBatch > 0 && { dynamic_batching: { max_queue_delay_microseconds: maxDelay } }),
  });
  // The config last: a server that looks meanwhile never finds one without its model.
  const contents = {
    [join(`${version}`, "model.onnx")]: bytes,
    [LABELS]: `${known.classes.map((label) => label.replaceAll(/\s+/g, " ")).join("\n")}\n`, // a line a class
    "config.pbtxt": config,
  };
  const files: string[] = [];
  for (const [file, content] of Object.entries(contents)) {
    files.push(join(folder, file));
    await writeFileAtomic(join(folder, file), content);
  }
  return { folder, name, maxBatch, files };
}

/** Outputs with numbers that are classes, or with an axis of classes. */
const CLASSES = new Set(["labels", "label_map", "logits", "probabilities"]);

function maxBatchOf({ model, maxBatch }: ModelRepositoryOptions, batch: number | "free"): number {
  if (batch === "free") return maxBatch ?? 8;
  if (maxBatch === undefined) return 0;
  throw new UserError(
    `${model}: its batch is fixed at ${batch}, so requests cannot be batched; export it with --batch dynamic, or omit --max-batch`,
    2,
  );
}

/** An input or output; if Triton makes the batches, its shape is that of one image. */
function tensor(name: string, { dtype, shape }: OnnxType, batched: boolean): Message {
  const dims = (batched ? shape.slice(1) : shape).map((size) => (typeof size === "number" ? size : -1));
  const type = { name, data_type: symbol(TYPES[dtype]) };
  // One number per image has no dimensions of its own; Triton can only express that with a reshape.
  return dims.length === 0 ? { ...type, dims: [1], reshape: { shape: [] } } : { ...type, dims };
}
