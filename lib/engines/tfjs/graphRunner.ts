import type * as Core from "@tensorflow/tfjs-core";
import type { WeightEntry } from "../../compilers/tensorflow/weights.js";
import type { Loaded } from "./backends.js";

/** A graph model loaded into TF.js. */
export interface GraphRunner {
  /**
   * Runs on tensors by name, which the caller still owns; the caller owns the outputs too. The backend must be the
   * current one.
   */
  execute(feeds: Core.NamedTensorMap): Promise<Core.NamedTensorMap>;
  dispose(): void;
}

export interface GraphArtifacts {
  readonly modelTopology: object;
  readonly signature: object;
  readonly weightSpecs: readonly WeightEntry[];
  readonly weights: Uint8Array;
}

/**
 * @param outputs the names of the requested outputs
 * @param asynchronous whether an operator reads a tensor while it runs, as suppression does
 */
export async function loadGraph(
  { backend, core, converter }: Exclude<Loaded, { readonly backend: "tensorflow" }>,
  { modelTopology, signature, weightSpecs, weights }: GraphArtifacts,
  { outputs, asynchronous }: { readonly outputs: readonly string[]; readonly asynchronous: boolean },
): Promise<GraphRunner> {
  await core.setBackend(backend);
  const weightData = weights.buffer.slice(weights.byteOffset, weights.byteOffset + weights.byteLength) as ArrayBuffer;
  const specs = weightSpecs.map((entry) => ({ ...entry, shape: [...entry.shape] }));
  const artifacts = { modelTopology, signature, weightSpecs: specs, weightData };
  const model = converter.loadGraphModelSync(core.io.fromMemorySync(artifacts));
  const names = [...outputs];
  return {
    async execute(feeds) {
      const results = asynchronous ? await model.executeAsync(feeds, names) : model.execute(feeds, names);
      const tensors = Array.isArray(results) ? results : [results];
      return Object.fromEntries(names.map((name, i) => [name, tensors[i]!]));
    },
    dispose: () => model.dispose(),
  };
}
