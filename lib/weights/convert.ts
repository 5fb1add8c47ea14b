import { existsSync } from "node:fs";
import { extname } from "node:path";
import { UserError } from "../errors.js";
import { localFile } from "../hub/index.js";
import type { ProgressEvent } from "../progress.js";
import { writeNpz } from "../tensorfiles/npz.js";
import { openTensorFile } from "../tensorfiles/open.js";
import { writeTorchFile } from "../tensorfiles/pytorch/write.js";
import { streamSafetensors } from "../tensorfiles/safetensors.js";
import { type Tensor, toFloat32 } from "../tensors/tensor.js";
import type { StoredTensor, TensorFile, TensorToWrite } from "../tensors/tensorFile.js";
import { describedByMeta } from "./description.js";
import { isNotNeeded, isPiece, type Translation, translate } from "./names.js";
import { modelPart } from "./parts.js";

/** What `convertWeights` reads and writes. */
export interface ConvertWeightsOptions {
  /** A file of any known format, given by its path or address. */
  readonly from: string;
  /** Its extension decides the format: .safetensors, .pth, .pt or .npz. */
  readonly to: string;
  /** The part of the file to convert, its keys joined by dots, such as `model_ema`; default: the model. */
  readonly part?: string;
  /**
   * keep: names are unchanged (default); authors: the authors' names, with "backbone." and counters as in the file.
   */
  readonly names?: "keep" | "authors";
  /** Overwrite an existing file. */
  readonly force?: boolean;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: ProgressEvent) => void;
}

/** What `convertWeights` wrote. */
export interface ConvertWeightsResult {
  readonly path: string;
  /** Number of tensors written. */
  readonly tensors: number;
  /** Their bytes. */
  readonly bytes: number;
  /** The part of the file that they were in; "" for the file itself. */
  readonly part: string;
  /** The naming of the file's tensors; null if it is unknown. */
  readonly naming: string | null;
  /** Number of tensors in the file outside the part. */
  readonly left: number;
}

type Writer = (path: string, tensors: readonly TensorToWrite[], file: TensorFile) => Promise<void>;

const torch: Writer = (path, tensors, file) => {
  const classes = classesOf(file);
  return writeTorchFile(path, tensors, { texts: file.metadata, ...(classes && { classes }) });
};

const WRITERS: Readonly<Record<string, Writer>> = {
  ".safetensors": (path, tensors, file) => streamSafetensors(path, tensors, { ...file.metadata, format: "pt" }),
  ".npz": writeNpz,
  ".pth": torch,
  ".pt": torch,
};

/**
 * Writes a model's tensors into a file of another format, bit for bit, one at a time.
 *
 * @throws UserError when a file cannot be read, already exists, or cannot store a tensor's element type
 */
export async function convertWeights(options: ConvertWeightsOptions): Promise<ConvertWeightsResult> {
  const { from, to, part: wanted, names = "keep", force = false, signal, onEvent } = options;
  const write = WRITERS[extname(to).toLowerCase()];
  if (write === undefined) {
    throw new UserError(`${to}: unknown extension; use one of ${Object.keys(WRITERS).join(", ")}`, 2);
  }
  if (!force && existsSync(to)) throw new UserError(`${to}: already exists; --force overwrites it`);
  const file = await openTensorFile(await localFile(from, { signal, onEvent }));
  try {
    const part = modelPart(file, wanted);
    const translation = translate([...part.tensors.keys()]);
    const named = names === "keep" ? part.tensors : renamed(part.tensors, translation, file.path);
    let done = 0;
    const toWrite = Array.from(named, ([name, tensor]): TensorToWrite => {
      const widened = to.endsWith(".npz") && tensor.dtype === "BF16"; // NumPy has none; float32 holds it exactly
      return {
        name,
        dtype: widened ? "F32" : tensor.dtype,
        shape: tensor.shape,
        async read() {
          signal?.throwIfAborted();
          const read = await file.read(tensor);
          onEvent?.({ type: "progress", what: "converting", done: ++done, total: named.size });
          return widened ? float32(read) : read;
        },
      };
    });
    await write(to, toWrite, file);
    return {
      path: to,
      tensors: named.size,
      bytes: [...named.values()].reduce((sum, { bytes }) => sum + bytes, 0),
      part: part.name,
      naming: translation.naming ?? null,
      left: file.tensors.length - named.size,
    };
  } finally {
    await file.close();
  }
}

const float32 = (tensor: Tensor): Tensor => ({ dtype: "F32", shape: tensor.shape, data: toFloat32(tensor) });

function renamed(
  tensors: ReadonlyMap<string, StoredTensor>,
  { ours, rowsOf, naming }: Translation,
  path: string,
): Map<string, StoredTensor> {
  const result = new Map<string, StoredTensor>();
  for (const [name, tensor] of tensors) {
    const own = ours.get(name)!;
    if (rowsOf(own) !== undefined) {
      throw new UserError(
        `${path}: ${naming} has its classes in a different order from the authors; convert with --names keep`,
      );
    }
    if (isPiece(own)) {
      throw new UserError(`${path}: ${naming} has in pieces what is one tensor here; convert with --names keep`);
    }
    if (result.has(own)) throw new UserError(`${path}: two tensors would be named ${own}; convert with --names keep`);
    if (!isNotNeeded(own) || name === own) result.set(own, tensor);
  }
  return result;
}

/** Of MMDetection's and MMSegmentation's checkpoints and of ours. */
function classesOf(file: TensorFile): readonly string[] | undefined {
  const { densekit: own } = file.metadata;
  if (own === undefined) return describedByMeta(file)?.classes;
  try {
    const { classes }: { readonly classes?: unknown } = JSON.parse(own);
    if (Array.isArray(classes) && classes.every((name) => typeof name === "string")) return classes;
  } catch {}
  return undefined;
}
