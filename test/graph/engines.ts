import type { Engine } from "../../lib/engines/engine.js";
import { onnxRuntimeEngine } from "../../lib/engines/onnxruntime.js";
import { tfjsEngine } from "../../lib/engines/tfjs/engine.js";
import { installedTensorFlow } from "../../lib/engines/tfjs/installation.js";

/** TensorFlow is tested where `densekit engine install tensorflow` has built it. */
const native = (await installedTensorFlow()) !== undefined;

/** The engines every operator is tested on. */
export const engines: readonly {
  readonly name: string;
  readonly make: () => Engine;
  /** Slow to start and slow to run: fewer samples. */
  readonly slow?: boolean;
}[] = [
  { name: "onnxruntime", make: () => onnxRuntimeEngine({ threads: 1 }) },
  { name: "tfjs (wasm)", make: () => tfjsEngine({ backends: ["wasm"] }), slow: true },
  { name: "tfjs (cpu)", make: () => tfjsEngine({ backends: ["cpu"] }), slow: true },
  ...(native ? [{ name: "tfjs (tensorflow)", make: () => tfjsEngine({ backends: ["tensorflow"] }) }] : []),
];
