import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type * as Core from "@tensorflow/tfjs-core";
import {
  MODEL_FILE,
  type ParsedModelFile,
  parseModelFile,
  type SignatureEntry,
} from "../../compilers/tensorflow/files.js";
import { UserError } from "../../errors.js";
import { describeFileError, readBytes } from "../../files.js";
import type { DType, TensorData } from "../../graph/index.js";
import type { ModelFile, OpenTypes, SizedTensor, SizedTensors } from "../modelFile.js";
import type { Backend } from "./backendNames.js";
import { type Loaded, loadBackend } from "./backends.js";
import { loadGraph } from "./graphRunner.js";
import { inTurn } from "./program.js";

type GraphBackend = Exclude<Backend, "tensorflow">;

/**
 * Opens a TF.js graph model, given by its folder or its `model.json`, with TF.js itself.
 *
 * @throws UserError when it cannot be read, or TF.js is not installed
 */
export async function openTfjsFile(
  path: string,
  { backends = ["wasm", "cpu"] }: { readonly backends?: readonly GraphBackend[] } = {},
): Promise<ModelFile> {
  const file = await modelPath(path);
  const parsed = parseModelFile(await readBytes(file).then((bytes) => bytes.toString("utf8")), file);
  const shards = await Promise.all(parsed.paths.map((name) => readBytes(join(dirname(file), name))));
  const weights = Buffer.concat(shards);
  checkWeights(parsed, weights.length, file);
  const { inputs, outputs } = parsed.signature;
  const text = JSON.stringify(parsed.modelTopology);
  const wanted = { outputs: Object.keys(outputs), asynchronous: text.includes('"NonMaxSuppression') };
  const { loaded, runner } = await inTurn(async () => {
    const backend = (await loadBackend(backends)) as Exclude<Loaded, { readonly backend: "tensorflow" }>;
    return { loaded: backend, runner: await loadGraph(backend, { ...parsed, weights }, wanted) };
  });
  return {
    metadata: parsed.metadata,
    inputs: typesOf(inputs),
    outputs: typesOf(outputs),
    run: (given: SizedTensors) =>
      inTurn(async () => {
        const feeds: Core.NamedTensorMap = {};
        let results: Core.NamedTensorMap = {};
        await loaded.core.setBackend(loaded.backend);
        try {
          for (const name of Object.keys(inputs)) feeds[name] = feedOf(loaded.core, given[name], name, file);
          results = await runner.execute(feeds);
          const entries = Object.entries(results).map(async ([name, tensor]) => [name, await sized(tensor)] as const);
          return Object.fromEntries(await Promise.all(entries));
        } finally {
          for (const tensor of [...Object.values(feeds), ...Object.values(results)]) tensor.dispose();
        }
      }),
    dispose: () => inTurn(async () => runner.dispose()),
  };
}

async function modelPath(path: string): Promise<string> {
  const there = await stat(path).catch((error: unknown) => {
    throw describeFileError(error, path, "read");
  });
  return there.isDirectory() ? join(path, MODEL_FILE) : path;
}

const WIDTHS = { float32: 4, int32: 4, bool: 1 } as const;

/** @throws UserError when the shards hold more or less than the weights `model.json` names */
function checkWeights({ weightSpecs }: ParsedModelFile, bytes: number, path: string): void {
  const named = weightSpecs.reduce((total, { shape, dtype, quantization }) => {
    const width = quantization === undefined ? WIDTHS[dtype] : quantization.dtype === "uint8" ? 1 : 2;
    return total + shape.reduce((a, b) => a * b, 1) * width;
  }, 0);
  if (named === bytes) return;
  throw new UserError(
    `${path}: it names ${named} bytes of weights, the files beside it hold ${bytes}; export it again`,
  );
}

const DTYPES: Readonly<Record<string, DType>> = { DT_FLOAT: "float32", DT_INT32: "int32", DT_BOOL: "bool" };

function typesOf(entries: Readonly<Record<string, SignatureEntry>>): OpenTypes {
  return Object.fromEntries(
    Object.entries(entries).map(([name, { dtype, tensorShape }]) => [
      name,
      { dtype: DTYPES[dtype] ?? "float32", shape: (tensorShape.dim ?? []).map(({ size }) => Number(size)) },
    ]),
  );
}

function feedOf(core: typeof Core, given: SizedTensor | undefined, name: string, path: string): Core.Tensor {
  if (given === undefined) throw new Error(`${path}: the input ${name} was not given`);
  const { dtype, shape, data } = given;
  if (dtype !== "uint8") return core.tensor(data, [...shape], dtype);
  return core.tensor(Int32Array.from(data), [...shape], "int32");
}

async function sized(tensor: Core.Tensor): Promise<SizedTensor> {
  const data = (await tensor.data()).slice() as TensorData;
  return { dtype: tensor.dtype as DType, shape: tensor.shape, data };
}
