import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../errors.js";
import type { TensorFile } from "../tensors/tensorFile.js";
import { type ByteSource, openByteSource, readRange } from "./bytes.js";
import { LOOKED_AT, refuseOtherKinds } from "./notTensors.js";
import { openNpz } from "./npz.js";
import { openTorchFile } from "./pytorch/open.js";
import { openSafetensorsFile, openShardedSafetensors, SHARD_INDEX } from "./safetensorsFile.js";
import { openZip } from "./zip.js";

/**
 * The files that identify a folder of weights, in this order: for a checkpoint with averaged weights, the average,
 * which is what is validated.
 */
export const FOLDER_FILES = ["ema.safetensors", "model.safetensors", SHARD_INDEX, "pytorch_model.bin"] as const;

/**
 * A path as given by a user: `FILE#PART` names a part of a file, such as `train.pth#model_ema`, unless there is a file
 * with that very name.
 */
export function splitPart(path: string): { readonly file: string; readonly part?: string } {
  const mark = path.lastIndexOf("#");
  if (mark < 0 || existsSync(path)) return { file: path };
  return { file: path.slice(0, mark), part: path.slice(mark + 1) };
}

/**
 * Opens a file of tensors of any known format: safetensors, its shards (the index, or its folder), PyTorch's .pth or
 * .pt, NumPy's .npz. The content decides, not the name. Tensors are read when requested. `path` may name a part, which
 * is then the model.
 *
 * @throws UserError when the file is missing, damaged or of an unknown format
 */
export async function openTensorFile(path: string): Promise<TensorFile> {
  const { file, part } = splitPart(path);
  const opened = await openWhole(file);
  return part === undefined ? opened : { ...opened, part };
}

async function openWhole(path: string): Promise<TensorFile> {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return openFolder(path);
  if (path.endsWith(".index.json")) return openShardedSafetensors(path);
  const source = await openByteSource(path);
  const format = await formatOf(source).finally(() => source.close());
  if (format === "safetensors") return openSafetensorsFile(path);
  return format === "npz" ? openNpz(path) : openTorchFile(path);
}

async function openFolder(path: string): Promise<TensorFile> {
  const found = FOLDER_FILES.map((name) => join(path, name)).find(existsSync);
  if (found === undefined)
    throw new UserError(`${path}: a folder without weights: it holds none of ${FOLDER_FILES.join(", ")}`);
  return openWhole(found);
}

/** A pickle begins with 0x80 and its protocol; read as a safetensors header length, that would be terabytes. */
async function formatOf(source: ByteSource): Promise<"safetensors" | "npz" | "torch"> {
  const head = await readRange(source, 0, Math.min(LOOKED_AT, source.size));
  refuseOtherKinds(head, source.path, source.size);
  const start = Buffer.alloc(8);
  head.copy(start);
  if (start.toString("latin1", 0, 4) === "PK\u0003\u0004") return (await isNpz(source)) ? "npz" : "torch";
  return start[0] === 0x80 && start.readUInt16LE(6) !== 0 ? "torch" : "safetensors";
}

async function isNpz(source: ByteSource): Promise<boolean> {
  const names = [...(await openZip(source)).members.keys()];
  return (
    names.length > 0 && names.some((name) => name.endsWith(".npy")) && !names.some((name) => name.endsWith("data.pkl"))
  );
}
