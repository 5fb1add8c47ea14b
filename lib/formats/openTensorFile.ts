import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../errors.js";
import { type ByteSource, openByteSource } from "./bytes.js";
import { openNpz } from "./npz.js";
import { openTorchFile } from "./pytorch/open.js";
import { openSafetensorsFile, openShardedSafetensors, SHARD_INDEX } from "./safetensorsFile.js";
import type { TensorFile } from "./tensorFile.js";
import { openZip } from "./zip.js";

/** What a folder of weights is known by, in this order. */
export const FOLDER_FILES = ["model.safetensors", SHARD_INDEX, "pytorch_model.bin"] as const;

/**
 * Opens a file of tensors of any format that can be read: safetensors, its shards (the index, or the folder it lies in),
 * PyTorch's .pth or .pt, NumPy's .npz. The content decides, not the name. Tensors are read when asked for.
 *
 * @throws UserError when the file is missing, damaged or of no known format
 */
export async function openTensorFile(path: string): Promise<TensorFile> {
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
  return openTensorFile(found);
}

/** A pickle begins with 0x80 and its protocol; as a safetensors file's length that would be a header of terabytes. */
async function formatOf(source: ByteSource): Promise<"safetensors" | "npz" | "torch"> {
  const start = Buffer.alloc(8);
  await source.readInto(start.subarray(0, Math.min(8, source.size)), 0);
  if (start.toString("latin1", 0, 4) === "PK\u0003\u0004") return (await isNpz(source)) ? "npz" : "torch";
  return start[0] === 0x80 && start.readUInt16LE(6) !== 0 ? "torch" : "safetensors";
}

async function isNpz(source: ByteSource): Promise<boolean> {
  const names = [...(await openZip(source)).members.keys()];
  return (
    names.length > 0 && names.some((name) => name.endsWith(".npy")) && !names.some((name) => name.endsWith("data.pkl"))
  );
}
