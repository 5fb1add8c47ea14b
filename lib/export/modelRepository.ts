import { basename, join } from "node:path";
import { type OnnxType, readOnnx } from "../compilers/onnx/read.js";
import { UserError } from "../errors.js";
import { readBytes, writeFileAtomic } from "../files.js";
import type { DType } from "../graph/index.js";
import { checkFree } from "./exportModel.js";
import { fromMetadata } from "./metadata.js";
import { type Message, protobufText, symbol } from "./protobufText.js";

export interface ModelRepositoryOptions {
  /** An ONNX file of `exportModel`. */
  readonly model: string;
  /** The repository's folder; the model becomes a folder in it. */
  readonly out: string;
  /** The model's name; by default its file's. */
  readonly name?: string;
  /** Version, the name of the folder the file is in. Default 1. */
  readonly version?: number;
  /** Requests are gathered into batches of at most so many images. Default 8 for a model whose batch is free. */
  readonly maxBatch?: number;
  /** How long a request may wait for others, in microseconds. Default 2000. */
  readonly maxDelay?: number;
  /** Write over what is there. */
  readonly force?: boolean;
}

export interface ModelRepositoryResult {
  readonly folder: string;
  readonly name: string;
  /** 0 where the model's batch is fixed: then requests are not gathered. */
  readonly maxBatch: number;
  readonly files: readonly string[];
}

/** What NVIDIA Triton calls an element type. */
const TYPES: Readonly<Record<DType, string>> = {
  float32: "TYPE_FP32",
  int32: "TYPE_INT32",
  uint8: "TYPE_UINT8",
  bool: "TYPE_BOOL",
};

const LABELS = "labels.txt";

/**
 * Writes the folder from which NVIDIA Triton, also behind KServe, serves a model: `NAME/config.pbtxt`, `NAME/labels.txt`
 * and `NAME/VERSION/model.onnx`. Requests are gathered into batches where the model's batch is free.
 *
 * @throws UserError when the file is not one of densekit's, its batch is fixed and batches are asked for, or a folder
 *   is in the way
 */
export async function writeModelRepository(options: ModelRepositoryOptions): Promise<ModelRepositoryResult> {
  const { model, out, version = 1, maxDelay = 2000 } = options;
  const bytes = await readBytes(model);
  const { inputs, outputs, metadata } = readOnnx(bytes, model);
  const known = fromMetadata(metadata);
  if (known === undefined) throw new UserError(`${model}: not written by densekit export, or its metadata was lost`);
  const name = options.name ?? basename(model).replace(/\.onnx$/, "");
  if (!/^[\w.-]+$/.test(name)) {
    throw new UserError(
      `${name}: a model's name is made of letters, digits, ".", "-" and "_"; give another with --name`,
      2,
    );
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
  const contents = {
    "config.pbtxt": config,
    [LABELS]: `${known.classes.join("\n")}\n`,
    [join(`${version}`, "model.onnx")]: bytes,
  };
  const files: string[] = [];
  for (const [file, content] of Object.entries(contents)) {
    files.push(join(folder, file));
    await writeFileAtomic(join(folder, file), content);
  }
  return { folder, name, maxBatch, files };
}

/** Outputs in which a number is a class, or a place along an axis is one. */
const CLASSES = new Set(["labels", "label_map", "logits"]);

function maxBatchOf({ model, maxBatch }: ModelRepositoryOptions, batch: number | "free"): number {
  if (batch === "free") return maxBatch ?? 8;
  if (maxBatch === undefined) return 0;
  throw new UserError(
    `${model}: its batch is fixed at ${batch}, so requests cannot be batched; export it with --batch dynamic, or omit --max-batch`,
    2,
  );
}

/** An input or output; where Triton makes the batches, its shape is that of one image. */
function tensor(name: string, { dtype, shape }: OnnxType, batched: boolean): Message {
  const dims = (batched ? shape.slice(1) : shape).map((size) => (typeof size === "number" ? size : -1));
  const type = { name, data_type: symbol(TYPES[dtype]) };
  // A number an image has no dimensions of its own, which Triton only knows by another shape.
  return dims.length === 0 ? { ...type, dims: [1], reshape: { shape: [] } } : { ...type, dims };
}
