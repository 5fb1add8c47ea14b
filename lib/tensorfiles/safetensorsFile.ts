import { dirname, join } from "node:path";
import { UserError } from "../errors.js";
import { readBytes } from "../files.js";
import { parseJson } from "../json.js";
import type { StoredTensor, TensorFile } from "../tensors/tensorFile.js";
import { openSafetensors, type SafetensorsFile } from "./safetensors.js";

/** The name that Hugging Face's tools give the list of a model's shards. */
export const SHARD_INDEX = "model.safetensors.index.json";

/** @throws UserError like `openSafetensors` */
export async function openSafetensorsFile(path: string): Promise<TensorFile> {
  const file = await openSafetensors(path);
  return tensorFileOf(path, [file]);
}

/**
 * Opens a model in several files by its index, `{ weight_map: { tensor: file } }`; the files are beside the index.
 *
 * @throws UserError when the index is damaged, or a file is missing, damaged or lacks a tensor
 */
export async function openShardedSafetensors(path: string): Promise<TensorFile> {
  const map = await readWeightMap(path);
  const files = new Map<string, SafetensorsFile>();
  try {
    for (const name of new Set(map.values())) files.set(name, await openSafetensors(join(dirname(path), name)));
    for (const [tensor, name] of map) {
      const { entries, others } = files.get(name)!;
      if (!entries.has(tensor) && !others.has(tensor)) {
        throw new UserError(`${path}: says that "${tensor}" is in ${name}, but it is not there`);
      }
    }
  } catch (error) {
    for (const file of files.values()) await file.close();
    throw error;
  }
  return tensorFileOf(path, [...files.values()], (tensor, file) => files.get(map.get(tensor) ?? "") === file);
}

async function readWeightMap(path: string): Promise<Map<string, string>> {
  const text = (await readBytes(path)).toString("utf8");
  let index: { readonly weight_map?: unknown };
  try {
    index = parseJson(text) as typeof index;
  } catch {
    throw new UserError(`${path}: the index of shards is truncated or not JSON`);
  }
  const map = index?.weight_map;
  if (typeof map !== "object" || map === null) throw new UserError(`${path}: the index of shards has no weight_map`);
  const entries = Object.entries(map);
  for (const [tensor, file] of entries) {
    if (typeof file !== "string" || !/^[^/\\]+\.safetensors$/.test(file)) {
      throw new UserError(
        `${path}: puts "${tensor}" into ${JSON.stringify(file)}, which is not a file beside the index`,
      );
    }
  }
  return new Map(entries);
}

function tensorFileOf(
  path: string,
  files: readonly SafetensorsFile[],
  isWanted: (tensor: string, file: SafetensorsFile) => boolean = () => true,
): TensorFile {
  const owners = new Map<StoredTensor, SafetensorsFile>();
  for (const file of files) {
    for (const [name, { dtype, shape, begin, end }] of file.entries) {
      if (isWanted(name, file)) owners.set({ group: [], name, dtype, shape, bytes: end - begin }, file);
    }
  }
  const ownerOf = (tensor: StoredTensor): SafetensorsFile => {
    const file = owners.get(tensor);
    if (file === undefined) throw new Error(`${tensor.name} is not of ${path}`);
    return file;
  };
  return {
    path,
    format: "safetensors",
    tensors: [...owners.keys()],
    others: files.flatMap((file) =>
      Array.from(file.others, ([name, { type, shape }]) => ({
        ...{ group: [], name, type },
        what: `a tensor of ${type} [${shape.join(", ")}], which cannot be read`,
      })),
    ),
    metadata: Object.fromEntries(files.flatMap(({ metadata }) => Object.entries(metadata))),
    read: (tensor) => ownerOf(tensor).read(tensor.name),
    readInto: (tensor, target) => ownerOf(tensor).readInto(tensor.name, target),
    async close() {
      for (const file of files) await file.close();
    },
  };
}
