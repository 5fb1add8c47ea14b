import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { StoredTensor, TensorFile } from "../../lib/tensors/tensorFile.js";
import { type GoldenPlace, readJson, requireGoldens, withRecordings } from "./goldens.js";

const FOLDER = fileURLToPath(new URL("../../../test/weights/names/", import.meta.url)); // from dist/test/support

export type NamedShape = readonly [name: string, shape: readonly number[]];

/** The names and shapes of another program's model, written by test/weights/names/make.py. */
export function nameList(name: string): readonly NamedShape[] {
  return readJson<{ readonly tensors: readonly NamedShape[] }>(`${FOLDER}${name}.json`).tensors;
}

/** The authors' checkpoints: of a classifier, a detector's backbone and a segmenter's. */
export type CheckpointKind = "cls" | "det" | "seg";

export interface OfficialNames {
  readonly place: GoldenPlace["place"];
  /** Skips the running test with a message where the recordings are absent. */
  readonly listOf: (context: Mocha.Context, kind: CheckpointKind) => readonly NamedShape[];
}

/** The names in the authors' checkpoints of a model: in the tree those of the smallest ones, among the recordings all. */
export function officialNames(model: string): readonly OfficialNames[] {
  const recorded: OfficialNames = {
    place: "recordings in ../shared",
    listOf: (context, kind) => {
      const path = `${requireGoldens(context, "checkpoints")}/state_dict_keys.json`;
      return readJson<Record<string, { readonly names: readonly NamedShape[] }>>(path)[`${model}_${kind}`]!.names;
    },
  };
  const path = `${FOLDER}official_efficientformer_${model}.json`;
  if (!existsSync(path)) return [recorded];
  const small: OfficialNames = { place: "small values in the tree", listOf: (_, kind) => smallList(path, kind) };
  return withRecordings([small], [recorded]);
}

interface Changes {
  readonly lacking: readonly NamedShape[];
  readonly more: readonly NamedShape[];
}

function smallList(path: string, kind: CheckpointKind): readonly NamedShape[] {
  const stored = readJson<{ readonly tensors: readonly NamedShape[] } & Record<"det" | "seg", Changes>>(path);
  if (kind === "cls") return stored.tensors;
  const lacking = new Set(stored[kind].lacking.map(([name]) => name));
  return [...stored.tensors.filter(([name]) => !lacking.has(name)), ...stored[kind].more];
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
