import { fileURLToPath } from "node:url";
import type { StoredTensor, TensorFile } from "../../lib/tensors/tensorFile.js";
import { readJson } from "./goldens.js";

const FOLDER = fileURLToPath(new URL("../../../test/weights/names/", import.meta.url)); // from dist/test/support

export type NamedShape = readonly [name: string, shape: readonly number[]];

/** The names and shapes of another program's model, written by test/weights/names/make.py. */
export function nameList(name: string): readonly NamedShape[] {
  return readJson<{ readonly tensors: readonly NamedShape[] }>(`${FOLDER}${name}.json`).tensors;
}

/** A file with only names and shapes, as if it contained the tensors. */
export function fileOf(tensors: readonly NamedShape[], group: readonly string[] = []): TensorFile {
  const none = () => Promise.reject(new Error("this file has only names"));
  return {
    path: "names.pth",
    format: "PyTorch",
    tensors: tensors.map(
      ([name, shape]): StoredTensor => ({
        group,
        name,
        dtype: "F32",
        shape,
        bytes: 4 * shape.reduce((a, b) => a * b, 1),
      }),
    ),
    others: [],
    metadata: {},
    read: none,
    readInto: none,
    close: async () => undefined,
  };
}
