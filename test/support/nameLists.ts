import { fileURLToPath } from "node:url";
import { expect } from "chai";
import type { Parameter } from "../../lib/nn/parameters.js";
import type { StoredTensor, TensorFile } from "../../lib/tensors/tensorFile.js";
import { type GoldenPlace, readJson, requireGoldens, withRecordings } from "./goldens.js";
import { digestOfNames } from "./tensors.js";

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
  readonly listOf: (context: Mocha.Context, kind: CheckpointKind) => readonly NamedShape[];
}

/** The names in the authors' checkpoints of a model. `own`: our parameters of the same model. */
export function officialNames(
  model: string,
  own: (kind: CheckpointKind) => readonly Parameter[],
): readonly OfficialNames[] {
  const small: OfficialNames = {
    place: "small values in the tree",
    listOf: (_, kind) => digestedList(`${model}_${kind}`, own(kind)),
  };
  const recorded: OfficialNames = {
    place: "recordings in ../shared",
    listOf: (context, kind) => {
      const path = `${requireGoldens(context, "checkpoints")}/state_dict_keys.json`;
      return readJson<Record<string, { readonly names: readonly NamedShape[] }>>(path)[`${model}_${kind}`]!.names;
    },
  };
  return withRecordings([small], [recorded]);
}

/** Of a checkpoint, what test/weights/names/make.py keeps. */
interface Digested {
  /** SHA-256 of the sorted names and shapes as JSON. */
  readonly sha256: string;
  readonly buffers: readonly NamedShape[];
}

/** Our parameters, batch norms' counters and the official buffers: the official list, as the digest proves. */
function digestedList(name: string, own: readonly Parameter[]): readonly NamedShape[] {
  const { sha256, buffers } = readJson<Record<string, Digested>>(`${FOLDER}official_efficientformers.json`)[name]!;
  const parameters = own.map((parameter): NamedShape => [parameter.name, parameter.shape]);
  const norms = parameters.filter(([each]) => each.endsWith(".running_var"));
  const counters = norms.map(([each]): NamedShape => [each.replace(/running_var$/, "num_batches_tracked"), []]);
  const all = [...parameters, ...counters, ...buffers];
  expect(digestOfNames(all), `digest of the names in ${name}`).to.equal(sha256);
  return all;
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
