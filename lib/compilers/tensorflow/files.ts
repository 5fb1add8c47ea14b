import { UserError } from "../../errors.js";
import { parseJson } from "../../json.js";
import type { GraphModel } from "./graphModel.js";
import type { WeightEntry } from "./weights.js";

/** Browsers cache files up to about this size. */
const SHARD_BYTES = 4 * 2 ** 20;

export const MODEL_FILE = "model.json";

/**
 * A TF.js graph model as files by name: `model.json` and the weights in shards of 4 MB.
 *
 * @param version densekit's, which the file names as its producer
 */
export function graphModelFiles(
  { modelTopology, signature, weightSpecs, weights }: GraphModel,
  metadata: Readonly<Record<string, string>>,
  version: string,
): ReadonlyMap<string, Uint8Array> {
  const count = Math.max(1, Math.ceil(weights.length / SHARD_BYTES));
  const shards = Array.from({ length: count }, (_, i) => ({
    name: `group1-shard${i + 1}of${count}.bin`,
    bytes: weights.subarray(i * SHARD_BYTES, (i + 1) * SHARD_BYTES),
  }));
  const model = {
    format: "graph-model",
    generatedBy: `densekit ${version}`,
    convertedBy: null,
    signature,
    userDefinedMetadata: metadata,
    modelTopology,
    weightsManifest: [{ paths: shards.map(({ name }) => name), weights: weightSpecs }],
  };
  return new Map([
    [MODEL_FILE, new TextEncoder().encode(JSON.stringify(model))],
    ...shards.map(({ name, bytes }) => [name, bytes] as const),
  ]);
}

/** The contents of `model.json`, and the names of the shards beside it. */
export interface ParsedModelFile extends Omit<GraphModel, "weights" | "signature"> {
  readonly signature: Signature;
  readonly metadata: Readonly<Record<string, string>>;
  readonly paths: readonly string[];
}

export interface Signature {
  readonly inputs: Readonly<Record<string, SignatureEntry>>;
  readonly outputs: Readonly<Record<string, SignatureEntry>>;
}

export interface SignatureEntry {
  readonly name: string;
  readonly dtype: string;
  readonly tensorShape: { readonly dim?: readonly { readonly size: string }[] };
}

/** @throws UserError when the text is not that of a graph model with a signature */
export function parseModelFile(text: string, path: string): ParsedModelFile {
  const bad = (why: string) => new UserError(`${path}: ${why}; a TF.js graph model of densekit is expected`);
  let json: Record<string, unknown>;
  try {
    json = parseJson(text) as Record<string, unknown>;
  } catch {
    throw bad("not JSON");
  }
  if (json?.format !== "graph-model") throw bad(`its format is ${JSON.stringify(json?.format) ?? "not given"}`);
  const { modelTopology, signature, userDefinedMetadata, weightsManifest } = json;
  if (!isObject(modelTopology)) throw bad("it has no modelTopology");
  if (!isObject(signature) || !isObject(signature.inputs) || !isObject(signature.outputs)) {
    throw bad("it has no signature");
  }
  if (!Array.isArray(weightsManifest)) throw bad("it has no weightsManifest");
  const isList = (value: unknown): boolean => value === undefined || Array.isArray(value);
  if (!weightsManifest.every((group) => isObject(group) && isList(group.paths) && isList(group.weights))) {
    throw bad("its weightsManifest is no list of paths and weights");
  }
  const groups = weightsManifest as { readonly paths?: string[]; readonly weights?: WeightEntry[] }[];
  const paths = groups.flatMap((group) => group.paths ?? []);
  const strange = paths.find((name) => typeof name !== "string" || name.includes("..") || /[\\/:]/.test(name));
  if (strange !== undefined) throw bad(`the weights' path ${JSON.stringify(strange)} is not beside it`);
  return {
    modelTopology,
    signature: signature as unknown as Signature,
    weightSpecs: groups.flatMap((group) => group.weights ?? []),
    metadata: isObject(userDefinedMetadata) ? (userDefinedMetadata as Record<string, string>) : {},
    paths,
  };
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
