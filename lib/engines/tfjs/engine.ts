import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { graphModel } from "../../compilers/tensorflow/graphModel.js";
import { savedModel } from "../../compilers/tensorflow/savedModel.js";
import { type TensorFlowGraph, tensorFlowGraph } from "../../compilers/tensorflow/write.js";
import type { TensorType, Value } from "../../graph/index.js";
import type { Engine, Program } from "../engine.js";
import { BACKENDS, type Backend } from "./backendNames.js";
import { type Loaded, loadBackend } from "./backends.js";
import { loadGraph } from "./graphRunner.js";
import { inTurn, tensorProgram } from "./program.js";

export interface TfjsOptions {
  /** Tried in this order; the first that this machine has runs everything. Default: all. */
  readonly backends?: readonly Backend[];
}

/**
 * The engine on TensorFlow.js: every graph, gradients included, is written as a TensorFlow graph once and run as such,
 * natively in a TensorFlow session or by TF.js's own interpreter of graphs.
 *
 * @throws UserError at the first compilation, when none of the backends is available on this machine
 */
export function tfjsEngine({ backends = BACKENDS }: TfjsOptions = {}): Engine {
  return {
    name: `tfjs (${backends.join(", ")})`,
    compile: (outputs: Readonly<Record<string, Value>>): Promise<Program> =>
      inTurn(async () => {
        const loaded = await loadBackend(backends);
        return loaded.backend === "tensorflow" ? compileNative(outputs, loaded) : compileGraph(outputs, loaded);
      }),
  };
}

const typesOf = (tensors: TensorFlowGraph["inputs"]): Readonly<Record<string, TensorType>> =>
  Object.fromEntries(Object.entries(tensors).map(([name, { shape, dtype }]) => [name, { shape, dtype }]));

/** Writes a saved model to a temporary folder, which is removed once TensorFlow has read it. */
async function compileNative(
  outputs: Readonly<Record<string, Value>>,
  { tf }: Extract<Loaded, { backend: "tensorflow" }>,
): Promise<Program> {
  const graph = tensorFlowGraph(outputs, "tensorflow");
  const folder = await mkdtemp(join(tmpdir(), "densekit-"));
  try {
    await writeFile(join(folder, "saved_model.pb"), savedModel(graph));
    await tf.setBackend("tensorflow");
    const model = await tf.node.loadSavedModel(folder, ["serve"], "serving_default");
    return tensorProgram({
      core: tf,
      backend: "tensorflow",
      inputs: typesOf(graph.inputs),
      outputs: typesOf(graph.outputs),
      execute: async (feeds) => model.predict(feeds),
      dispose: async () => model.dispose(),
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function compileGraph(
  outputs: Readonly<Record<string, Value>>,
  loaded: Exclude<Loaded, { backend: "tensorflow" }>,
): Promise<Program> {
  const graph = tensorFlowGraph(outputs, "tfjs");
  const { asynchronous } = graph;
  const { execute, dispose } = await loadGraph(loaded, graphModel(graph), {
    outputs: Object.keys(graph.outputs),
    asynchronous,
  });
  return tensorProgram({
    core: loaded.core,
    backend: loaded.backend,
    inputs: typesOf(graph.inputs),
    outputs: typesOf(graph.outputs),
    execute,
    dispose: async () => dispose(),
  });
}
